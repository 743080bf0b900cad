"""A small file system that fills up: a sentence, nothing promised is lost, and it heals.

The file system is a tmpfs of its own, so this needs root on Linux; elsewhere storage's and the job
store's own tests show the same with limits and faked errors.
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import unittest
from functools import partial
from pathlib import Path

from restore.contract.http import PROBLEMS
from tests.support.promises import Promises, assert_gone, noise, seed
from tests.support.scripted import Scripted
from tests.support.service import Answer, Service, wait_until

DISK_KIB = 6144
PICTURE = noise(random.Random(6), size=(300, 200))  # 180 KB


def mount(test: unittest.TestCase, kib: int = DISK_KIB) -> Path:
    """A file system of that size for one test, or the test is skipped."""
    if sys.platform != "linux" or os.geteuid() != 0:
        test.skipTest("only root on Linux can mount a file system")
    folder = tempfile.TemporaryDirectory(prefix="restore-disk-")
    test.addCleanup(folder.cleanup)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", folder.name]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        test.skipTest(f"no file system can be mounted here: {mounted.stderr.strip()}")
    test.addCleanup(subprocess.run, ["umount", "-l", folder.name], check=True)
    return Path(folder.name)


class FullDiskTest(unittest.TestCase):
    def setUp(self) -> None:
        self.disk = mount(self)
        self.ballast = self.disk / "ballast"

    def started(self, **settings: str | float) -> Scripted:
        service = Scripted(self.disk / "data", **({"WORKERS": 1} | settings))
        self.addCleanup(service.__exit__)
        service.start()
        return service

    def fill(self, but_bytes: int = 0) -> None:
        """Take all room but that."""
        with self.ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
            size = file.tell()
        os.truncate(self.ballast, max(0, size - but_bytes))

    def assert_refused(self, answer: Answer) -> None:
        problem = PROBLEMS["storage_unavailable"]
        self.assertEqual((503, problem.code), (answer.status, answer.json["code"]))
        self.assertEqual(problem.sentence, answer.json["error"])
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)

    def test_503_while_it_is_full_and_201_when_room_comes_back(self) -> None:
        service = self.started()
        job = service.ended(service.promise(PICTURE))
        for rest in (0, 40_000, 4096):  # no room for a byte, for the upload, for the row
            with self.subTest(rest):
                self.fill(rest)
                self.assert_refused(service.upload(PICTURE))
                self.assertEqual("succeeded", service.poll(job["job_id"])["status"])
                self.assertEqual(PICTURE, service.result(job).body)
                self.assertEqual([], list((service.storage / "tmp").iterdir()))
        path = f"/v1/jobs/{job['job_id']}"
        delete = service.request("DELETE", path)  # a row needs room to go, too
        self.assertEqual((503, "storage_unavailable"), (delete.status, delete.json["code"]))
        self.assertEqual((job, 200), (service.poll(job["job_id"]), service.result(job).status))
        self.ballast.unlink()
        self.assertEqual(204, service.request("DELETE", path).status)
        wait_until(lambda: not service.files_of(job["job_id"]), "the result to go")
        self.assertEqual("succeeded", service.ended(service.promise(PICTURE))["status"])
        self.assertFalse(service.log_has("Traceback"), service.log)

    def test_less_than_the_setting_is_refused_before_the_body(self) -> None:
        service = self.started(MIN_FREE_DISK_MB=4)
        self.assertEqual(201, service.upload(PICTURE).status)
        self.fill(3 << 20)
        head = (
            b"POST /v1/restore HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\nExpect: 100-continue\r\n\r\n"
        )
        self.assertTrue(service.raw(head, half_close=True).startswith(b"HTTP/1.1 503 "))
        self.ballast.unlink()
        self.assertEqual(201, service.upload(PICTURE).status)

    def test_promised_jobs_wait_for_room(self) -> None:
        """Whatever step it is that the disk refuses: folder, row, provider's file, result."""
        service = self.started()
        held, _ = service.hold(PICTURE)
        waiting = service.promise(PICTURE, model_id="bad/returns_input")
        self.fill()
        service.open_gate(held)
        wait_until(lambda: service.log_has("waits for"), "the disk to be missed")
        self.assertEqual("running", service.poll(held)["status"])
        self.assertEqual("queued", service.poll(waiting)["status"])
        self.ballast.unlink()
        for job_id in (held, waiting):
            job = service.ended(job_id)
            self.assertEqual("succeeded", job["status"])
            self.assertEqual(PICTURE, service.result(job).body)
            row = service.row(job_id)
            self.assertEqual((1, 0), (row["attempt"], row["vanished"]))

    def test_stop_and_start_on_a_full_disk(self) -> None:
        """The start may be refused, in a sentence; it loses nothing."""
        service = self.started()
        held, _ = service.hold(PICTURE)
        self.fill()
        self.assertEqual(0, service.stop())
        assert_gone(service)
        service.clear_gate()
        service.launch()
        words = ("Listening", "restore: ")
        wait_until(lambda: any(map(service.log_has, words)), "the server's word")
        self.assertNotIn("Traceback", service.log)
        service.stop()
        self.ballast.unlink()
        service.start()
        service.open_gate(held)
        self.assertEqual("succeeded", service.ended(held)["status"])

    def test_nothing_is_lost_while_it_fills_and_empties_and_the_server_dies(self) -> None:
        number = seed()
        dice = random.Random(number)
        service = Service(self.disk / "data", DUMMY_DELAY_S="0-0.05", RETENTION_HOURS=0)
        self.addCleanup(service.__exit__)
        service.start()
        with self.subTest(seed=number), Promises(service, number) as promises:
            for count in range(1, 4):
                wait_until(partial(promises.has, 4 * count), "uploads to be taken")
                self.fill(dice.randrange(300_000))
                threading.Event().wait(dice.random() * 0.3)  # the dice, nothing is waited for
                if count == 2:
                    promises.life += 1
                    service.kill_group()
                    assert_gone(service)
                self.ballast.unlink()
                if count == 2:
                    service.start()
            promises.end()
            promises.settle()


if __name__ == "__main__":
    unittest.main()
