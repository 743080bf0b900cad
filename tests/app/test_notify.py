"""What a service manager is told, and that nobody listening there harms nothing."""

import os
import socket
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from restore.app.notify import READY, STOPPING, notify
from tests.support.service import PATIENCE_S, Service


def _manager(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(address)
    sock.settimeout(PATIENCE_S)
    return sock


class NotifyTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="restore-")
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "notify"

    def test_sends_a_datagram_to_a_path(self) -> None:
        with _manager(str(self.path)) as manager:
            with mock.patch.dict(os.environ, NOTIFY_SOCKET=str(self.path)):
                notify(READY)
            self.assertEqual(manager.recv(100), b"READY=1")

    @unittest.skipUnless(os.uname().sysname == "Linux", "abstract names are Linux's")
    def test_sends_a_datagram_to_an_abstract_name(self) -> None:
        name = f"restore-test-{os.getpid()}"
        with _manager("\0" + name) as manager:
            with mock.patch.dict(os.environ, NOTIFY_SOCKET="@" + name):
                notify(READY)
            self.assertEqual(manager.recv(100), b"READY=1")

    def test_without_a_manager_nothing_happens(self) -> None:
        with mock.patch.dict(os.environ), self.assertNoLogs("restore"):
            os.environ.pop("NOTIFY_SOCKET", None)
            notify(READY)

    def test_a_manager_that_is_gone_costs_a_line(self) -> None:
        with (
            mock.patch.dict(os.environ, NOTIFY_SOCKET=str(self.path)),
            self.assertLogs("restore", "WARNING"),
        ):
            notify(STOPPING)

    def test_the_server_says_when_it_serves_and_when_it_stops(self) -> None:
        with _manager(str(self.path)) as manager:
            with Service(NOTIFY_SOCKET=str(self.path)) as service:
                self.assertEqual(manager.recv(100), READY.encode())
                self.assertEqual(service.request("GET", "/healthz").status, 200)
                service.stop()
            self.assertEqual(manager.recv(100), STOPPING.encode())
