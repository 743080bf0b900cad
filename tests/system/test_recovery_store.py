"""The four known bugs of task stores in SQLite, and retention, as a client of a server sees them.

A locked database, a cancel that answers 500, a file that grows for ever, an exception that leaves a
job running for ever.
"""

import random
import shutil
import socket
import sqlite3
import unittest
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import ClassVar

from tests.support.promises import Promises, assert_gone, noise, rows, seed
from tests.support.scripted import Scripted
from tests.support.service import PATIENCE_S, Answer, Service, wait_until

PICTURE = noise(random.Random(9))
LARGE = noise(random.Random(8), size=(300, 200))  # 180 KB: an upload with a file of its own
GOOD = "bad/returns_input"


class CrowdTest(unittest.TestCase):
    def test_many_clients_never_meet_a_lock(self) -> None:
        """Uploads, polls and deletes at once, while somebody else reads the file all the time."""
        number = seed()
        with Service() as service, self.subTest(seed=number):
            with Promises(service, number) as promises:
                wait_until(lambda: promises.has(30), "30 uploads")
                for job_id in [service.promise(PICTURE) for _ in range(10)]:
                    self.assertEqual(204, service.request("DELETE", f"/v1/jobs/{job_id}").status)
                    rows(service, "SELECT count(*) FROM jobs")
                promises.end()
                promises.settle()
            self.assertNotIn("locked", service.log)


class ForeignHandTest(unittest.TestCase):
    """Somebody else lays hands on the database or on the files of a server that works on them."""

    service: ClassVar[Scripted]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Scripted(WORKERS=1)
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)

    def tearDown(self) -> None:
        """Whatever it was: the next job succeeds, and nothing of the others is left."""
        job_id = self.service.promise(PICTURE, model_id=GOOD)
        self.assertEqual("succeeded", self.service.ended(job_id)["status"])
        wait_until(partial(is_empty, self.service.storage / "tmp"), "an empty tmp/")

    def assert_unavailable(self, answer: Answer) -> None:
        self.assertEqual((503, "storage_unavailable"), (answer.status, answer.json["code"]))
        self.assertRegex(answer.json["error"], r"^[A-Z][^/]+\.$")
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)

    def test_a_lock_is_waited_for_or_a_503_and_no_job_is_lost(self) -> None:
        held, _ = self.service.hold(PICTURE)
        with closing(sqlite3.connect(self.service.storage / "jobs.sqlite3")) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            self.service.open_gate(held)
            self.assert_unavailable(self.service.request("DELETE", f"/v1/jobs/{held}"))
            self.assertEqual("running", self.service.poll(held)["status"])  # reads go on
        self.assertEqual("succeeded", self.service.ended(held)["status"])

    def test_a_row_in_other_words_is_a_503(self) -> None:
        job_id = self.service.ended(self.service.promise(PICTURE, model_id=GOOD))["job_id"]
        with closing(sqlite3.connect(self.service.storage / "jobs.sqlite3")) as foreign:
            foreign.execute("UPDATE jobs SET status = 'lost' WHERE id = ?", (job_id,))
            foreign.commit()
        self.assert_unavailable(self.service.request("GET", f"/v1/jobs/{job_id}"))

    def test_no_job_stays_running_when_the_files_are_taken_away(self) -> None:
        held, _ = self.service.hold(LARGE)
        waiting = self.service.promise(LARGE, model_id=GOOD)
        for path in (self.service.storage / "tmp").glob("*.upload"):
            path.unlink()
        self.service.open_gate(held)
        self.assertIn(self.service.ended(held)["status"], ("succeeded", "failed"))
        self.assertEqual("failed", self.service.ended(waiting)["status"])
        self.assertEqual("storage", self.service.row(waiting)["error"])

    def test_no_job_stays_running_when_the_folder_is_taken_away(self) -> None:
        held, _ = self.service.hold(PICTURE)
        large = self.service.promise(LARGE, model_id=GOOD)
        small = self.service.promise(PICTURE, model_id=GOOD)
        shutil.rmtree(self.service.storage / "tmp")
        later = [self.service.promise(image, model_id=GOOD) for image in (PICTURE, LARGE)]
        self.service.open_gate(held)
        self.assertIn(self.service.ended(held)["status"], ("succeeded", "failed"))
        self.assertEqual("failed", self.service.ended(large)["status"])
        self.assertEqual("storage", self.service.row(large)["error"])
        self.assertEqual("failed", self.service.ended(small)["status"])
        for job_id in later:
            self.assertEqual("succeeded", self.service.ended(job_id)["status"])


