"""A dead worker, a vanished server and a polite stop are three things, and are counted so."""

import os
import random
import re
import signal
import sqlite3
import unittest
from contextlib import closing
from typing import Any, ClassVar

from restore.contract.job import JOB_ERRORS, MAX_ATTEMPTS, MAX_VANISHED
from tests.support.promises import assert_gone, noise
from tests.support.scripted import Scripted
from tests.support.service import wait_until

PICTURE = noise(random.Random(1))


class AttemptsCase(unittest.TestCase):
    service: ClassVar[Scripted]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Scripted(WORKERS=1)
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)

    def counts(self, job_id: str) -> tuple[str, int, int]:
        row = self.service.row(job_id)
        return row["status"], row["attempt"], row["vanished"]

    def events(self, name: str, job_id: str) -> list[dict[str, Any]]:
        return [event for event in self.service.events(name) if event["job_id"] == job_id]

    def kill_worker(self, job_id: str, attempt: int) -> None:
        os.kill(self.service.wait_for_arrival(job_id, attempt), signal.SIGKILL)


class WorkerTest(AttemptsCase):
    def test_worker_that_dies_costs_an_attempt_each_time(self) -> None:
        job_id, _ = self.service.hold(PICTURE)
        neighbour = self.service.promise(PICTURE, model_id="bad/returns_input")
        for attempt in range(1, MAX_ATTEMPTS + 1):
            self.assertEqual("running", self.service.poll(job_id)["status"])
            self.kill_worker(job_id, attempt)
        job = self.service.ended(job_id)
        self.assertEqual(("failed", JOB_ERRORS["worker_died"]), (job["status"], job["error"]))
        self.assertEqual(0.5, round(job["progress"], 1))  # what was reached is not taken back
        self.assertEqual(("failed", MAX_ATTEMPTS, 0), self.counts(job_id))
        failed = wait_until(lambda: self.events("restore.failed", job_id), "the event")
        self.assertEqual(["worker_died"], [event["error_class"] for event in failed])
        started = self.events("restore.started", job_id)
        self.assertEqual([1, 2, 3], [event["attempt"] for event in started])
        self.assertEqual("succeeded", self.service.ended(neighbour)["status"])
        self.assertEqual(("succeeded", 1, 0), self.counts(neighbour))

    def test_last_attempt_may_succeed(self) -> None:
        job_id, _ = self.service.hold(PICTURE)
        progress = 0.0
        for attempt in range(1, MAX_ATTEMPTS):
            self.kill_worker(job_id, attempt)
            self.service.wait_for_arrival(job_id, attempt + 1)
            told = self.service.poll(job_id)
            self.assertEqual("running", told["status"])
            self.assertGreaterEqual(told["progress"], progress)
            progress = told["progress"]
        self.service.open_gate(job_id)
        self.assertEqual("succeeded", self.service.ended(job_id)["status"])
        self.assertEqual(("succeeded", MAX_ATTEMPTS, 0), self.counts(job_id))

    def test_disk_that_was_full_costs_nothing(self) -> None:
        job_id, _ = self.service.hold(PICTURE, "gate/room")
        neighbour = self.service.promise(PICTURE, model_id="bad/returns_input")
        waits = re.compile(f"{job_id} .*waits for room")
        wait_until(lambda: len(waits.findall(self.service.log)) > 1, "a second try")
        self.assertEqual("running", self.service.poll(job_id)["status"])
        self.service.open_gate(job_id)
        self.assertEqual("succeeded", self.service.ended(job_id)["status"])
        self.assertEqual(("succeeded", 1, 0), self.counts(job_id))
        self.assertEqual("succeeded", self.service.ended(neighbour)["status"])

    def test_exception_and_bad_output_end_the_job_at_once(self) -> None:
        for model, error in (("bad/raises", "provider_error"), ("bad/returns_none", "bad_output")):
            with self.subTest(model):
                job_id = self.service.promise(PICTURE, model_id=model)
                self.assertEqual(JOB_ERRORS[error], self.service.ended(job_id)["error"])
                self.assertEqual(("failed", 1, 0), self.counts(job_id))


class ServerTest(AttemptsCase):
    def restart(self) -> None:
        """Start again after a kill, or after a stop."""
        assert_gone(self.service)
        self.service.clear_gate()
        self.service.start()

    def test_server_that_vanishes_is_counted_apart(self) -> None:
        job_id, _ = self.service.hold(PICTURE)
        self.service.vanish()
        self.restart()
        self.assertEqual("running", self.service.poll(job_id)["status"])  # never queued again
        self.kill_worker(job_id, 1)  # and now a death of the other kind
        self.service.wait_for_arrival(job_id, 2)
        self.assertEqual(("running", 2, 1), self.counts(job_id))
        self.service.vanish()
        self.restart()
        self.service.wait_for_arrival(job_id)
        self.assertEqual(("running", 2, 2), self.counts(job_id))  # one death, and this attempt
        self.service.open_gate(job_id)
        self.assertEqual("succeeded", self.service.ended(job_id)["status"])

    def test_server_that_vanishes_too_often_fails_the_job_alone(self) -> None:
        job_id, _ = self.service.hold(PICTURE)
        neighbour = self.service.promise(PICTURE, model_id="bad/returns_input")
        self.service.vanish()
        with closing(sqlite3.connect(self.service.storage / "jobs.sqlite3")) as connection:
            # As if the ten before had vanished as well: ten starts would tell nothing more.
            connection.execute("UPDATE jobs SET vanished = ? WHERE id = ?", (MAX_VANISHED, job_id))
            connection.commit()
        self.restart()
        job = self.service.ended(job_id)
        self.assertEqual(("failed", JOB_ERRORS["server_died"]), (job["status"], job["error"]))
        self.assertEqual("succeeded", self.service.ended(neighbour)["status"])
        self.assertEqual([], self.service.arrived(job_id))

    def test_polite_stop_costs_nothing(self) -> None:
        job_id, _ = self.service.hold(PICTURE)
        self.assertEqual(0, self.service.stop())
        self.assertEqual(("running", 0, 0), self.counts(job_id))
        self.restart()
        self.assertEqual("running", self.service.poll(job_id)["status"])
        self.service.wait_for_arrival(job_id)
        self.service.open_gate(job_id)
        self.assertEqual("succeeded", self.service.ended(job_id)["status"])
        self.assertEqual(("succeeded", 1, 0), self.counts(job_id))


if __name__ == "__main__":
    unittest.main()
