"""Clients that take their time: each wait ends, by its limit, and nobody else notices.

The limits are shortened; what is tested is that each of them holds, not how long it is.
"""

import socket
import time
import unittest
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from restore.http.limits import DEFAULT_CONNECTION_LIMITS
from tests.support.edge import LARGE, SMALL_BUFFER, Edge
from tests.support.rawclient import answers_in, connect, read_answers, read_to_end
from tests.support.service import PATIENCE_S, Answer, wait_until

QUICK = b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\n"
SOON_S = 5.0  # far more than the limits of these tests, far less than those of the server


def drip(sock: socket.socket, data: bytes, pause_s: float) -> bytes:
    """Send byte by byte until the server answers or closes; all that it says."""
    sock.settimeout(pause_s)
    for index in range(len(data)):
        with suppress(ConnectionError):
            sock.sendall(data[index : index + 1])
        try:
            received = sock.recv(1 << 16)
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
        sock.settimeout(PATIENCE_S)
        return received + read_to_end(sock)
    raise AssertionError("never answered")


class SlowTest(unittest.TestCase):
    def edge(self, **limits: Any) -> Edge:
        edge = self.enterContext(Edge(**limits))
        self.addCleanup(lambda: self.assertEqual(edge.faults, []))
        return edge

    def connect(self, edge: Edge, receive_buffer: int = 0) -> socket.socket:
        return self.enterContext(connect(edge.port, receive_buffer=receive_buffer))

    def assert_timed_out(self, received: bytes) -> Answer:
        (answer,) = answers_in(received)
        self.assertEqual((answer.status, answer.json["code"]), (408, "request_timeout"))
        self.assertEqual(answer.headers["connection"], "close")
        return answer

    def assert_soon(self, act: Callable[[], object]) -> None:
        began = time.monotonic()
        act()
        self.assertLess(time.monotonic() - began, SOON_S)

    def assert_serves(self, edge: Edge) -> None:
        with connect(edge.port) as sock:
            sock.sendall(QUICK)
            self.assertEqual(read_answers(sock, 1)[0].body, b"quick")


class WaitingForRequestsTest(SlowTest):
    def test_no_wait_of_the_server_is_over_60_seconds_but_that_between_requests(self) -> None:
        limits = DEFAULT_CONNECTION_LIMITS
        for wait_s in (
            *(limits.head_s, limits.body_stall_s, limits.body_grace_s),
            *(limits.write_stall_s, limits.linger_stall_s),
        ):
            self.assertLessEqual(wait_s + limits.sweep_s, 60.0)
        # nginx and Caddy keep theirs for 60 s: they must be the ones who close it.
        self.assertGreater(limits.idle_s, 60.0 + limits.sweep_s)

    def test_a_head_that_drips(self) -> None:
        edge = self.edge(head_s=0.3)
        sock = self.connect(edge)
        head = b"GET /quick HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1000
        self.assert_soon(lambda: self.assert_timed_out(drip(sock, head, 0.01)))
        self.assert_serves(edge)

    def test_a_request_line_that_drips(self) -> None:
        sock = self.connect(self.edge(head_s=0.3))
        line = b"GET /" + b"y" * 1000
        self.assert_soon(lambda: self.assert_timed_out(drip(sock, line, 0.01)))

    def test_a_second_head_that_drips(self) -> None:
        sock = self.connect(self.edge(head_s=0.3))
        sock.sendall(QUICK + b"GET /q")
        first, second = answers_in(read_to_end(sock))
        self.assertEqual((first.body, second.status), (b"quick", 408))

    def test_an_idle_connection_is_closed_without_a_word(self) -> None:
        edge = self.edge(idle_s=0.2)
        self.assert_soon(lambda: self.assertEqual(read_to_end(self.connect(edge)), b""))
        sock = self.connect(edge)
        sock.sendall(QUICK)
        self.assert_soon(lambda: self.assertEqual(len(answers_in(read_to_end(sock))), 1))

    def test_empty_lines_are_no_request(self) -> None:
        sock = self.connect(self.edge(idle_s=0.2))
        sock.sendall(b"\r\n")
        self.assert_soon(lambda: self.assertEqual(read_to_end(sock), b""))

    def test_a_busy_connection_is_not_idle(self) -> None:
        edge = self.edge(idle_s=0.1, head_s=0.1)
        sock = self.connect(edge)
        sock.sendall(QUICK.replace(b"quick", b"wait"))
        wait_until(lambda: edge.waiting, "the request")
        with self.assertRaises(TimeoutError):
            sock.settimeout(0.5)
            sock.recv(1)
        edge.release()
        sock.settimeout(PATIENCE_S)
        self.assertEqual(read_answers(sock, 1)[0].body, b"waited")


