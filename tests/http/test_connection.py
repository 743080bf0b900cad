"""connection: in every state it can be in, when something else happens to it."""

import asyncio
import socket
import threading
import unittest
from contextlib import suppress
from functools import partial
from typing import Any
from unittest import mock

from restore.http.connection import Connection
from restore.http.limits import DEFAULT_CONNECTION_LIMITS
from restore.http.responses import Response
from tests.http.test_server import reset
from tests.support.edge import LARGE, SMALL_BUFFER, Edge
from tests.support.rawclient import answers_in, connect, read_answers, read_to_end
from tests.support.service import wait_until

QUICK = b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = QUICK.replace(b"GET", b"HEAD")
WAIT = QUICK.replace(b"quick", b"wait")
FILE = QUICK.replace(b"quick", b"file")
BROKEN = QUICK.replace(b"quick", b"broken")
UNKNOWN = QUICK.replace(b"quick", b"unforeseen")


def post(path: bytes, body: bytes) -> bytes:
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    return b"POST /%b HTTP/1.1\r\nHost: a\r\n" % path + length + body


class ConnectionTest(unittest.TestCase):
    def edge(self, **limits: Any) -> Edge:
        edge = self.enterContext(Edge(**limits))
        self.addCleanup(lambda: self.assertEqual(edge.faults, []))
        return edge

    def connect(self, edge: Edge, data: bytes = b"") -> socket.socket:
        sock = self.enterContext(connect(edge.port))
        sock.sendall(data)
        return sock


class FaultTest(ConnectionTest):
    """Exceptions of ours are a 500 that says nothing, and only the log says more."""

    def test_the_connection_goes_on(self) -> None:
        edge = self.edge()
        sock = self.connect(edge, QUICK + BROKEN + QUICK + UNKNOWN + QUICK)
        answers = read_answers(sock, 5)
        self.assertEqual([a.status for a in answers], [200, 500, 200, 500, 200])
        for answer in (answers[1], answers[3]):
            self.assertEqual(answer.json["code"], "internal_error")
            self.assertNotRegex(answer.body + repr(answer.headers).encode(), rb"secret|Runtime|Key")
        self.assertEqual(len(edge.lines.messages), 2)
        self.assertIn("a secret of ours", edge.lines.messages[0])

    def test_behind_a_body_that_is_not_all_here(self) -> None:
        edge = self.edge()
        sock = self.connect(edge, post(b"broken", bytes(1000))[:-1])
        self.assertEqual([a.status for a in answers_in(read_to_end(sock))], [500])


class OrderTest(ConnectionTest):
    def test_what_waits_behind_a_request(self) -> None:
        edge = self.edge()
        sock = self.connect(edge, WAIT + post(b"count", b"abc") + HEAD + FILE + QUICK)
        wait_until(lambda: edge.waiting, "the first")
        self.assertEqual(edge.received, 0)
        edge.release()
        methods = ("GET", "POST", "HEAD", "GET", "GET")
        first, second, third, file, last = read_answers(sock, 5, methods)
        self.assertEqual((first.body, second.body, third.body), (b"waited", b"3", b""))
        self.assertEqual((len(file.body), last.body), (LARGE, b"quick"))

    def test_an_end_behind_a_request(self) -> None:
        edge = self.edge()
        sock = self.connect(edge, WAIT + QUICK + QUICK[:-1])
        sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: edge.waiting, "the first")
        edge.release()
        statuses = [answer.status for answer in answers_in(read_to_end(sock))]
        self.assertEqual(statuses, [200, 200, 400])

    def test_no_more_is_read_than_is_asked_for(self) -> None:
        """Behind a request, and of a body; the client's own buffers fill, not ours."""
        for data in (WAIT + QUICK * 300_000, post(b"hold", bytes(10_000_000))):
            with self.subTest(data[:12]):
                edge = self.edge(served_at_once=1000)
                sock = self.connect(edge)
                sock.setblocking(False)
                sent = 0
                with suppress(BlockingIOError):
                    while sent < len(data):
                        sent += sock.send(data[sent : sent + 65536])
                wait_until(partial(getattr, edge, "waiting"), "the request")
                held = max(c._http.buffered for c in edge.server._connections)
                self.assertLess(held, 2 * len(edge.server.buffer))
                self.assertLess(sent, len(data))
                edge.release()
                sock.close()

    def test_a_body_that_stood_still_goes_on(self) -> None:
        edge = self.edge()
        sock = self.connect(edge)
        body = bytes(1_000_000)
        sock.sendall(post(b"hold", body)[:300_000])
        wait_until(lambda: edge.waiting, "the request")
        edge.release()
        sock.sendall(post(b"hold", body)[300_000:] + QUICK)
        held, quick = read_answers(sock, 2)
        self.assertEqual((held.body, quick.body), (b"1000000", b"quick"))

    def test_an_upload_behind_a_request_that_takes_its_time(self) -> None:
        """What came of it meanwhile stopped the reading, which has to go on."""
        edge = self.edge()
        sock = self.connect(edge, WAIT)
        wait_until(lambda: edge.waiting, "the first")
        body = bytes(1_000_000)
        sender = threading.Thread(target=sock.sendall, args=(post(b"count", body) + QUICK,))
        sender.start()
        self.addCleanup(sender.join)
        (connection,) = edge.server._connections
        most = DEFAULT_CONNECTION_LIMITS.held_bytes
        wait_until(lambda: connection._http.buffered > most, "more than is held")
        edge.release()
        waited, counted, quick = read_answers(sock, 3)
        bodies = (waited.body, counted.body, quick.body)
        self.assertEqual(bodies, (b"waited", b"1000000", b"quick"))


