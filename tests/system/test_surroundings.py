"""What a supervisor, a terminal or a cleaner does to a server: it stays in order and serves on."""

import random
import signal
import socket
import unittest
from contextlib import closing

from tests.support.functional_testcase import picture
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
