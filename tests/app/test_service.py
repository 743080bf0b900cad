"""app: what settings and providers change, each on a server of its own."""

import errno
import gc
import json
import os
import subprocess
import sys
import unittest
from collections.abc import Iterable
from pathlib import Path
from unittest import mock

from restore import config
from restore.app import service, start
from tests.support.functional_testcase import picture
from tests.support.service import ROOT, Service, wait_until


class DoorTest(unittest.TestCase):
    def test_the_collector_is_on_again_once_all_is_imported(self) -> None:
        found: list[bool] = []

        def run(*_: object) -> int:
            found.append(gc.isenabled())
            return 0

        self.addCleanup(gc.unfreeze)
        self.addCleanup(gc.enable)
        gc.disable()  # as the door does
        with mock.patch.object(service, "_run", run), self.assertRaises(SystemExit) as ended:
            service.main(Path("/nonexistent"))
        self.assertEqual(([True], 0), (found, ended.exception.code))


class NoSharedMemoryTest(unittest.TestCase):
    def test_it_is_told_in_one_sentence(self) -> None:
        found, folder = config.load(Path("/nonexistent"), {}, cores=1, memory_mib=1000)
        lacking = OSError(errno.EROFS, os.strerror(errno.EROFS), "/dev/shm/x")
        with (
            mock.patch.object(start, "LocalPool", side_effect=lacking),
            self.assertRaises(start.StartError) as caught,
        ):
            start.local_pool(found, 1, folder)
        for words in ("no shared memory", "Read-only file system", "TMPDIR", "/dev/shm must be"):
            self.assertIn(words, str(caught.exception))


@unittest.skipUnless(sys.platform == "linux", "RLIMIT_AS is kept on Linux only")
class AddressSpaceTest(unittest.TestCase):
    def limited(self, mib: int) -> tuple[str, ...]:
        return ("sh", "-c", f'ulimit -v {mib * 1024}; exec "$@"', "sh")

    def test_too_little_of_it_is_told_in_one_sentence(self) -> None:
        command = [*self.limited(700), sys.executable, "restore_server.py"]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(1, found.returncode)
        self.assertRegex(found.stderr, r"\Arestore: .*700 MB \(RLIMIT_AS, ulimit -v\).*\.\n\Z")

    def test_a_tight_one_is_a_warning_and_photos_are_restored(self) -> None:
        service = Service()
        self.addCleanup(service.__exit__)
        service.start(self.limited(1200))
        wait_until(lambda: service.log_has("may map 1200 MB (RLIMIT_AS"), "the warning")
        job = service.ended(service.promise(picture("PNG")))
        self.assertEqual("succeeded", job["status"])
        self.assertNotIn("Traceback", service.log)


class OlderPythonTest(unittest.TestCase):
    def test_it_is_told_in_one_sentence(self) -> None:
        for run in (
            "run_path('restore_server.py', run_name='__main__')",
            "run_module('restore', run_name='__main__')",
        ):
            code = f"import sys, runpy; sys.version_info = (3, 10, 4); runpy.{run}"
            command = [sys.executable, "-c", code]
            found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            sentence = "restore: Python 3.11 or newer is needed; this is 3.10.\n"
            self.assertEqual((1, sentence), (found.returncode, found.stderr))


