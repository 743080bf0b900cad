"""Where a body ends: Content-Length, chunks, Expect, and which connection goes on after it."""

import unittest

from restore.http.http11 import CONNECTION_CLOSED, EndOfMessage, HttpLimits, Request
from tests.support.http11_testcase import CODES, GET, Http11TestCase, head
from tests.support.sansio import Refused

POST = b"POST / HTTP/1.1"
CHUNKED = head(b"Transfer-Encoding: chunked", line=POST)


def post(*fields: bytes) -> bytes:
    return head(*fields, line=POST)


class ContentLengthTest(Http11TestCase):
    def body(self, data: bytes) -> tuple[Request, bytes | None]:
        """The request and the body of one conversation that ends after them."""
        request, *rest = self.conversation(data)
        assert isinstance(request, Request)
        body = rest.pop(0) if isinstance(rest[0], bytes) else None
        self.assertEqual(rest, [EndOfMessage()])
        return request, body if isinstance(body, bytes) else None

    def test_bodies_of_declared_length(self) -> None:
        for length, body in (
            (b"5", b"hello"),
            (b"0000000005", b"he\r\no"),
            (b" 5\t", b"\x00\xff\r\n\r"),
        ):
            with self.subTest(length=length):
                request, got = self.body(post(b"Content-Length:" + length) + body)
                self.assertEqual((request.content_length, got), (5, body))
                self.assertTrue(request.has_body)

    def test_no_body(self) -> None:
        for fields, length in (((), None), ((b"Content-Length: 0",), 0)):
            with self.subTest(fields=fields):
                request, got = self.body(post(*fields))
                self.assertEqual((request.content_length, got), (length, None))
                self.assertFalse(request.has_body)

    def test_a_body_of_any_method_is_read(self) -> None:
        for method in (b"GET", b"DELETE", b"OPTIONS"):
            with self.subTest(method=method):
                data = head(b"Content-Length: 3", line=method + b" / HTTP/1.1") + b"abc"
                self.assertEqual(self.body(data)[1], b"abc")

    def test_lengths_that_are_none_are_refused(self) -> None:
        for length in (
            b"",
            b"+5",
            b"-5",
            b"-0",
            b"5.0",
            b"5e0",
            b"0x5",
            b"5_0",
            b"5 0",
            b"5,5",
            b"5, 5",
            b"5;",
            b'"5"',
            b"\xb2",
            b"\xd9\xa5",
            b"five",
            b"5\x00",
            b"\x0b5",
        ):
            with self.subTest(length=length):
                self.assert_refused(400, post(b"Content-Length: " + length) + b"hello")

    def test_two_lengths_are_refused_even_if_equal(self) -> None:
        for second in (b"5", b"6", b""):
            with self.subTest(second=second):
                data = post(b"Content-Length: 5", b"content-length: " + second) + b"hello"
                self.assert_refused(400, data)

    def test_a_length_of_too_many_digits_is_a_413(self) -> None:
        events = self.conversation(post(b"Content-Length: " + b"9" * 18))
        self.assertEqual(len(events), 1)
        self.assertIsInstance(events[0], Request)
        self.assert_refused(413, post(b"Content-Length: " + b"9" * 19))
        self.assert_refused(413, post(b"Content-Length: " + b"9" * 5000))
        events = self.conversation(post(b"Content-Length: " + b"0" * 5000))
        self.assertEqual(len(events), 2)
        self.assertIsInstance(events[1], EndOfMessage)


