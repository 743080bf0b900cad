"""Whole conversations over real sockets: cut at every byte, damaged by chance.

A cut is one only when the server has read the first piece before the second is sent. It reads from
its sockets in the order in which they became readable, so once it has answered a request that was
sent later on another connection, it has read all that was sent before.
"""

import random
import re
import socket
import time
import unittest
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from restore.contract.http import PROBLEMS
from tests.http.test_server import reset
from tests.support.functional_testcase import picture
from tests.support.rawclient import answers_in, connect, read_answers, read_to_end
from tests.support.service import Answer, Service, form, wait_until

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
HOST = b"\r\nHost: localhost\r\n"
AT_ONCE = 128  # connections
# Of those in the contract, what a damaged request may be told: it is none of 408, 429, 500, 503.
DOCUMENTED = frozenset(
    {100, 200, 201, 204, 400, 403, 404, 405, 413, 414, 415, 417, 421, 431, 501, 505}
)
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}")


def conversation() -> tuple[bytes, list[str], list[int]]:
    """Its bytes, its methods and its statuses; the last request asks to close."""
    body, content_type = form(picture("PNG", (1, 1)), {"strength": "0.5"})
    kind = b"Content-Type: " + content_type.encode() + b"\r\n"
    sized = kind + b"Content-Length: %d\r\n\r\n" % len(body)
    chunks = b"10;a=b\r\n" + body[:16] + b"\r\n%X\r\n" % (len(body) - 16) + body[16:] + b"\r\n"
    requests = (
        (b"GET /healthz HTTP/1.1", b"Accept: */*\r\n\r\n", 200),
        (b"POST /v1/restore HTTP/1.1", sized + body, 201),
        (b"HEAD /healthz HTTP/1.1", b"\r\n", 200),
        (b"POST /nowhere HTTP/1.1", b"Content-Length: 0\r\n\r\n", 404),
        (b"POST /v1/restore HTTP/1.1", kind + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, 201),
        (b"OPTIONS * HTTP/1.1", b"\r\n", 204),
        (b"GET http://localhost/healthz HTTP/1.1", b"Connection: close\r\n\r\n", 200),
    )
    data = b"".join(line + HOST + rest for line, rest, _ in requests)
    data = data.replace(chunks, chunks + b"0\r\nX: y\r\n\r\n")
    methods = [line.split()[0].decode() for line, _, _ in requests]
    return data, methods, [status for _, _, status in requests]


def open_sockets(pid: int) -> int:
    """How many a process has, where that can be seen (Linux); its children come with pipes."""
    count = 0
    for path in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):  # closed meanwhile
            count += str(path.readlink()).startswith("socket:")
    return count


def setUpModule() -> None:
    ConversationTest.service = Service(DUMMY_DELAY_S=3600, MAX_QUEUE=1_000_000, SHUTDOWN_GRACE_S=0)
    ConversationTest.service.start()
    unittest.addModuleCleanup(ConversationTest.service.__exit__)


class ConversationTest(unittest.TestCase):
    service: ClassVar[Service]

    def setUp(self) -> None:
        self.barrier = self.enterContext(connect(self.service.port))

    def tearDown(self) -> None:
        self.assertNotIn("could not be answered", self.service.log)
        self.assertNotIn("asyncio", self.service.log)
        self.assertEqual(self.service.request("GET", "/healthz").status, 200)

    def wait_until_read(self) -> None:
        """All that was sent so far, on any connection, has been read by the server."""
        self.barrier.sendall(GET)
        read_answers(self.barrier, 1)

    def hold(self, conversations: Iterable[Sequence[bytes]]) -> list[bytes]:
        """Hold all at once, in pieces of which each is read before the next; what was answered."""
        pieces = list(conversations)
        socks = [connect(self.service.port) for _ in pieces]
        try:
            for turn in range(max(map(len, pieces))):
                for sock, own in zip(socks, pieces, strict=True):
                    if turn < len(own):
                        with suppress(ConnectionError):  # refused meanwhile
                            sock.sendall(own[turn])
                self.wait_until_read()
            return [read_to_end(sock) for sock in socks]
        finally:
            for sock in socks:
                sock.close()


class EveryCutTest(ConversationTest):
    def said(self, received: bytes, methods: list[str]) -> list[tuple[int, bytes]]:
        return [(a.status, _ID.sub(b"ID", a.body)) for a in answers_in(received, methods)]

    def test_the_answers_are_the_same_however_it_is_cut(self) -> None:
        data, methods, statuses = conversation()
        (received,) = self.hold([[data]])
        whole = self.said(received, methods)
        self.assertEqual([status for status, _ in whole], statuses)
        cuts = range(1, len(data))
        for start in range(0, len(cuts), AT_ONCE):
            batch = cuts[start : start + AT_ONCE]
            answers = self.hold([data[:cut], data[cut:]] for cut in batch)
            for cut, received in zip(batch, answers, strict=True):
                with self.subTest(cut=cut, at=data[cut - 8 : cut + 8]):
                    self.assertEqual(self.said(received, methods), whole)

    def test_byte_by_byte(self) -> None:
        data, methods, statuses = conversation()
        (received,) = self.hold([[data[index : index + 1] for index in range(len(data))]])
        self.assertEqual([status for status, _ in self.said(received, methods)], statuses)