class SettingsTest(unittest.TestCase):
    """What a setting changes."""

    def test_feature_flag_stops_new_uploads_only(self) -> None:
        with Service() as service:
            job = service.ended(service.promise(picture("PNG")))
            storage = service.storage
            service.stop()
            with Service(storage, RESTORE_ENABLED="false") as again:
                answer = again.upload(picture("PNG"))
                self.assertEqual((503, "disabled"), (answer.status, answer.json["code"]))
                self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
                self.assertEqual("succeeded", again.poll(job["job_id"])["status"])
                self.assertEqual(200, again.result(job).status)

    def test_rate_limit_counts_every_post(self) -> None:
        with Service(RATE_LIMIT_PER_MIN=2) as service:
            statuses = [service.upload(b"").status, service.upload(picture("PNG")).status]
            answer = service.upload(picture("PNG"))
            self.assertEqual([400, 201, 429], [*statuses, answer.status])
            self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
            self.assertEqual(200, service.request("GET", "/healthz").status)

    def test_queue_is_bounded(self) -> None:
        with Service(MAX_QUEUE=2, WORKERS=1, DUMMY_DELAY_S=600) as service:
            answers = [service.upload(picture("PNG")) for _ in range(4)]
            refused = [answer for answer in answers if answer.status != 201]
            self.assertIn(len(refused), (1, 2))  # the first may be running already, or not yet
            for answer in refused:
                self.assertEqual((503, "queue_full"), (answer.status, answer.json["code"]))
                self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)

    def test_result_url_begins_with_the_setting(self) -> None:
        with Service(RESULT_BASE_URL="http://10.0.2.2:8000/") as service:
            job = service.ended(service.promise(picture("PNG")))
            self.assertEqual(f"http://10.0.2.2:8000/outputs/{job['job_id']}.png", job["result_url"])
            self.assertTrue(service.log_has("WARNING RESULT_BASE_URL"))

    def test_empty_base_url_is_the_client_s_own_address(self) -> None:
        with Service() as service:
            job = service.ended(service.promise(picture("PNG")))
            host = {"Host": "localhost:1234"}
            answer = service.request("GET", f"/v1/jobs/{job['job_id']}", headers=host)
            self.assertTrue(answer.json["result_url"].startswith("http://localhost:1234/outputs/"))

    def test_want_of_disk_or_memory_is_said_at_the_start(self) -> None:
        with Service(MIN_FREE_DISK_MB=900_000_000, MEMORY_BUDGET_MB=1_000_000_000) as service:
            wait_until(lambda: service.log_has("MEMORY_BUDGET_MB is 1000000000, but"), "a warning")
            sentence = r"WARNING MIN_FREE_DISK_MB is 900000000, but \d+ MB are free in /.*refused"
            self.assertRegex(service.log, sentence)
        with Service(MEMORY_BUDGET_MB=1) as service:
            self.assertEqual(201, service.upload(picture("PNG")).status)
            self.assertFalse(service.log_has("MIN_FREE_DISK_MB is"))
            self.assertFalse(service.log_has("MEMORY_BUDGET_MB is"))

    def test_start_says_what_runs(self) -> None:
        with Service() as service:
            for text in ("Listening on http://127.0.0.1:", "http://10.0.2.2:", "Provider: dummy"):
                self.assertTrue(service.log_has(text), text)
            self.assertTrue(service.log_has(str(service.storage)))

    def test_wrong_starts_end_with_one_sentence(self) -> None:
        with Service() as running:
            for settings, words in (
                ({"HOST": "photos.example"}, ("HOST", "photos.example")),
                ({"PORT": running.port}, (str(running.port),)),
                ({"STORAGE_DIR": running.storage, "SHUTDOWN_GRACE_S": "0"}, ("another",)),
                ({"PROVIDER": "nowhere:run"}, ("nowhere",)),
                ({"UPSCALE": "x", "WORKERS": "none"}, ("WORKERS", "none")),
            ):
                with self.subTest(settings):
                    service = Service(**settings)
                    service.launch()
                    self.assertNotEqual(0, service.wait())
                    self.assert_one_sentence(service, words)
                    service.__exit__()

    def assert_one_sentence(self, service: Service, words: Iterable[str]) -> None:
        wait_until(lambda: service.lines, "a sentence")
        self.assertTrue(service.lines[-1].startswith("restore: "), service.log)
        self.assertNotIn("Traceback", service.log)
        for word in words:
            self.assertIn(word, service.lines[-1])


class ProviderTest(unittest.TestCase):
    def test_generic_restores(self) -> None:
        with Service(PROVIDER="generic") as service:
            answer = service.upload(picture("PNG"), {"model_id": "restoration/classic"})
            self.assertEqual(201, answer.status)
            job = service.ended(answer.json["job_id"])
            self.assertEqual("succeeded", job["status"])
            message = service.upload(picture("PNG"), {"model_id": "x"}).json["error"]
            self.assertIn("restoration/classic", message)
            self.assertIn("restoration/gfpgans-1.4", message)

    def test_progress_moves_and_never_falls(self) -> None:
        with Service(DUMMY_DELAY_S="1") as service:
            job_id = service.promise(picture("PNG"))
            seen = [service.poll(job_id)]
            while seen[-1]["status"] in ("queued", "running"):
                seen.append(service.poll(job_id))
            progress = [job["progress"] for job in seen]
            self.assertEqual(sorted(progress), progress)
            self.assertEqual(1.0, progress[-1])
            self.assertGreater(len({p for p in progress if 0.0 < p < 1.0}), 3)
            order = ["queued", "running", "succeeded"]
            ranks = [order.index(job["status"]) for job in seen]
            self.assertEqual(sorted(ranks), ranks)
            self.assertTrue(all(json.dumps(job) for job in seen))
