"""A server whose machines come, go, hang and die: every promise is kept as on one machine.

With RESTORE_LONG_TESTS=1 the loop takes minutes instead of seconds.
"""

import importlib.util
import random
import signal
import threading
import time
import unittest
from functools import partial
from typing import Any

from tests.support.cluster import WorkerProcess, free_address
from tests.support.promises import LONG, Promises, assert_gone, noise, rows, seed
from tests.support.service import Service, wait_until

ROUNDS = 120 if LONG else 3


@unittest.skipUnless(importlib.util.find_spec("distributed"), "the extra dask isn't here")
class ClusterCase(unittest.TestCase):
    delay = "0"

    def setUp(self) -> None:
        self.address = free_address()
        self.machine = WorkerProcess(self.address, "--with-scheduler", **self.provider)
        self.service = Service(WORKERS_AT=self.address, **self.provider)
        self.addCleanup(self.service.__exit__)

    @property
    def provider(self) -> dict[str, Any]:
        return {"PROVIDER": "dummy", "DUMMY_DELAY_S": self.delay}

    def ready(self) -> bool:
        return self.service.request("GET", "/readyz").status == 200


class WaitingTest(ClusterCase):
    def test_without_machines_jobs_wait_and_readyz_says_so(self) -> None:
        self.service.start()
        photo = noise(random.Random(1))
        job_id = self.service.promise(photo)
        answer = self.service.request("GET", "/readyz")
        self.assertEqual(503, answer.status)
        self.assertEqual(["No machine of the cluster is there."], answer.json["reasons"])
        wait_until(lambda: self.service.log_has("can't be reached"), "the log to say so")
        self.assertEqual("queued", self.service.poll(job_id)["status"])
        with self.machine:
            wait_until(self.ready, "the machine")
            job = self.service.ended(job_id)
            self.assertEqual(photo, self.service.result(job).body)


class LossTest(ClusterCase):
    delay = "1.5"

    def test_a_lost_machine_counts_like_a_vanished_server(self) -> None:
        self.service.start()
        with self.machine, WorkerProcess(self.address, **self.provider) as other:
            wait_until(lambda: self.service.log_has("slots: 4"), "both machines")
            jobs = [self.service.promise(noise(random.Random(n))) for n in range(4)]
            running = "SELECT count(*) FROM jobs WHERE status = 'running'"
            wait_until(lambda: rows(self.service, running) == [(4,)], "all to run")
            other.signal(signal.SIGKILL)
            for job_id in jobs:
                self.assertEqual("succeeded", self.service.ended(job_id)["status"])
            counted = rows(self.service, "SELECT max(attempt), max(vanished) FROM jobs")
            self.assertEqual([(1, 1)], counted)

    def test_a_cancelled_job_ends_there_too(self) -> None:
        self.service.start()
        with self.machine:
            job_id = self.service.promise(noise(random.Random(1)))
            wait_until(lambda: self.service.poll(job_id)["status"] == "running", "it to run")
            self.assertEqual(204, self.service.request("DELETE", f"/v1/jobs/{job_id}").status)
            began = time.monotonic()
            self.service.ended(self.service.promise(noise(random.Random(2))))
            self.assertLess(time.monotonic() - began, 15.0)

    def test_jobs_go_on_when_scheduler_and_machine_are_back(self) -> None:
        self.service.start()
        with self.machine:
            job_id = self.service.promise(noise(random.Random(1)))
            wait_until(lambda: self.service.poll(job_id)["status"] == "running", "it to run")
            self.machine.signal(signal.SIGKILL)
            wait_until(lambda: not self.ready(), "the loss to be seen")
            self.assertEqual("running", self.service.poll(job_id)["status"])
            self.machine.start()
            self.assertEqual("succeeded", self.service.ended(job_id)["status"])


class RefusalTest(ClusterCase):
    def test_a_machine_of_another_provider_is_refused_in_a_sentence(self) -> None:
        self.service.start()
        sentence = "It has PROVIDER generic, and the server has PROVIDER dummy."
        with WorkerProcess(self.address, "--with-scheduler", PROVIDER="generic") as other:
            wait_until(lambda: self.service.log_has(sentence), "the refusal")
            wait_until(lambda: sentence in other.log, "the machine to be told")
            self.assertFalse(self.ready())


class RestoringTest(ClusterCase):
    provider = {"PROVIDER": "generic"}

    def test_a_photo_is_restored_with_its_picture_from_before(self) -> None:
        self.service.start()
        with self.machine:
            job = self.service.ended(
                self.service.promise(noise(random.Random(1), "JPEG", (300, 200)))
            )
            self.assertEqual("succeeded", job["status"])
            self.assertEqual(200, self.service.result(job).status)
            before = self.service.request("GET", f"/v1/jobs/{job['job_id']}/before")
            self.assertEqual(200, before.status)
        self.assertEqual([], list((self.service.storage / "tmp").iterdir()))


class KillLoop(ClusterCase):
    delay = "0-0.2"

    def test_front_scheduler_and_machines(self) -> None:
        """Killed at random; nothing that was promised is lost, or blamed for it."""
        number = seed()
        dice = random.Random(number)
        with self.machine, WorkerProcess(self.address, **self.provider) as other:
            self.service.start()
            promises = Promises(self.service, number)
            with self.subTest(seed=number), promises.begin(uploaders=3):
                for count in range(1, ROUNDS + 1):
                    wait_until(partial(promises.has, 6 * count), "uploads to be taken")
                    threading.Event().wait(dice.random())  # the moment that the kill meets
                    victim = dice.choice((self.machine, other, None))
                    if victim is None:
                        promises.life += 1
                        self.service.signal(signal.SIGKILL)
                        self.service.wait()
                        assert_gone(self.service)
                        self.service.start()
                    else:
                        victim.signal(signal.SIGKILL)
                        victim.start()
                promises.end()
                promises.settle()