class WaitingForBodiesTest(SlowTest):
    POST = b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"

    def test_a_body_that_stops(self) -> None:
        edge = self.edge(body_stall_s=0.2)
        sock = self.connect(edge)
        sock.sendall(self.POST + b"x" * 1000)
        self.assert_soon(lambda: self.assert_timed_out(read_to_end(sock)))
        self.assertEqual(edge.received, 1000)

    def test_a_body_that_never_begins(self) -> None:
        sock = self.connect(self.edge(body_stall_s=0.2))
        sock.sendall(self.POST)
        self.assert_soon(lambda: self.assert_timed_out(read_to_end(sock)))

    def test_a_body_that_drips_below_the_rate(self) -> None:
        sock = self.connect(self.edge(body_grace_s=0.3, body_min_bytes_per_s=1000.0))
        sock.sendall(self.POST)
        self.assert_soon(lambda: self.assert_timed_out(drip(sock, b"x" * 1000, 0.01)))

    def test_chunks_that_drip_below_the_rate(self) -> None:
        sock = self.connect(self.edge(body_grace_s=0.3, body_min_bytes_per_s=1000.0))
        sock.sendall(self.POST.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked"))
        self.assert_soon(lambda: self.assert_timed_out(drip(sock, b"1\r\nx\r\n" * 200, 0.01)))

    def test_a_body_that_drips_above_the_rate(self) -> None:
        edge = self.edge(body_grace_s=0.1, body_min_bytes_per_s=10.0, body_stall_s=5.0)
        sock = self.connect(edge)
        sock.sendall(self.POST.replace(b"100000", b"100"))
        for received in range(1, 101):
            sock.sendall(b"x")
            wait_until(partial(self.has_come, edge, received), "the byte")
        self.assertEqual(read_answers(sock, 1)[0].body, b"100")

    def has_come(self, edge: Edge, count: int) -> bool:
        return edge.received >= count

    def test_a_client_that_waits_for_a_continue_and_sends_nothing(self) -> None:
        sock = self.connect(self.edge(body_stall_s=0.2))
        sock.sendall(self.POST.replace(b"Host", b"Expect: 100-continue\r\nHost"))
        first, second = answers_in(read_to_end(sock))
        self.assertEqual((first.status, second.status), (100, 408))


class WaitingForReadersTest(SlowTest):
    """Answers go into the kernel's buffers first, which are made small here."""

    FILE = QUICK.replace(b"quick", b"file")

    def reader(self, edge: Edge) -> socket.socket:
        return self.connect(edge, receive_buffer=SMALL_BUFFER)

    def edge(self, **limits: Any) -> Edge:
        return super().edge(send_buffer=SMALL_BUFFER, **limits)

    def test_a_download_that_nobody_reads(self) -> None:
        edge = self.edge(write_stall_s=0.3)
        sock = self.reader(edge)
        sock.sendall(self.FILE)
        self.assert_soon(lambda: wait_until(lambda: edge.lines.requests, "the end"))
        self.assertRegex(edge.lines.requests[0], r" GET /file 499 .* client_gone id=\S+$")
        self.assertLess(len(read_to_end(sock)), LARGE)

    def test_a_download_that_is_read_too_slowly(self) -> None:
        edge = self.edge(write_stall_s=0.4, write_min_bytes_per_s=1e9)
        sock = self.reader(edge)
        sock.sendall(self.FILE)

        def read_a_little() -> bool:
            with suppress(ConnectionError):
                sock.recv(4096)
            return bool(edge.lines.requests)

        self.assert_soon(lambda: wait_until(read_a_little, "the end"))
        self.assertIn(" 499 ", edge.lines.requests[0])

    def test_a_download_in_small_pieces(self) -> None:
        edge = self.edge()
        sock = self.reader(edge)
        sock.sendall(self.FILE + QUICK)
        sock.shutdown(socket.SHUT_WR)
        file, quick = answers_in(read_to_end(sock))
        self.assertEqual((file.body, quick.body), (bytes(LARGE), b"quick"))

    def test_pipelined_answers_that_nobody_reads(self) -> None:
        """What isn't taken stops the reading too: further requests stay with the client."""
        edge = self.edge(write_stall_s=0.4)
        sock = self.reader(edge)
        sock.settimeout(SOON_S)
        sent = 0
        with suppress(ConnectionError):
            while sent < 1 << 28:
                sent += sock.send(QUICK * 1000)
        self.assertLess(sent, 1 << 28)
        self.assert_serves(edge)

    def test_half_closed_and_nothing_read(self) -> None:
        """Less is left than would be paused for, however many answers are still in the buffers."""
        edge = self.edge(write_stall_s=0.3, idle_s=0.3)
        for count in range(10, 1000, 60):
            sock = self.reader(edge)
            sock.sendall(QUICK * count)
            sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: len(edge.lines.requests) > 10, "the first answers")
        wait_until(lambda: not edge.server._connections, "the end of all", SOON_S)


