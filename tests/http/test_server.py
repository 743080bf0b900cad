"""server: many clients at once; none can take it from the others, none outstays its time."""

import os
import re
import resource
import socket
import struct
import sys
import time
import unittest
from contextlib import ExitStack, suppress
from email.utils import formatdate
from typing import Any
from unittest import mock

from tests.support.edge import SMALL_BUFFER, Edge
from tests.support.rawclient import answers_in, connect, read_answers, read_to_end
from tests.support.service import Service, wait_until

QUICK = b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\n"
WAIT = QUICK.replace(b"quick", b"wait")
POST = b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
CROWD = 1000


def reset(sock: socket.socket) -> None:
    """Close with a RST instead of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def open_descriptors(pid: int | None = None) -> int:
    folder = "/dev/fd" if pid is None else f"/proc/{pid}/fd"
    return len(os.listdir(folder))  # noqa: PTH208


class CrowdTest(unittest.TestCase):
    def setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 4 * CROWD if hard == resource.RLIM_INFINITY else min(4 * CROWD, hard)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        self.stack = self.enterContext(ExitStack())

    def edge(self, **limits: Any) -> Edge:
        edge = self.stack.enter_context(Edge(**limits))
        self.addCleanup(lambda: self.assertEqual(edge.faults, []))
        return edge

    def connect(self, edge: Edge, data: bytes = b"") -> socket.socket:
        sock = self.stack.enter_context(connect(edge.port))
        sock.sendall(data)
        return sock

    def ask(self, edge: Edge) -> int:
        """The status that a newcomer gets."""
        with connect(edge.port) as sock:
            with suppress(ConnectionError):
                sock.sendall(QUICK)
            return read_answers(sock, 1)[0].status

    def assert_gone(self, edge: Edge) -> None:
        wait_until(lambda: not edge.server._connections, "the end of all")
        wait_until(lambda: not edge.server._turned_away, "the end of the rest")
        self.assertEqual(edge.server._idle, {})


class PatienceTest(CrowdTest):
    def test_a_thousand_idle_and_dripping_clients(self) -> None:
        """They stop nobody, and they don't outstay their time, though each sends now and then."""
        edge = self.edge(idle_s=2.0, head_s=2.0, body_grace_s=2.0, body_stall_s=2.0)
        crowd = [
            self.connect(edge, (b"", b"GET /qu", POST + b"x", QUICK)[index % 4])
            for index in range(CROWD)
        ]
        dripping_until = time.monotonic() + 1.0
        for index in range(200):
            self.assertEqual(self.ask(edge), 200)
            if time.monotonic() < dripping_until:  # later a reset would cross their answers
                crowd[4 * index + 1].send(b"i")
                crowd[4 * index + 2].send(b"x")
        self.assert_gone(edge)
        statuses = [[answer.status for answer in answers_in(read_to_end(sock))] for sock in crowd]
        self.assertEqual([s for s in statuses[0::4] if s], [])
        self.assertEqual({tuple(s) for s in statuses[1::4]}, {(408,)})
        self.assertEqual({tuple(s) for s in statuses[2::4]}, {(408,)})
        self.assertEqual({tuple(s) for s in statuses[3::4]}, {(200,)})

    def test_resets_at_any_time_leave_nothing(self) -> None:
        edge = self.edge()
        before = open_descriptors()
        chunked = b"POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"
        refused = b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n"
        file = QUICK.replace(b"quick", b"file")
        for data in (b"", b"GET", QUICK, QUICK * 500, POST, POST + b"x", chunked, refused, file):
            for _ in range(20):
                reset(self.connect(edge, data))
            self.assertEqual(self.ask(edge), 200)
        self.assert_gone(edge)
        wait_until(lambda: open_descriptors() == before, "the descriptors")
        self.assertEqual(edge.lines.messages, [])


