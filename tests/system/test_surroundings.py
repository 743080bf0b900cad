"""What a supervisor, a terminal or a cleaner does to a server: it stays in order and serves on."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from contextlib import closing
from pathlib import Path
from unittest import mock

from tests.support.functional_testcase import picture
from tests.support.pools import children_of
from tests.support.promises import assert_gone, noise
from tests.support.scripted import Scripted
from tests.support.service import Service, wait_until

PICTURE = noise(random.Random(15))


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port: int = found.getsockname()[1]
        return port


class ClosedDescriptorsTest(unittest.TestCase):
    def test_no_line_of_the_log_lands_in_a_file_of_ours(self) -> None:
        for closed in ("2>&-", "<&- >&- 2>&-"):
            with self.subTest(closed):
                self.serve(closed)

    def serve(self, closed: str) -> None:
        service = Service(PORT=free_port())
        self.addCleanup(service.__exit__)
        service.port = int(service.settings["PORT"])
        service.launch(("sh", "-c", f'exec "$@" {closed}', "sh"))
        wait_until(lambda: self.is_ready(service), "the server")
        job = service.ended(service.promise(picture("PNG")))
        self.assertEqual("succeeded", job["status"])
        self.assertEqual(b"", (service.storage / "lock").read_bytes())
        self.assertEqual(0, service.stop())

    @staticmethod
    def is_ready(service: Service) -> bool:
        try:
            return service.request("GET", "/readyz").status == 200
        except OSError:
            return False


class HangUpTest(unittest.TestCase):
    def test_a_closed_terminal_is_an_orderly_stop(self) -> None:
        with Scripted(WORKERS=1, SHUTDOWN_GRACE_S=0) as service:
            job_id, _ = service.hold(PICTURE)
            service.signal(signal.SIGHUP)
            self.assertEqual(0, service.wait())
            assert_gone(service)
            self.assertTrue(service.log_has("Stopped; 1 jobs wait"), service.log)
            row = service.row(job_id)
            self.assertEqual((0, 0), (row["working"], row["vanished"]))
            self.assertEqual(0, row["attempt"])

    def test_nohup_stays_in_force(self) -> None:
        service = Service()
        self.addCleanup(service.__exit__)
        service.start(("sh", "-c", 'trap "" HUP; exec "$@"', "sh"))
        service.signal(signal.SIGHUP)
        job = service.ended(service.promise(picture("PNG")))
        self.assertEqual("succeeded", job["status"])


class CleanerTest(unittest.TestCase):
    def test_a_cleaned_temporary_folder_is_made_good_within_one_request(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            clean = {"XDG_RUNTIME_DIR": folder, "TMPDIR": folder}
            with mock.patch.dict(os.environ, clean), Service(WORKERS=1) as service:
                service.ended(service.promise(picture("PNG")))
                found = list(Path(folder).iterdir())
                self.assertTrue(found, "the folder isn't used: nothing is tried here")
                for path in found:
                    shutil.rmtree(path)
                for server in children_of(service.pid):  # the fork server, for one
                    for child in children_of(server):
                        os.kill(child, signal.SIGKILL)
                job = service.ended(service.promise(picture("PNG")))
                self.assertEqual("succeeded", job["status"])
                self.assertEqual(0, service.stop())
                assert_gone(service)
                self.assertNotIn("Traceback", service.log)

    def test_a_job_that_was_accepted_comes_to_an_end(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            clean = {"XDG_RUNTIME_DIR": folder, "TMPDIR": folder}
            with mock.patch.dict(os.environ, clean), Scripted(WORKERS=1) as service:
                job_id, _ = service.hold(PICTURE)
                for path in Path(folder).glob("pymp-*"):
                    shutil.rmtree(path)
                service.open_gate(job_id)
                self.assertEqual("succeeded", service.ended(job_id)["status"])
                again = service.ended(service.promise(PICTURE))
                self.assertEqual("succeeded", again["status"])


FIRST = ("unshare", "--pid", "--fork", "--mount-proc")


def can_be_first() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run((*FIRST, "true"), capture_output=True, check=False).returncode == 0


@unittest.skipUnless(can_be_first(), "needs Linux, unshare(1) and root")
class FirstProcessTest(unittest.TestCase):
    """In a container the server is process 1, and orphans are its children."""

    def first(self) -> Service:
        service = Service()
        self.addCleanup(service.__exit__)
        return service.start(FIRST)

    def test_it_reaps_what_it_inherits_and_stops_when_it_is_told(self) -> None:
        service = self.first()
        [first] = children_of(service.pid)
        [server] = children_of(first)
        inside = ("nsenter", "-t", str(first), "-p")
        subprocess.run((*inside, "sh", "-c", "sleep 60 >/dev/null 2>&1 &"), check=True)
        wait_until(lambda: len(children_of(first)) == 2, "the orphan")
        [inherited] = set(children_of(first)) - {server}
        os.kill(inherited, signal.SIGKILL)
        # A zombie is a process that can still be signalled.
        wait_until(lambda: not exists(inherited), "the orphan's end")
        job = service.ended(service.promise(picture("PNG")))
        self.assertEqual("succeeded", job["status"])
        os.kill(first, signal.SIGTERM)
        self.assertEqual(0, service.wait())
        self.assertIn("Stopped;", service.log)

    def test_its_status_is_the_servers(self) -> None:
        service = self.first()
        [first] = children_of(service.pid)
        os.kill(children_of(first)[0], signal.SIGKILL)
        self.assertEqual(128 + signal.SIGKILL, service.wait())


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    unittest.main()
