"""Bodies that nobody sends in good faith: limits, linear work, bounded memory, mutations."""

import random
import sys
import unittest
from collections.abc import Iterable
from types import FrameType

from restore.http.multipart import (
    NEED_DATA,
    EndOfForm,
    EndOfPart,
    FormError,
    FormLimits,
    MultipartParser,
    Part,
    State,
)
from tests.http.multipart.test_parser_clients import CLIENTS
from tests.http.multipart.test_parser_libraries import LIBRARIES
from tests.support.multipart_testcase import (
    NAMED_F,
    REFUSED,
    TOO_LARGE,
    assert_data,
    assert_refused,
    form,
    said_of,
)
from tests.support.sansio import Refused, events_of, pieces_of

LONG = b"L" * 35
LINE = b"\r\n--" + LONG

# Bodies with the boundary `b`, each refused.
HOSTILE = (
    b"",
    b"\r\n",
    b"--b",
    b"--b-",
    b"--b\r\n",
    b"--b\r\n\r\n",
    b"--b\r\n\r\n\r\n--b\r\n",
    b"--b\r\n--b--",
    b"--b\n" + NAMED_F + b"\r\ndata\r\n--b--",
    b"--b\r\n" + NAMED_F + b"\ndata\r\n--b--",
    b"--b\r\n" + NAMED_F[:-2] + b"\n\r\ndata\r\n--b--",
    b"--b\r\n" + NAMED_F + b"\r\ndata\n--b--",
    b"--b\r\n" + NAMED_F + b"\r\ndata\r\n --b--",
    b"--b\r\n" + NAMED_F + b"\r\ndata\r\n--B--",
    b"--b\r\n" + NAMED_F + b"\r\ndata\r\n--b\r--",
    b"--b\r\nContent-Disposition: form-data; name=f\0\r\n\r\n\r\n--b--",
    b"--b\r\nContent-Disposition: form-data; name=f\r\0\n\r\n\r\n--b--",
    b"--b\r\n" + NAMED_F + NAMED_F + b"\r\n\r\n--b--",
    b"--b\r\n" + NAMED_F + b"Content-Transfer-Encoding: x-own\r\n\r\nLy8=\r\n--b--",
    b"--b\r\n folded: x\r\n\r\n\r\n--b--",
    b"--b\r\nGET / HTTP/1.1\r\n\r\n\r\n--b--",
    b"--b\r\n" + NAMED_F[:-2] + b'; filename="\r\n\r\n\r\n--b--',
)


class CountingParser(MultipartParser):
    """Counts the bytes it copies and those it searches."""

    __slots__ = ("work",)

    def __init__(self, boundary: bytes) -> None:
        super().__init__(boundary)
        self.work = 0

    def receive_data(self, data: bytes | memoryview) -> None:
        """Count what is left and what comes: at most that much is copied."""
        self.work += len(self._buffer) - self._position + len(data)
        super().receive_data(data)

    def _find_delimiter(self) -> int:
        self.work += len(self._buffer) - self._position
        return super()._find_delimiter()


def work_of(body: bytes, feed: int) -> tuple[int, int]:
    """Bytes copied or searched, and calls of functions of any kind, to parse `body`."""
    parser = CountingParser(LONG)
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        for piece in pieces_of(body, range(feed, len(body), feed), eof=True):
            parser.receive_data(piece)
            while parser.next_event() is not NEED_DATA:
                pass
    except FormError:
        pass
    finally:
        sys.setprofile(None)
    return parser.work, calls