class CapTest(CrowdTest):
    MOST = 20

    def test_the_longest_idle_gives_way(self) -> None:
        edge = self.edge(most=self.MOST)
        first, second, *rest = [self.connect(edge) for _ in range(self.MOST)]
        first.sendall(QUICK)  # now the second one has been idle longest
        self.assertEqual(read_answers(first, 1)[0].status, 200)
        self.assertEqual(self.ask(edge), 200)
        self.assertEqual(read_to_end(second), b"")
        for sock in (first, *rest):
            sock.sendall(QUICK)
            self.assertEqual(read_answers(sock, 1)[0].status, 200)

    def test_a_dripping_head_gives_way(self) -> None:
        edge = self.edge(most=self.MOST)
        dripping = [self.connect(edge, b"GET /q") for _ in range(self.MOST)]
        for sock in dripping[: self.MOST // 2]:
            self.assertEqual(self.ask(edge), 200)
            with suppress(ConnectionError):
                sock.sendall(b"u")
        self.assertEqual(self.ask(edge), 200)

    def test_a_refused_one_gives_way(self) -> None:
        edge = self.edge(most=self.MOST)
        refused = b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n"
        for sock in [self.connect(edge, refused) for _ in range(self.MOST)]:
            self.assertEqual(answers_in(read_to_end(sock))[0].status, 415)
        self.assertEqual(self.ask(edge), 200)

    def test_only_when_all_are_at_work_is_a_newcomer_turned_away(self) -> None:
        edge = self.edge(most=self.MOST, linger_stall_s=0.3)
        busy = [self.connect(edge, (WAIT, POST)[index % 2]) for index in range(self.MOST)]
        server = edge.server
        wait_until(lambda: len(server._connections) == self.MOST and not server._idle, "their work")
        for _ in range(3):
            sock = self.connect(edge)
            (answer,) = answers_in(read_to_end(sock))
            self.assertEqual((answer.status, answer.json["code"]), (503, "too_busy"))
            self.assertEqual(answer.headers["connection"], "close")
            self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
        edge.release()
        self.assertEqual(read_answers(busy[0], 1)[0].body, b"waited")
        self.assertEqual(self.ask(edge), 200)
        busy[1].sendall(bytes(100_000))
        self.assertEqual(read_answers(busy[1], 1)[0].body, b"100000")

    def test_a_request_that_is_here_does_not_give_way(self) -> None:
        """All come at once: the first are served, the others told, and nobody is reset."""
        edge = self.edge(most=self.MOST)
        kept = self.connect(edge)
        kept.sendall(QUICK)
        self.assertEqual(read_answers(kept, 1)[0].status, 200)
        thaw = edge.freeze()
        kept.sendall(QUICK)
        crowd = [self.connect(edge, WAIT) for _ in range(2 * self.MOST)]
        thaw()
        self.assertEqual(read_answers(kept, 1)[0].status, 200)
        told = crowd[self.MOST :]  # one of the crowd takes the place of `kept`
        statuses = [answers_in(read_to_end(sock))[0].status for sock in told]
        self.assertEqual(statuses, [503] * self.MOST)
        edge.release()
        for sock in crowd[: self.MOST]:
            self.assertEqual(read_answers(sock, 1)[0].status, 200)

    def test_who_asks_without_reading_gives_way(self) -> None:
        most = 4
        edge = self.edge(most=most, send_buffer=SMALL_BUFFER, write_stall_s=1000.0)
        for _ in range(most):
            sock = self.stack.enter_context(connect(edge.port, receive_buffer=SMALL_BUFFER))
            sock.settimeout(0.2)
            with suppress(TimeoutError):
                while True:
                    sock.sendall(QUICK * 1000)
        connections = list(edge.server._connections)
        wait_until(lambda: all(one.listens_on is None for one in connections), "a standstill")
        for _ in range(2 * most):
            self.assertEqual(self.ask(edge), 200)

    def test_a_flood_of_newcomers_is_bounded_too(self) -> None:
        edge = self.edge(most=self.MOST)
        before = open_descriptors()
        busy = [self.connect(edge, WAIT) for _ in range(self.MOST)]
        wait_until(lambda: edge.waiting == self.MOST, "all their work")
        flood = [self.connect(edge) for _ in range(CROWD // 2)]
        wait_until(lambda: len(edge.lines.requests) >= len(flood), "their answers")
        held = open_descriptors() - before - len(busy) - len(flood)
        self.assertLess(held, self.MOST + 100)
        edge.release()
        for sock in busy:
            self.assertEqual(read_answers(sock, 1)[0].body, b"waited")

    def test_an_answer_under_way_does_not_give_way(self) -> None:
        edge = self.edge(most=self.MOST)
        reader = self.connect(edge, QUICK.replace(b"quick", b"file"))
        head = reader.recv(15)
        for _ in range(2 * self.MOST):
            self.connect(edge)
        self.assertEqual(self.ask(edge), 200)
        reader.sendall(QUICK)
        reader.shutdown(socket.SHUT_WR)
        self.assertEqual(answers_in(head + read_to_end(reader))[1].body, b"quick")


class AcceptedTest(CrowdTest):
    def test_what_is_small_does_not_wait_for_an_acknowledgement(self) -> None:
        """As the end of a file would, up to 40 ms for each of them on a connection that is kept."""
        edge = self.edge()
        self.connect(edge)
        wait_until(lambda: edge.server._connections, "the connection")
        (connection,) = edge.server._connections
        sock = connection._writer._transport.get_extra_info("socket")
        self.assertNotEqual(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 0)


class DateTest(CrowdTest):
    def test_each_answer_has_the_date_of_its_second(self) -> None:
        edge = self.edge(sweep_s=60.0)
        sock = self.connect(edge)
        for now in (1_800_000_000.9, 1_800_000_001.0, 1_800_000_001.9):
            with mock.patch("restore.http.server.time.time", lambda now=now: now):
                sock.sendall(QUICK)
                (answer,) = read_answers(sock, 1)
            self.assertEqual(answer.headers["date"], formatdate(int(now), usegmt=True))


@unittest.skipUnless(sys.platform == "linux", "another's descriptors can be counted on Linux")
class DescriptorsTest(CrowdTest):
    """A real server that may open few files."""

    def test_few_descriptors(self) -> None:
        service = Service()
        self.addCleanup(service.__exit__)
        service.start(("sh", "-c", 'ulimit -n 300; exec "$@"', "sh"))
        before = open_descriptors(service.pid)
        for data in (b"", b"GET / HT", b"POST /v1/restore HTTP/1.1\r\n"):
            crowd = [self.stack.enter_context(connect(service.port)) for _ in range(400)]
            for sock in crowd:
                with suppress(ConnectionError):
                    sock.sendall(data)
            for _ in range(20):
                self.assertEqual(service.request("GET", "/healthz").status, 200)
            for sock in crowd:
                sock.close()
        wait_until(lambda: open_descriptors(service.pid) <= before, "the descriptors")
        self.assertFalse(service.log_has("Traceback"))
        self.assertFalse(re.search(r"accept|Too many open files", service.log), service.log[-500:])


if __name__ == "__main__":
    unittest.main()