class LingeringTest(SlowTest):
    REFUSED = b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"

    def assert_refused(self, sock: socket.socket) -> None:
        (answer,) = answers_in(read_to_end(sock))
        self.assertEqual((answer.status, answer.headers["connection"]), (415, "close"))

    def test_a_refused_client_that_stays(self) -> None:
        edge = self.edge(linger_stall_s=0.3)
        sock = self.connect(edge)
        sock.sendall(self.REFUSED)
        self.assert_refused(sock)
        self.assertTrue(edge.server._connections)
        wait_until(lambda: not edge.server._connections, "its end", SOON_S)

    def test_a_refused_client_that_drips(self) -> None:
        edge = self.edge(linger_s=0.3)
        sock = self.connect(edge)
        sock.sendall(self.REFUSED)

        def drips() -> bool:
            with suppress(ConnectionError):
                sock.sendall(b"x")
            return not edge.server._connections

        wait_until(drips, "its end", SOON_S)

    def test_a_refused_client_that_sends_for_ever(self) -> None:
        edge = self.edge(linger_bytes=1 << 20)
        sock = self.connect(edge)
        sock.sendall(self.REFUSED)
        sent = 0
        with self.assertRaises(ConnectionError):
            while sent < 1 << 28:
                sent += sock.send(bytes(1 << 16))

    def test_a_client_that_has_sent_all_is_let_go_at_once(self) -> None:
        """There is nothing more to read; before or behind its answer."""
        edge = self.edge(linger_stall_s=PATIENCE_S)
        for path in (b"quick", b"wait"):
            sock = self.connect(edge)
            sock.sendall(b"GET /" + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
            if path == b"wait":
                wait_until(lambda: edge.waiting, "the request")
                self.assert_serves(edge)  # so the end has been read too
                edge.release()
            self.assertEqual(len(answers_in(read_to_end(sock))), 1)
            wait_until(lambda: not edge.server._connections, "its end", SOON_S)


if __name__ == "__main__":
    unittest.main()