class TestLinear(unittest.TestCase):
    """Work grows with the bytes and with the number of pieces, whatever the bytes are."""

    DATA = {
        "CRLFs": b"\r\n",
        "CRs": b"\r",
        "dashes": b"-",
        "CRLF and dashes": b"\r\n--",
        "half boundaries": LINE[:20],
        "boundaries but for a byte": LINE[:-1],
        "look-alikes": LINE + b"x",
        "padded look-alikes": LINE + b" " * 64 + b"x",
        "zeros": b"\0",
    }

    def check(self, body: bytes, feed: int) -> None:
        work, calls = work_of(body, feed)
        pieces = len(body) // feed + 1
        self.assertLess(work, 4 * len(body) + 4 * (len(LINE) + 66) * pieces)
        self.assertLess(calls, 60 * pieces + 300)

    def test_data(self) -> None:
        for name, pattern in self.DATA.items():
            for size, feed in ((1_000, 1), (4_000, 1), (60_000, 997), (240_000, 65_536)):
                with self.subTest(name, size=size, feed=feed):
                    data = (pattern * (size // len(pattern) + 1))[:size]
                    self.check(form(data, boundary=LONG), feed)

    def test_framing(self) -> None:
        header = b"X: " + b"y" * 400 + b"\r\n"
        for name, body in (
            ("preamble", b"\r\n--" * 1_000 + form(b"", boundary=LONG)),
            ("headers", form(b"", header * 20, boundary=LONG)),
            ("one long header", form(b"", b"X:" + b" " * 4_000 + b"\r\n", boundary=LONG)),
            ("epilogue", form(b"", boundary=LONG) + LINE * 100),
        ):
            for feed in (1, 65_536):
                with self.subTest(name, feed=feed):
                    self.check(body, feed)

    def test_header_values(self) -> None:
        """Each of these takes from a second to hours in a pattern that tries again."""
        for value, end in (
            (b" " * 8_000 + b'"', REFUSED),
            (b"a=" + b" " * 8_000 + b'"x', REFUSED),
            (b'a="' + b'\\"' * 4_000, REFUSED),
            (b'a="b"' + b" " * 8_000 + b"x", REFUSED),
            (b"filename*=utf-8''" + b"%4" * 4_000, EndOfForm()),
        ):
            header = b"Content-Disposition: form-data; " + value + b"\r\n"
            with self.subTest(value[:10]):
                self.assertEqual(said_of(form(b"", header))[-1], end)


class TestBounded(unittest.TestCase):
    """What is held between two pieces, and what is refused at which size."""

    def held_most(self, pieces: Iterable[bytes]) -> int:
        parser = MultipartParser(LONG)
        most = 0
        for piece in pieces:
            parser.receive_data(piece)
            try:
                while parser.next_event() is not NEED_DATA:
                    pass
            except FormError:
                break
            most = max(most, parser.buffered)
        return most

    def test_held(self) -> None:
        endless = {
            "preamble": b"--x\r\n" * 20_000,
            "headers": b"--" + LONG + b"\r\n" + b"X: y\r\n" * 20_000,
            "one header": b"--" + LONG + b"\r\nX: " + b"y" * 100_000,
            "padding": b"--" + LONG + b" " * 100_000,
            "data": form(LINE[:-1] * 3_000, boundary=LONG)[:-4],
            "epilogue": b"--" + LONG + b"--" + LINE * 3_000,
        }
        for name, body in endless.items():
            for feed in (1, 1_000):
                with self.subTest(name, feed=feed):
                    limit = 8194 if "header" in name else len(LINE) + 66
                    pieces = pieces_of(body, range(feed, len(body), feed))
                    self.assertLessEqual(self.held_most(pieces), limit)

    def limits_at(self, body: bytes, refused: Refused = TOO_LARGE, **limits: int) -> None:
        """Assert that `body` passes these limits and no smaller ones."""
        assert_data(self, body, *([b"data"] * body.count(b"\r\ndata\r\n")))
        self.assertEqual(said_of(body, FormLimits(**limits)), said_of(body))
        smaller = {name: limit - 1 for name, limit in limits.items()}
        assert_refused(self, body, FormLimits(**smaller), refused=refused)

    def test_part_count(self) -> None:
        parts = b"".join(form(b"data").removesuffix(b"--b--\r\n") for _ in range(5))
        self.limits_at(parts + b"--b--", part_count=5)

    def test_part_header_bytes(self) -> None:
        self.limits_at(form(b"data"), part_header_bytes=len(NAMED_F) + 2)
        self.limits_at(form(b"data", NAMED_F + b"A: b\r\n"), part_header_bytes=len(NAMED_F) + 8)

    def test_part_header_count(self) -> None:
        self.limits_at(form(b"data", NAMED_F + b"A: b\r\n c\r\n"), part_header_count=3)

    def test_name_bytes(self) -> None:
        self.limits_at(form(b"data"), name_bytes=1)

    def test_preamble_bytes(self) -> None:
        """A body without its boundary is damage of one kind, however long it is."""
        self.limits_at(b"--x\r\n---" + b"\r\n" + form(b"data"), REFUSED, preamble_bytes=8)

    def test_epilogue_bytes(self) -> None:
        self.limits_at(form(b"data") + b"123", epilogue_bytes=5)
        self.limits_at(b"1234\r\n" + form(b"data") + b"123", epilogue_bytes=5)  # apart

    def test_endless_bodies_are_refused_before_their_end(self) -> None:
        for body, refused in (
            (b"x" * 17_000, REFUSED),
            (b"\r\n" * 9_000, REFUSED),
            (b"--b\r\n" + b"X: y\r\n" * 2_000, TOO_LARGE),
            (b"--b--" + b"\r\n" * 9_000, TOO_LARGE),
            (b"--b\r\n\r\n\r\n" * 129, TOO_LARGE),
        ):
            with self.subTest(body[:10]):
                self.assertEqual(events_of(lambda: MultipartParser(b"b"), body)[-1], refused)


class TestHostile(unittest.TestCase):
    """Damage is a refusal, the same one however it is cut."""

    def test_hostile(self) -> None:
        for body in HOSTILE:
            with self.subTest(body):
                assert_refused(self, body)

    def test_mutations(self) -> None:
        """Seeded damage to real uploads: documented answers only, and the same in any cut."""
        chance = random.Random(7578)
        for client in (*CLIENTS, *LIBRARIES):
            boundary = client.body.split(b"--", 1)[1].split(b"\r\n", 1)[0]
            for _ in range(40):
                body = mutated(client.body, chance)
                with self.subTest(client.name, body=body):
                    self.check(body, boundary, chance)

    def check(self, body: bytes, boundary: bytes, chance: random.Random) -> None:
        def parser() -> MultipartParser:
            return MultipartParser(boundary)

        whole = events_of(parser, body, eof=True)
        self.assertIn(whole[-1], (REFUSED, TOO_LARGE, EndOfForm()))
        self.assertEqual(events_of(parser, body, range(len(body)), eof=True), whole)
        cuts = chance.choices(range(len(body) + 1), k=5)
        self.assertEqual(events_of(parser, body, cuts, eof=True), whole)
        if whole[-1] == EndOfForm():
            opened = sum(isinstance(event, Part) for event in whole)
            self.assertEqual(opened, whole.count(EndOfPart()))

    def test_every_state_can_fail(self) -> None:
        for body, state in (
            (b"x", State.PREAMBLE),
            (b"--b\r\nX", State.PART_HEADERS),
            (b"--b\r\n\r\nx", State.PART_DATA),
        ):
            parser = MultipartParser(b"b")
            parser.receive_data(body)
            while parser.next_event() is not NEED_DATA:
                pass
            self.assertIs(parser.state, state)
            parser.receive_eof()
            self.assertRaises(FormError, parser.next_event)
            self.assertIs(parser.state, State.FAILED)


def mutated(body: bytes, chance: random.Random) -> bytes:
    """`body` with one to three small damages."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(body))
        piece = body[at : at + chance.randint(1, 40)]
        insert = chance.choice(
            (b"", piece * 2, b"\r", b"\n", b"\r\n", b"--", b'"', b"\\", b";", b"\0")
        )
        body = body[:at] + insert + body[at + chance.randint(0, len(piece)) :]
    return body