class LostStorageTest(unittest.TestCase):
    def test_nothing_is_promised_that_is_kept_nowhere(self) -> None:
        with Scripted(WORKERS=1) as service:
            held, _ = service.hold(PICTURE)
            service.promise(PICTURE, model_id=GOOD)
            service.storage.rename(service.storage.with_name("elsewhere"))
            service.open_gate(held)
            for image in (PICTURE, LARGE, PICTURE, LARGE):
                answer = service.upload(image)
                self.assertEqual((503, "storage_unavailable"), (answer.status, answer.json["code"]))
            self.assertFalse(service.storage.exists())
            service.storage.with_name("elsewhere").rename(service.storage)


class RetentionTest(unittest.TestCase):
    service: ClassVar[Scripted]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Scripted(RETENTION_HOURS=f"{1 / 3600:.9f}")  # one second
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)

    def count(self) -> int:
        found: int = rows(self.service, "SELECT count(*) FROM jobs")[0][0]
        return found

    def pages(self) -> int:
        """Of the database; what its -wal holds meanwhile has a bound of its own."""
        found: int = rows(self.service, "PRAGMA page_count")[0][0]
        return found

    def wait_until_empty(self) -> None:
        wait_until(lambda: self.count() == 0, "all rows to go")
        for name in ("tmp", "outputs"):
            wait_until(partial(is_empty, self.service.storage / name), f"an empty {name}")

    def test_results_and_rows_go_and_disk_and_database_stay_flat(self) -> None:
        held, _ = self.service.hold(PICTURE)
        ids: list[str] = []
        pages = self.pages()
        for _ in range(2):
            ids += [self.service.promise(PICTURE, model_id=GOOD) for _ in range(15)]
            wait_until(lambda: self.count() == 1, "all but the running one to go")
            wait_until(lambda: self.pages() <= pages + 4, "the database to shrink")
        for job_id in ids:
            answer = self.service.request("GET", f"/v1/jobs/{job_id}")
            self.assertEqual((404, "job_not_found"), (answer.status, answer.json["code"]))
            path = f"/outputs/{job_id}.png"
            self.assertEqual(404, self.service.request("GET", path).status)
        self.assertEqual("running", self.service.poll(held)["status"])  # however old it is
        self.service.open_gate(held)
        self.wait_until_empty()

    def test_what_a_client_is_downloading_arrives_whole(self) -> None:
        large = noise(random.Random(10), size=(1200, 1000))  # 3.6 MB: more than sockets buffer
        job = self.service.ended(self.service.promise(large, model_id=GOOD))
        name = f"{job['job_id']}.png"
        file = self.service.storage / "outputs" / name
        got = bytearray()
        with socket.create_connection(("127.0.0.1", self.service.port), PATIENCE_S) as sock:
            sock.sendall(f"GET /outputs/{name} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            got += sock.recv(1000)
            wait_until(lambda: not file.exists(), "its removal")
            while chunk := sock.recv(1 << 16):
                got += chunk
        self.assertTrue(bytes(got).partition(b"\r\n\r\n")[2] == large)

    def test_kill_amid_retention_leaves_nothing_behind(self) -> None:
        for _ in range(20):
            self.service.promise(PICTURE, model_id=GOOD)
        wait_until(lambda: self.count() < 20, "the first rows to go")
        self.service.kill_group()
        assert_gone(self.service)
        self.service.start()
        self.wait_until_empty()


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


if __name__ == "__main__":
    unittest.main()
