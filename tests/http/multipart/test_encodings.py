"""Parts whose data are encoded as in mail: decoded, however they are cut; damage is refused."""

import base64
import random
import unittest
from functools import partial

from restore.http.multipart import Data, EndOfForm, EndOfPart, MultipartParser, Part
from tests.support.multipart_testcase import NAMED_F, REFUSED, form
from tests.support.sansio import assert_same_however_cut, events_of

ALL_BYTES = bytes(range(256)) * 2


def encoded(encoding: bytes, data: bytes) -> bytes:
    return form(data, NAMED_F + b"Content-Transfer-Encoding: " + encoding + b"\r\n")


def quoted(data: bytes) -> bytes:
    lines = [data[i : i + 24] for i in range(0, len(data), 24)]
    return b"=\r\n".join(b"".join(b"=%02X" % byte for byte in line) for line in lines)


def ends_of(body: bytes) -> tuple[object, object]:
    """The last event of a body fed whole, and of one fed byte by byte."""
    make = partial(MultipartParser, b"b")
    whole = events_of(make, body, eof=True)[-1]
    return whole, events_of(make, body, range(len(body)), True)[-1]


class DecodingTest(unittest.TestCase):
    def assert_decoded(self, encoding: bytes, data: bytes, expected: bytes) -> None:
        body = encoded(encoding, data)
        said = assert_same_however_cut(self, lambda: MultipartParser(b"b"), body, eof=True)
        part = Part("f", None, "", encoding.decode().lower())
        wanted = [part, *([expected] if expected else []), EndOfPart(), EndOfForm()]
        self.assertEqual(said, wanted)

    def test_base64(self) -> None:
        for data, expected in (
            (b"", b""),
            (b"YQ==", b"a"),
            (b"YWI=", b"ab"),
            (b"YWJj", b"abc"),
            (b"Y W\tJ\r\nj\r\n", b"abc"),
            (base64.encodebytes(ALL_BYTES).replace(b"\n", b"\r\n"), ALL_BYTES),
        ):
            with self.subTest(data):
                self.assert_decoded(b"base64", data, expected)
        self.assert_decoded(b"BASE64", b"YWJj", b"abc")

    def test_quoted_printable(self) -> None:
        for data, expected in (
            (b"", b""),
            (b"a=3Db", b"a=b"),
            (b"a=3db", b"a=b"),
            (b"soft=\r\nly", b"softly"),
            (b"two\r\nlines", b"two\r\nlines"),
            (b"ends softly=", b"ends softly"),
            (quoted(ALL_BYTES), ALL_BYTES),
        ):
            with self.subTest(data):
                self.assert_decoded(b"quoted-printable", data, expected)

    def test_the_next_part_is_as_it_is(self) -> None:
        first = encoded(b"base64", b"YWJj").removesuffix(b"--b--\r\n")
        parser = MultipartParser(b"b")
        parser.receive_data(first + form(b"YWJj"))
        events = [parser.next_event() for _ in range(6)]
        self.assertEqual([b"abc", b"YWJj"], [bytes(e.data) for e in events if isinstance(e, Data)])


class DamageTest(unittest.TestCase):
    def test_base64(self) -> None:
        for data in (
            b"YQ=",
            b"Y",
            b"YWJ",
            b"YWJj*",
            b"YQ==YQ==",
            b"====",
            b"YW=j",
            b"\xff\xd8\xff",
        ):
            with self.subTest(data):
                self.assertEqual((REFUSED, REFUSED), ends_of(encoded(b"base64", data)))

    def test_quoted_printable(self) -> None:
        for data in (b"=G0", b"=4", b"a=b", b"==a", b"a" * 1001, b"a" * 1001 + b"\r\n"):
            with self.subTest(data[:4]):
                body = encoded(b"quoted-printable", data)
                self.assertEqual((REFUSED, REFUSED), ends_of(body))

    def test_seeded_noise_is_decoded_or_refused(self) -> None:
        chance = random.Random(2045)
        for _ in range(50):
            data = bytes(chance.choices(b"YWJj=\r\n 3D", k=12))
            for encoding in (b"base64", b"quoted-printable"):
                with self.subTest(data, encoding=encoding):
                    whole, cut = ends_of(encoded(encoding, data))
                    self.assertEqual(whole, cut)
                    self.assertIn(whole, (REFUSED, EndOfForm()))

    def test_little_is_held(self) -> None:
        parser = MultipartParser(b"b")
        parser.receive_data(encoded(b"quoted-printable", b"a" * 900)[:-10])
        while isinstance(parser.next_event(), Part):
            pass
        self.assertLess(parser.buffered, 1000)
        self.assertGreater(parser.buffered, 800)