class TransferEncodingTest(Http11TestCase):
    def test_chunked_in_any_case(self) -> None:
        for coding in (b"chunked", b"Chunked", b"\t CHUNKED \t"):
            with self.subTest(coding=coding):
                request, *rest = self.conversation(
                    post(b"Transfer-Encoding:" + coding) + b"3\r\nabc\r\n0\r\n\r\n"
                )
                assert isinstance(request, Request)
                self.assertTrue(request.chunked and request.has_body)
                self.assertIsNone(request.content_length)
                self.assertEqual(rest, [b"abc", EndOfMessage()])

    def test_other_codings_are_not_implemented(self) -> None:
        for coding in (b"gzip", b"identity", b"gzip, chunked", b"chunked, gzip", b"xchunked"):
            with self.subTest(coding=coding):
                self.assert_refused(501, post(b"Transfer-Encoding: " + coding) + b"0\r\n\r\n")

    def test_codings_that_are_none_are_refused(self) -> None:
        for coding in (
            b"",
            b"chunked, chunked",
            b"chunked, gzip, Chunked",
            b"chunked,",
            b",chunked",
            b"chunked;q=1",
            b"chunked gzip",
            b'"chunked"',
            b"chunked\x00",
            b"\x0bchunked",
            b"\xa0chunked",
            b"chun\xe7ed",
        ):
            with self.subTest(coding=coding):
                self.assert_refused(400, post(b"Transfer-Encoding: " + coding) + b"0\r\n\r\n")

    def test_two_lines_are_refused(self) -> None:
        for second in (b"chunked", b"identity", b""):
            with self.subTest(second=second):
                fields = (b"Transfer-Encoding: chunked", b"Transfer-encoding: " + second)
                self.assert_refused(400, post(*fields) + b"0\r\n\r\n")

    def test_with_a_length_it_is_refused(self) -> None:
        for coding in (b"chunked", b"gzip", b"x y"):
            fields = [b"Transfer-Encoding: " + coding, b"Content-Length: 5"]
            with self.subTest(coding=coding):
                self.assert_refused(400, post(*fields) + b"0\r\n\r\n")
                self.assert_refused(400, post(*reversed(fields)) + b"0\r\n\r\n")

    def test_in_http_1_0_it_is_refused(self) -> None:
        data = head(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0") + b"0\r\n\r\n"
        self.assert_refused(400, data)


class ChunkedTest(Http11TestCase):
    def chunked(self, wire: bytes, limits: HttpLimits | None = None) -> list[object]:
        """What is said of a chunked body, without its request."""
        return self.conversation(CHUNKED + wire, limits=limits or HttpLimits())[1:]

    def test_bodies(self) -> None:
        ended = EndOfMessage()
        for wire, events in (
            (b"0\r\n\r\n", [ended]),
            (b"000\r\n\r\n", [ended]),
            (b"5\r\nhello\r\n0\r\n\r\n", [b"hello", ended]),
            (b"1\r\na\r\n002\r\n\r\n\r\n0\r\n\r\n", [b"a\r\n", ended]),
            (
                b"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
                [b"01234567890123456789a", ended],
            ),
            (b"5;a\r\nhello\r\n0;a=b\r\n\r\n", [b"hello", ended]),
            (b'5 ; a\t=\t"b;\\"\\\\ \xe4\t"; c;d=e\r\nhello\r\n0\r\n\r\n', [b"hello", ended]),
            (b"0\r\nX: y\r\nContent-Length: 5\r\nHost: b\r\n\r\n", [ended]),
        ):
            with self.subTest(wire=wire):
                self.assertEqual(self.chunked(wire), events)

    def test_a_request_after_a_chunked_one(self) -> None:
        wire = b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"
        (second, _) = self.conversation(GET)
        self.assertEqual(
            self.chunked(wire + GET), [b"hello", EndOfMessage(), second, EndOfMessage()]
        )

    def test_size_lines_that_are_none_are_refused(self) -> None:
        for line in (
            b"",
            b" 5",
            b"5 ",
            b"+5",
            b"-5",
            b"0x5",
            b"5h",
            b"5_0",
            b"5.0",
            b"g",
            b"\xb2",
            b"0" * 15 + b"5",
            b"f" * 16,
            b"5;",
            b"5;;a",
            b"5;=b",
            b"5;a=",
            b"5;a=;b",
            b"5;a b",
            b"5;a ",
            b"5;a=b ",
            b'5;a="b',
            b'5;a="\\"',
            b'5;a="b"c',
            b"5;\xe4",
            b"5;a=\xe4",
            b"5;a\x00",
            b"5;a\rb",
            b"5,5",
        ):
            with self.subTest(line=line):
                refused = [Refused(400, CODES[400])]
                self.assertEqual(self.chunked(line + b"\r\nhello\r\n0\r\n\r\n"), refused)

    def test_broken_line_ends_are_refused(self) -> None:
        refused = Refused(400, CODES[400])
        for wire, events in (
            (b"5\nhello\r\n0\r\n\r\n", [refused]),
            (b"5\rhello\r\n0\r\n\r\n", [refused]),
            (b"5\r\r\nhello\r\n0\r\n\r\n", [refused]),
            (b"5;a\nhello\r\n0\r\n\r\n", [refused]),
            (b"5\r\nhello\n0\r\n\r\n", [b"hello", refused]),
            (b"5\r\nhello0\r\n\r\n", [b"hello", refused]),
            (b"5\r\nhello\rx", [b"hello", refused]),
            (b"5\r\nhello!\r\n", [b"hello", refused]),
            (b"5\r\nhell\r\n0\r\n\r\n", [b"hell\r", refused]),
            (b"5\r\nhello\r\n\r\n", [b"hello", refused]),
            (b"1\r\na\r\n5\r\nhello\r\nx\r\n", [b"ahello", refused]),
            (b"0\r\n\n", [refused]),
            (b"0\r\n\rx", [refused]),
            (b"0\r\nX: y\n\r\n", [refused]),
        ):
            with self.subTest(wire=wire):
                self.assertEqual(self.chunked(wire), events)

    def test_trailers_that_are_none_are_refused(self) -> None:
        for line in (
            b"X",
            b" X: y",
            b"X : y",
            b": y",
            b"X: \x00",
            b"X: y\r\n z",
            b"GET / HTTP/1.1",
        ):
            with self.subTest(line=line):
                refused = [Refused(400, CODES[400])]
                self.assertEqual(self.chunked(b"0\r\n" + line + b"\r\n\r\n"), refused)

    def test_chunks_of_any_size_give_the_same_body(self) -> None:
        body = bytes(range(256)) * 160  # 40 KiB: more than is gathered at a time
        for size in (1, 7, 4096, 16384, 30000, 40960):
            parts = [body[start : start + size] for start in range(0, len(body), size)]
            wire = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
            with self.subTest(size=size):
                events = self.events_in_pieces(CHUNKED + wire + b"0\r\n\r\n", 5000)
                self.assertEqual(events[1:], [body, EndOfMessage()])


class ExpectTest(Http11TestCase):
    def expect_continue(self, *fields: bytes, version: bytes = b"1.1") -> bool:
        request = self.conversation(head(*fields, line=b"POST / HTTP/" + version))[0]
        assert isinstance(request, Request)
        return request.expect_continue

    def test_a_client_that_waits(self) -> None:
        for value in (b"100-continue", b"100-Continue"):
            with self.subTest(value=value):
                expect = b"Expect: " + value
                self.assertTrue(self.expect_continue(expect, b"Content-Length: 5"))
                self.assertTrue(self.expect_continue(expect, b"Transfer-Encoding: chunked"))

    def test_nobody_waits_without_a_body_or_in_http_1_0(self) -> None:
        expect = b"Expect: 100-continue"
        self.assertFalse(self.expect_continue(b"Content-Length: 5"))
        self.assertFalse(self.expect_continue(expect))
        self.assertFalse(self.expect_continue(expect, b"Content-Length: 0"))
        self.assertFalse(self.expect_continue(expect, b"Content-Length: 5", version=b"1.0"))

    def test_other_expectations_are_a_417(self) -> None:
        for value in (b"", b"200-ok", b"100-continue, x", b"100-continue=1"):
            with self.subTest(value=value):
                self.assert_refused(417, post(b"Expect: " + value, b"Content-Length: 5"))


class KeepAliveTest(Http11TestCase):
    def test_who_uses_the_connection_again(self) -> None:
        for version, fields, keep_alive in (
            (b"1.1", [], True),
            (b"1.1", [b"Connection: keep-alive"], True),
            (b"1.1", [b"Connection: upgrade, HTTP2-Settings", b"Upgrade: h2c"], True),
            (b"1.1", [b"Connection: not-close"], True),
            (b"1.1", [b"Connection: Close"], False),
            (b"1.1", [b"Connection: keep-alive, CLOSE"], False),
            (b"1.1", [b"Connection: x,\tclose ,y"], False),
            (b"1.1", [b"Connection: keep-alive", b"Connection: close"], False),
            (b"1.1", [b"Connection: "], True),
            (b"1.0", [], False),
            (b"1.0", [b"Connection: Keep-Alive"], True),
            (b"1.0", [b"Connection: x, keep-alive"], True),
            (b"1.0", [b"Connection: keep-alive, close"], False),
            (b"1.0", [b"Connection: x"], False),
        ):
            with self.subTest(version=version, fields=fields):
                events = self.conversation(head(*fields, line=b"GET / HTTP/" + version) + GET)
                (next_request, _) = self.conversation(GET)
                after = [next_request, EndOfMessage()] if keep_alive else [CONNECTION_CLOSED]
                self.assertEqual(events[1:], [EndOfMessage(), *after])


if __name__ == "__main__":
    unittest.main()
