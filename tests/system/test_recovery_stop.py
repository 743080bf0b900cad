"""SIGTERM and Ctrl-C: what has arrived is answered, no job pays, the end is near and quiet."""

import random
import re
import signal
import socket
import time
import unittest
from contextlib import ExitStack

from tests.support.promises import assert_gone, noise, rows
from tests.support.scripted import Scripted
from tests.support.service import PATIENCE_S, Service, form, receive_all, wait_until

PICTURE = noise(random.Random(3))
LARGE = noise(random.Random(3), size=(600, 400))  # more than is gathered before a write to disk
MARGIN_S = 5.0  # over the grace, on a machine that has much else to do
STOPPED = r"INFO Stopped; \d+ jobs wait for the next start\.$"


def connected(service: Service, stack: ExitStack) -> socket.socket:
    address = ("127.0.0.1", service.port)
    return stack.enter_context(socket.create_connection(address, PATIENCE_S))


def post(image: bytes) -> bytes:
    body, content_type = form(image)
    return (
        f"POST /v1/restore HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class StopTest(unittest.TestCase):
    def started(self, **settings: str | float) -> Scripted:
        service = Scripted(None, **({"WORKERS": 1} | settings))
        self.addCleanup(service.__exit__)
        service.start()
        return service

    def assert_quiet_end(self, service: Service, before: int, *, status: int = 0) -> None:
        """The process has ended, and since `before` lines said nothing but one about its end."""
        self.assertEqual(status, service.wait())
        assert_gone(service)
        wait_until(lambda: service.log_has("Stopped; "), "the last line")
        lines = [line for line in service.lines[before:] if " job " not in line and line[0] != "{"]
        requests = [line for line in lines if re.search(r"ms id=\S+$", line)]
        self.assertEqual(1, len(lines) - len(requests), lines)
        self.assertRegex(lines[-1], STOPPED)

    def test_idle_server_stops_with_one_line(self) -> None:
        service = self.started()
        with ExitStack() as stack:
            idle = connected(service, stack)  # keeps nobody from leaving
            before = len(service.lines)
            service.signal(signal.SIGINT)
            self.assert_quiet_end(service, before)
            self.assertEqual(b"", receive_all(idle))
        self.assertEqual(before + 1, len(service.lines), service.log)

    def test_what_has_arrived_is_answered(self) -> None:
        """Requests that lie in the kernel when the signal comes; a stopped process reads none."""
        service = self.started(SHUTDOWN_GRACE_S=20)
        with ExitStack() as stack:
            old = connected(service, stack)
            old.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b" 200 ", old.recv(4096))
            service.signal(signal.SIGSTOP)
            clients = [old, *(connected(service, stack) for _ in range(8))]
            for client in clients:
                client.sendall(post(PICTURE))
            service.signal(signal.SIGTERM)
            service.signal(signal.SIGCONT)
            answers = [receive_all(client) for client in clients]
        self.assertEqual(0, service.wait())
        self.assertEqual([b"HTTP/1.1 201"] * 9, [answer[:12] for answer in answers])
        self.assertTrue(all(b"connection: close" in answer.lower() for answer in answers))
        self.assertEqual([(9,)], rows(service, "SELECT count(*) FROM jobs"))

    def test_half_an_upload_gets_the_grace_and_not_more(self) -> None:
        service = self.started(SHUTDOWN_GRACE_S=4)  # a child for the header may have to start
        whole = post(LARGE)
        with ExitStack() as stack:
            slow, endless = connected(service, stack), connected(service, stack)
            for client in (slow, endless):
                client.sendall(whole[:-200])
            wait_until(lambda: len(list((service.storage / "tmp").iterdir())) == 2, "both uploads")
            began = time.monotonic()
            service.signal(signal.SIGTERM)
            slow.sendall(whole[-200:])
            self.assertIn(b" 201 ", receive_all(slow)[:16])
            self.assertEqual(b"", receive_all(endless))
        self.assertEqual(0, service.wait())
        self.assertLess(time.monotonic() - began, 4 + MARGIN_S)
        self.assertEqual([], list((service.storage / "tmp").glob("*.part")))
        self.assertEqual([(1,)], rows(service, "SELECT count(*) FROM jobs"))

    def test_running_job_gets_the_grace(self) -> None:
        service = self.started(SHUTDOWN_GRACE_S=30)
        job_id, _ = service.hold(PICTURE)
        waiting = service.promise(PICTURE, model_id="bad/returns_input")
        before = len(service.lines)
        service.signal(signal.SIGTERM)
        service.open_gate(job_id)
        self.assert_quiet_end(service, before)
        self.assertEqual("succeeded", service.row(job_id)["status"])
        self.assertEqual("queued", service.row(waiting)["status"])  # nothing new was begun
        self.assertEqual([], [name for name in service.files_of(job_id) if name[-4:] != ".png"])

    def test_job_and_upload_that_do_not_end_cost_one_grace_together(self) -> None:
        service = self.started(SHUTDOWN_GRACE_S=3)
        job_id, _ = service.hold(PICTURE, "gate/gil")
        with ExitStack() as stack:
            connected(service, stack).sendall(post(LARGE)[:-200])
            wait_until(lambda: list((service.storage / "tmp").glob("*.part")), "the upload")
            before, began = len(service.lines), time.monotonic()
            service.signal(signal.SIGTERM)
            self.assert_quiet_end(service, before)
        took = time.monotonic() - began
        self.assertGreaterEqual(took, 2.9)
        self.assertLess(took, 3 + 2.9)
        self.assertEqual(
            ("running", 0), tuple(service.row(job_id)[k] for k in ("status", "attempt"))
        )

    def test_second_ctrl_c_leaves_at_once(self) -> None:
        service = self.started(SHUTDOWN_GRACE_S=600)
        job_id, _ = service.hold(PICTURE)
        before = len(service.lines)
        service.signal(signal.SIGINT)
        with self.assertRaises(OSError):  # wait until it has begun to stop
            while True:
                service.request("GET", "/healthz")
        began = time.monotonic()
        service.signal(signal.SIGINT)
        self.assertEqual(130, service.wait())
        self.assertLess(time.monotonic() - began, 2.0)
        assert_gone(service)
        self.assertNotIn("Traceback", "".join(service.lines[before:]))
        self.assertEqual("running", service.row(job_id)["status"])

    def test_ctrl_c_during_the_start_is_one_line(self) -> None:
        service = Scripted()
        self.addCleanup(service.__exit__)
        with Service(service.storage) as first:
            service.launch()
            wait_until(lambda: service.log_has("waiting up to"), "the wait for the first server")
            service.signal(signal.SIGINT)
            self.assertEqual(130, service.wait())
            wait_until(lambda: service.log_has("Stopped before it had started."), "its last words")
            self.assertEqual(2, len(service.lines), service.log)
            self.assertEqual(200, first.request("GET", "/healthz").status)


if __name__ == "__main__":
    unittest.main()
