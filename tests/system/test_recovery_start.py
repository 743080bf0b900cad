"""What a start finds: each row of recovery's table, and another server on the same folder."""

import random
import shutil
import signal
import sqlite3
import unittest
import uuid
from contextlib import closing
from typing import ClassVar

from restore.contract.job import JOB_ERRORS
from tests.support.promises import assert_gone, crew, noise
from tests.support.scripted import Scripted
from tests.support.service import Service, wait_until

PICTURE = noise(random.Random(2))
LARGE = noise(random.Random(3), size=(300, 200))  # 180 KB: an upload with a file of its own


class RemainsTest(unittest.TestCase):
    """A crash for each row at once: made with one server that was killed, found by the next."""

    service: ClassVar[Scripted]
    jobs: ClassVar[dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = service = Scripted(WORKERS=2, MEMORY_BUDGET_MB=1)  # 1: one after the other
        cls.addClassCleanup(service.__exit__)
        service.start()
        ended = service.ended(service.promise(LARGE, model_id="bad/returns_input"))["job_id"]
        failed = service.ended(service.promise(LARGE, model_id="bad/raises"))["job_id"]
        held, _ = service.hold(LARGE)
        names = ("waiting", "robbed", "promoted", "cancelled")
        cls.jobs = {name: service.promise(LARGE, model_id="gate/hold") for name in names}
        cls.jobs |= {"in work": held, "ended": ended, "failed": failed}
        service.vanish()
        assert_gone(service)
        cls.lay_out()
        service.clear_gate()
        for name in ("in work", "waiting"):
            service.open_gate(cls.jobs[name])
        service.start()

    @classmethod
    def lay_out(cls) -> None:
        """Bring about by hand what a kill can't be made to hit."""
        temp, outputs = cls.service.storage / "tmp", cls.service.storage / "outputs"
        jobs, upload = cls.jobs, temp / f"{cls.jobs['waiting']}.upload"
        (temp / f"{jobs['robbed']}.upload").unlink()
        (outputs / f"{jobs['promoted']}.png").write_bytes(LARGE)
        with closing(sqlite3.connect(cls.service.storage / "jobs.sqlite3")) as connection:
            as_left = "UPDATE jobs SET status = 'running', attempt = 1, working = 1 WHERE id = ?"
            connection.execute(as_left, (jobs["promoted"],))
            connection.execute("DELETE FROM jobs WHERE id = ?", (jobs["cancelled"],))
            connection.commit()
        (outputs / f"{jobs['cancelled']}.png").write_bytes(LARGE)
        for name in ("ended", "failed"):
            shutil.copyfile(upload, temp / f"{jobs[name]}.upload")
            (temp / f"{jobs[name]}.work" / "1-00000000").mkdir(parents=True)
        jobs["unpromised"] = str(uuid.uuid4())
        (temp / f"{jobs['unpromised']}.part").write_bytes(LARGE[:100])
        jobs["unanswered"] = str(uuid.uuid4())
        (temp / f"{jobs['unanswered']}.upload").write_bytes(LARGE)

    def files_go(self, name: str, *but: str) -> None:
        left = [self.jobs[name] + suffix for suffix in but]
        wait_until(lambda: self.service.files_of(self.jobs[name]) == left, f"{left} alone")

    def ends(self, name: str) -> tuple[str, str | None, int]:
        job = self.service.ended(self.jobs[name])
        return job["status"], job["error"], self.service.row(self.jobs[name])["vanished"]

    def test_upload_before_the_commit_is_removed(self) -> None:
        for name in ("unpromised", "unanswered"):
            self.files_go(name)
            answer = self.service.request("GET", f"/v1/jobs/{self.jobs[name]}")
            self.assertEqual(404, answer.status)

    def test_queued_job_waits_its_turn(self) -> None:
        self.assertEqual(("succeeded", None, 0), self.ends("waiting"))
        self.files_go("waiting", ".png")

    def test_job_without_its_upload_fails(self) -> None:
        self.assertEqual(("failed", JOB_ERRORS["storage"], 0), self.ends("robbed"))
        self.files_go("robbed")

    def test_job_in_work_runs_again(self) -> None:
        self.assertEqual(("succeeded", None, 1), self.ends("in work"))
        self.files_go("in work", ".png")

    def test_job_with_its_result_has_succeeded(self) -> None:
        self.assertEqual("succeeded", self.ends("promoted")[0])
        self.assertEqual([], self.service.arrived(self.jobs["promoted"]))  # nobody did it again
        result = self.service.result(self.service.poll(self.jobs["promoted"]))
        self.assertEqual((200, LARGE), (result.status, result.body))
        self.files_go("promoted", ".png")

    def test_files_of_ended_jobs_are_removed(self) -> None:
        self.files_go("ended", ".png")
        self.files_go("failed")
        self.assertEqual("succeeded", self.ends("ended")[0])
        self.assertEqual("failed", self.ends("failed")[0])

    def test_result_without_a_row_stays_and_nobody_can_fetch_it(self) -> None:
        wait_until(lambda: self.service.log_has("belong to no job"), "the sentence")
        self.files_go("cancelled", ".png")
        path = f"/outputs/{self.jobs['cancelled']}.png"
        self.assertEqual(404, self.service.request("GET", path).status)


class TwoServersTest(unittest.TestCase):
    def second(self, first: Service, grace_s: float) -> Service:
        second = Service(first.storage, SHUTDOWN_GRACE_S=grace_s)
        self.addCleanup(second.__exit__)
        return second

    def test_second_is_refused_in_a_sentence_and_the_first_unharmed(self) -> None:
        with Service() as first:
            second = self.second(first, 0)
            second.launch()
            self.assertEqual(1, second.wait())
            wait_until(lambda: second.log_has("is in use by another server."), "the sentence")
            self.assertNotIn("Traceback", second.log)
            self.assertEqual(2, len(second.lines), second.log)  # that it waits, and why it ends
            job = first.ended(first.promise(PICTURE))
            self.assertEqual("succeeded", job["status"])

    def test_second_waits_for_the_first_to_leave_and_takes_over(self) -> None:
        with Scripted() as first:
            job_id, _ = first.hold(PICTURE)
            second = self.second(first, 30)
            second.launch()
            wait_until(lambda: second.log_has("waiting up to"), "the second to wait")
            first.signal(signal.SIGTERM)
            wait_until(lambda: second.log_has("Listening"), "the second to take over")
            second.port = int(second.log.split("Listening on http://127.0.0.1:")[1].split()[0])
            self.assertEqual("succeeded", second.ended(job_id)["status"])


class OrphansTest(unittest.TestCase):
    def test_child_that_holds_the_gil_is_gone_with_its_server(self) -> None:
        with Scripted(WORKERS=2) as service:
            service.hold(PICTURE, "gate/gil")
            self.assertGreaterEqual(len(crew(service)), 4)  # server, fork server, tracker, child
            service.vanish()
            assert_gone(service)


if __name__ == "__main__":
    unittest.main()
