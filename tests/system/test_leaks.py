"""Jobs in a row leave files, descriptors, children and memory where they were.

Ten in each run; with RESTORE_LONG_TESTS=1 a thousand, over which children are replaced by the rules
and the server must not grow either.
"""

import random
import subprocess
import sys
import unittest
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.support.promises import LONG, crew, noise, workers
from tests.support.service import Service, wait_until

JOBS = 1000 if LONG else 10
WARM_UP = 100 if LONG else 10
WORKERS = 2
# Python 3.11, Linux, 2026-11-22: the server grew by 0.06 MiB over ten jobs, by 1.5 MiB over the
# first thousand and by 0.4 MiB over the next; a child stayed within 0.1 MiB.
SERVER_GROWTH_KIB = 3072
CHILD_GROWTH_KIB = 4096


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a server has at one moment, with nothing to do."""

    descriptors: int
    processes: int
    server_kib: int
    largest_child_kib: int
    temporary: int


def resident_kib(pid: int) -> int:
    command = ["ps", "-o", "rss=", "-p", str(pid)]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return int(text or 0)


def descriptors(pid: int) -> int:
    """How many files and sockets the process has open; 0 where the system doesn't tell."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir())) if sys.platform == "linux" else 0


def look_at(service: Service) -> Holdings:
    return Holdings(
        descriptors(service.pid),
        len(crew(service)),
        resident_kib(service.pid),
        max(map(resident_kib, workers(service))),
        len(list((service.storage / "tmp").iterdir())),
    )


class LeakTest(unittest.TestCase):
    def setUp(self) -> None:
        self.service = Service(WORKERS=WORKERS, MAX_IMAGE_MB=1)
        self.addCleanup(self.service.__exit__)
        self.service.start()
        dice = random.Random(11)
        self.good = [noise(dice, kind, (120, 80)) for kind in ("PNG", "JPEG", "WEBP")]
        self.damaged = noise(dice, "JPEG", (400, 400))[:-5000]

    def work(self, count: int) -> None:
        """So many jobs, one after the other, and beside them all that is refused or goes wrong."""
        for number in range(count):
            job = self.service.ended(self.service.promise(self.good[number % 3]))
            self.assertEqual("succeeded", job["status"])
            self.assertEqual(200, self.service.result(job).status)
            if number % 5 == 0:
                self.go_wrong(job["job_id"])

    def go_wrong(self, job_id: str) -> None:
        service = self.service
        self.assertEqual("failed", service.ended(service.promise(self.damaged))["status"])
        self.assertEqual(415, service.upload(b"no image").status)
        self.assertEqual(413, service.upload(bytes(2 << 20)).status)
        self.assertEqual(404, service.request("GET", f"/v1/jobs/{uuid.uuid4()}").status)
        self.assertEqual(204, service.request("DELETE", f"/v1/jobs/{job_id}").status)
        self.assertTrue(service.raw(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 "))
        service.raw(b"POST /v1/restore HTTP/1.1\r\nHost: localhost\r\n", half_close=True)

    def test_jobs_in_a_row_leave_everything_as_it_was(self) -> None:
        self.work(WARM_UP)
        before = self.rest()
        self.work(JOBS)
        after = self.rest(before)
        self.assertLessEqual(after.descriptors, before.descriptors)
        self.assertEqual(before.processes, after.processes)
        self.assertEqual(0, after.temporary)
        self.assertLessEqual(after.server_kib, before.server_kib + SERVER_GROWTH_KIB)
        child_kib = before.largest_child_kib + CHILD_GROWTH_KIB
        self.assertLessEqual(after.largest_child_kib, child_kib)
        names = {path.name for path in self.service.storage.iterdir()}
        database = {"jobs.sqlite3", "jobs.sqlite3-wal", "jobs.sqlite3-shm"}
        self.assertEqual({"lock", "tmp", "outputs", "before"} | database, names)
        results = list((self.service.storage / "outputs").iterdir())
        deleted = -(-WARM_UP // 5) + -(-JOBS // 5)
        self.assertEqual(WARM_UP + JOBS - deleted, len(results))
        pictures = {path.stem for path in (self.service.storage / "before").iterdir()}
        self.assertEqual({path.stem for path in results}, pictures)
        if LONG:
            print(f"{JOBS} jobs: {before} -> {after}", file=sys.stderr)

    def rest(self, before: Holdings | None = None) -> Holdings:
        """What there is once connections are closed and work folders removed."""

        def calm() -> Holdings | None:
            now = look_at(self.service)
            more = before is not None and now.descriptors > before.descriptors
            return None if now.temporary or more else now

        held: Holdings = wait_until(calm, f"the server to come to rest: {look_at(self.service)}")
        return held


if __name__ == "__main__":
    unittest.main()