class DamageTest(ConversationTest):
    """Valid conversations with seeded damage: documented answers, soon, and nothing left behind."""

    ROUNDS = 1200
    WORDS = (
        *(b"\r\n", b"\n", b"\r", b"\x00", b" ", b"\t", b":", b";", b",", b"--", b"0", b"-1", b"+"),
        *(
            b"\r\n\r\n",
            b"\r\n ",
            b"\xff",
            b"\x1b",
            b'"',
            b"\\",
            b"%00",
            b"../",
            b"#",
            b"99999999999",
        ),
        *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.0", b"HTTP/2.0"),
        *(
            b"Expect: 100-continue\r\n",
            b"Connection: close\r\n",
            b"Host: b\r\n",
            b"Range: bytes=0-",
        ),
        *(b"Origin: null\r\n", b"HEAD ", b"filename*=", b"Content-Type: application/json\r\n"),
    )

    def damaged(self, data: bytes, chance: random.Random) -> bytes:
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data) + 1)
            end = min(len(data), at + chance.choice((0, 0, 1, 1, 2, 8, 60)))
            word = chance.choice(
                (*self.WORDS, b"", data[at:end] * 2, bytes([chance.randrange(256)]))
            )
            data = data[:at] + word + data[end:]
        return data

    def in_pieces(self, data: bytes, chance: random.Random) -> list[bytes]:
        cut = chance.randrange(len(data) + 1)
        return [piece for piece in (data[:cut], data[cut:]) if piece]

    def test_damage_has_only_documented_outcomes(self) -> None:
        chance, (data, _, _) = random.Random(5), conversation()
        before = len(self.service.lines)
        self.service.request("GET", "/healthz")
        sockets = open_sockets(self.service.pid)
        seen: set[int] = set()
        for _ in range(0, self.ROUNDS, AT_ONCE):
            batch = [self.in_pieces(self.damaged(data, chance), chance) for _ in range(AT_ONCE)]
            for pieces, received in zip(batch, self.hold_half_closed(batch), strict=True):
                with self.subTest(pieces):
                    seen |= self.check(received)
        self.assertGreaterEqual(seen, {200, 201, 204, 400, 404, 405, 415})
        wait_until(lambda: open_sockets(self.service.pid) <= sockets, "the descriptors")
        log = "".join(self.service.lines[before:])
        self.assertTrue(re.fullmatch(r"[ -~\n]*", log), "a raw byte in the log")

    def hold_half_closed(self, batch: Sequence[Sequence[bytes]]) -> list[bytes]:
        """As hold(), but the client ends, for damage may have made a request wait for more."""
        began = time.monotonic()
        socks = [connect(self.service.port) for _ in batch]
        try:
            for sock, pieces in zip(socks, batch, strict=True):
                with suppress(ConnectionError):
                    sock.sendall(pieces[0])
            self.wait_until_read()
            for sock, pieces in zip(socks, batch, strict=True):
                with suppress(OSError):
                    for piece in pieces[1:]:
                        sock.sendall(piece)
                    sock.shutdown(socket.SHUT_WR)
            return [read_to_end(sock) for sock in socks]
        finally:
            self.assertLess(time.monotonic() - began, 15.0)
            for sock in socks:
                reset(sock)

    def check(self, received: bytes) -> set[int]:
        """Hold the answers to the contract, HEAD or not; their statuses."""
        statuses = set()
        for part in re.split(rb"(?=HTTP/1\.1 [1-5])", received)[1:]:
            statuses.add(self.check_one(part))
        return statuses

    def check_one(self, data: bytes) -> int:
        head, _, body = data.partition(b"\r\n\r\n")
        (answer,) = answers_in(head + b"\r\n\r\n" + body, () if body else ("HEAD",))
        self.assertIn(answer.status, DOCUMENTED)
        if answer.status >= 400 and body:
            self.check_error(answer)
        return answer.status

    def check_error(self, answer: Answer) -> None:
        self.assertEqual(PROBLEMS[answer.json["code"]].status, answer.status)
        self.assertNotRegex(answer.json["error"], r"Traceback|Error|\.py|/tmp|restore\.")


if __name__ == "__main__":
    unittest.main()
