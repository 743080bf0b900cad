"""DELETE: the work stops within a second, nothing of the job is left, and nobody else is harmed."""

import random
import threading
import time
import unittest
import uuid
from functools import partial
from typing import ClassVar

from tests.support.promises import assert_gone, crew, noise, rows
from tests.support.scripted import Scripted
from tests.support.service import Answer, wait_until

PICTURE = noise(random.Random(4))


class CancelTest(unittest.TestCase):
    service: ClassVar[Scripted]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Scripted(WORKERS=2, MEMORY_BUDGET_MB=4000)
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)

    def delete(self, job_id: str) -> Answer:
        answer = self.service.request("DELETE", f"/v1/jobs/{job_id}")
        self.assertEqual((204, b""), (answer.status, answer.body))
        return answer

    def assert_unknown(self, job_id: str) -> None:
        """404 to pollers, and no row, no file, no result."""
        answer = self.service.request("GET", f"/v1/jobs/{job_id}")
        self.assertEqual((404, "job_not_found"), (answer.status, answer.json["code"]))
        self.assertEqual({}, self.service.row(job_id))
        wait_until(lambda: not self.service.files_of(job_id), "its files to go", 5)

    def test_running_job_stops_within_a_second(self) -> None:
        for model in ("gate/hold", "gate/gil"):
            with self.subTest(model):
                job_id, child = self.service.hold(PICTURE, model)
                began = time.monotonic()
                self.delete(job_id)
                wait_until(partial(self.is_gone, child), "the child's end")
                self.assertLess(time.monotonic() - began, 1.0)
                self.assert_unknown(job_id)
        job_id = self.service.promise(PICTURE, model_id="bad/returns_input")
        self.assertEqual("succeeded", self.service.ended(job_id)["status"])

    def is_gone(self, pid: int) -> bool:
        return pid not in crew(self.service)

    def test_job_that_would_report_for_ever_ends_too(self) -> None:
        job_id = self.service.promise(PICTURE, model_id="bad/hangs_with_progress")
        wait_until(lambda: self.service.poll(job_id)["progress"] > 0.1, "progress")
        self.delete(job_id)
        self.assert_unknown(job_id)

    def test_neighbours_are_not_harmed(self) -> None:
        held, child = self.service.hold(PICTURE)
        doomed, _ = self.service.hold(PICTURE)
        waiting = [self.service.promise(PICTURE, model_id="bad/returns_input") for _ in range(3)]
        self.delete(doomed)
        self.delete(waiting[1])
        self.assert_unknown(doomed)
        self.assertIn(child, crew(self.service))
        self.service.open_gate(held)
        for job_id in (held, waiting[0], waiting[2]):
            self.assertEqual("succeeded", self.service.ended(job_id)["status"])
            row = self.service.row(job_id)
            self.assertEqual((1, 0), (row["attempt"], row["vanished"]))

    def test_queued_job_never_starts(self) -> None:
        held = [self.service.hold(PICTURE)[0] for _ in range(2)]
        queued = self.service.promise(PICTURE, model_id="gate/hold")
        self.assertEqual("queued", self.service.poll(queued)["status"])
        self.delete(queued)
        self.assert_unknown(queued)
        for job_id in held:
            self.service.open_gate(job_id)
            self.service.ended(job_id)
        self.assertEqual([], self.service.arrived(queued))

    def test_ended_jobs_go_with_their_results(self) -> None:
        for model in ("bad/returns_input", "bad/raises"):
            with self.subTest(model):
                job = self.service.ended(self.service.promise(PICTURE, model_id=model))
                self.delete(job["job_id"])
                self.assert_unknown(job["job_id"])
                if job["result_url"]:
                    self.assertEqual(404, self.service.result(job).status)

    def test_unknown_and_cancelled_ones_are_204_too(self) -> None:
        job_id = str(uuid.uuid4())
        self.delete(job_id)
        self.delete(job_id)
        self.delete(job_id.upper())

    def test_malformed_ids_are_404_and_touch_nothing(self) -> None:
        job = self.service.ended(self.service.promise(PICTURE, model_id="bad/returns_input"))
        job_id = job["job_id"]
        for name in ("x", job_id[:-1], job_id + "0", job_id + "%00", "%2e%2e", job_id + "%20"):
            with self.subTest(name):
                answer = self.service.request("DELETE", f"/v1/jobs/{name}")
                self.assertEqual((404, "job_not_found"), (answer.status, answer.json["code"]))
        self.assertEqual(200, self.service.result(job).status)

    def test_upper_case_names_the_same_job(self) -> None:
        job_id, _ = self.service.hold(PICTURE)
        self.delete(job_id.upper())
        self.assert_unknown(job_id)

    def test_many_at_once_for_one_job(self) -> None:
        job_id, _ = self.service.hold(PICTURE)
        statuses: list[int] = []

        def delete() -> None:
            statuses.append(self.service.request("DELETE", f"/v1/jobs/{job_id}").status)

        threads = [threading.Thread(target=delete) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([204] * 8, statuses)
        self.assert_unknown(job_id)

    def test_at_any_moment_of_a_job(self) -> None:
        """A job is deleted while it is claimed, worked on, promoted and tidied."""
        dice = random.Random(5)
        for _ in range(40):
            job_id = self.service.promise(PICTURE, model_id="bad/returns_input")
            threading.Event().wait(dice.random() * 0.04)  # the dice, nothing is waited for
            self.delete(job_id)
            self.assert_unknown(job_id)
        self.assertFalse(self.service.log_has("fault of the server"), self.service.log[-3000:])


class CancelAndRestartTest(unittest.TestCase):
    def test_cancelled_jobs_stay_gone_and_resumed_ones_can_be_cancelled(self) -> None:
        with Scripted(WORKERS=2) as service:
            first, second = service.hold(PICTURE)[0], service.hold(PICTURE)[0]
            queued = service.promise(PICTURE, model_id="gate/hold")
            self.delete(service, queued)
            service.vanish()
            assert_gone(service)
            service.clear_gate()
            service.settings["WORKERS"] = "1"
            service.start()
            service.wait_for_arrival(first)
            self.assertEqual("running", service.poll(second)["status"])  # and waits for a slot
            self.delete(service, second)
            service.open_gate(first)
            self.assertEqual("succeeded", service.ended(first)["status"])
            self.assertEqual([], service.arrived(second))
            wait_until(lambda: not list((service.storage / "tmp").iterdir()), "an empty tmp/")
            self.assertEqual([(first,)], rows(service, "SELECT id FROM jobs"))

    def delete(self, service: Scripted, job_id: str) -> None:
        self.assertEqual(204, service.request("DELETE", f"/v1/jobs/{job_id}").status)
        self.assertEqual(404, service.request("GET", f"/v1/jobs/{job_id}").status)


if __name__ == "__main__":
    unittest.main()