class DeadlineTest(unittest.IsolatedAsyncioTestCase):
    async def test_half_a_head_behind_an_answer_that_stood_still_keeps_its_deadline(self) -> None:
        server = mock.Mock(limits=DEFAULT_CONNECTION_LIMITS, buffer=memoryview(bytearray(1000)))
        server.date, server.stopping = "", False
        server.handle.return_value, server.headers.return_value = Response(200), ()
        connection = Connection(server, asyncio.get_running_loop())
        transport = mock.Mock()
        transport.get_write_buffer_size.return_value = 100_000
        transport.is_closing.return_value = False
        transport.get_extra_info.return_value = ("127.0.0.1", 1)
        connection.connection_made(transport)
        data = QUICK + QUICK[:-1]
        server.buffer[: len(data)] = data
        connection.buffer_updated(len(data))
        connection.pause_writing()  # as the answer is written
        connection.resume_writing()
        self.assertLess(connection.deadline, asyncio.get_running_loop().time() + 16.0)


class FairTest(ConnectionTest):
    """One client's work in small pieces leaves the others their turn."""

    def assert_gets_a_turn(self, edge: Edge, busy: bytes, path: str) -> None:
        thaw = edge.freeze()  # so that all of it is there, before the other asks
        sock = self.connect(edge, busy)
        other = self.connect(edge, QUICK)
        thaw()
        read_answers(other, 1)
        done = sum(path in line for line in list(edge.lines.requests))
        sock.close()
        self.assertLess(done, busy.count(path.encode()))

    def test_pipelined_requests(self) -> None:
        self.assert_gets_a_turn(self.edge(), HEAD * 1000, "HEAD")


class GoneTest(ConnectionTest):
    """Whoever leaves takes his connection with him; the log calls it 499."""

    def is_busy(self, edge: Edge) -> bool:
        return bool((edge.server._connections and not edge.server._idle) or edge.lines.requests)

    def is_alone(self, edge: Edge) -> bool:
        return not edge.server._connections

    def test_in_every_state(self) -> None:
        states = {
            "waits": WAIT,
            "waits, more behind": WAIT + QUICK * 10,
            "uploads": post(b"count", bytes(1000))[:-1],
            "not read": post(b"hold", bytes(10_000)),
            "downloads": FILE,
            "refused": post(b"refuse", bytes(1000))[:-1],
        }
        for name, data in states.items():
            for leave in (reset, socket.socket.close):
                with self.subTest(name, leave=leave.__name__):
                    edge = self.edge(send_buffer=SMALL_BUFFER)
                    sock = self.connect(edge, data)
                    wait_until(partial(self.is_busy, edge), "its state")
                    leave(sock)
                    edge.release()
                    wait_until(partial(self.is_alone, edge), "its end")
                    self.assertEqual(edge.lines.messages, [])

    def test_nobody_is_answered_behind_a_reset(self) -> None:
        edge = self.edge()
        sock = self.connect(edge, WAIT + QUICK * 10)
        wait_until(lambda: edge.waiting, "the first")
        reset(sock)
        wait_until(lambda: not edge.server._connections, "its end")
        edge.release()
        wait_until(lambda: edge.lines.requests, "its line")
        (line,) = edge.lines.requests
        self.assertRegex(line, r"Z 127\.0\.0\.1 GET /wait 499 \d+\.\dms client_gone id=\S+$")


class StopTest(ConnectionTest):
    def test_what_has_arrived_is_answered(self) -> None:
        """Also what nobody has read yet, and on connections that nobody has accepted yet."""
        edge = self.edge()
        kept = self.connect(edge, QUICK)
        read_answers(kept, 1)
        thaw = edge.freeze()
        kept.sendall(QUICK)
        new = [self.connect(edge, QUICK) for _ in range(5)]
        edge.stop_later(30.0)
        thaw()
        for sock in (kept, *new):
            (answer,) = answers_in(read_to_end(sock))
            self.assertEqual(answer.body, b"quick")
        with self.assertRaises(ConnectionError):
            connect(edge.port)

    def test_idle_ones_are_closed_at_once(self) -> None:
        edge = self.edge()
        socks = [self.connect(edge), self.connect(edge, b"GET /q"), self.connect(edge, QUICK)]
        read_answers(socks[2], 1)
        wait_until(lambda: len(edge.server._connections) == len(socks), "all")
        edge.stop(30.0)
        for sock in socks:
            self.assertEqual(read_to_end(sock), b"")

    def test_work_is_finished(self) -> None:
        edge = self.edge()
        sock = self.connect(edge, WAIT + QUICK)
        upload = self.connect(edge, post(b"count", bytes(1000))[:-1])
        wait_until(lambda: edge.waiting and edge.received, "both")
        edge.stop_later(30.0)
        edge.release()
        (answer,) = answers_in(read_to_end(sock))
        self.assertEqual((answer.body, answer.headers["connection"]), (b"waited", "close"))
        upload.sendall(b"\0")
        self.assertEqual(answers_in(read_to_end(upload))[0].body, b"1000")

    def test_work_that_takes_too_long_is_not(self) -> None:
        edge = self.edge()
        sock = self.connect(edge, WAIT)
        file = self.connect(edge, FILE)
        wait_until(lambda: edge.waiting and file.recv(1, socket.MSG_PEEK), "both")
        edge.stop(0.1)
        self.assertEqual(read_to_end(sock), b"")
        self.assertLess(len(read_to_end(file)), LARGE)


if __name__ == "__main__":
    unittest.main()
