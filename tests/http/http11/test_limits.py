"""The limits of a request, each met exactly and passed by one, and time that grows with length."""

import time
import unittest
from collections.abc import Callable, Iterable

from restore.http.http11 import Connection, EndOfMessage, HttpLimits, ProtocolError, Request
from tests.support.http11_testcase import CODES, Answering, Http11TestCase, head
from tests.support.sansio import Refused, events_of

CHUNKED = head(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1")
SMALL = HttpLimits(
    request_line_bytes=40,
    header_bytes=60,
    header_count=4,
    empty_lines=1,
    chunk_line_bytes=20,
    chunk_overhead_bytes=40,
    trailer_bytes=20,
)


class LimitTest(Http11TestCase):
    def assert_limit(
        self, status: int, make: Callable[[int], bytes], most: int, limits: HttpLimits = SMALL
    ) -> None:
        """Assert that make(most) is accepted and make(most + 1) refused, in every cut."""
        self.assertEqual(self.conversation(make(most), limits=limits)[-1], EndOfMessage())
        refused = Refused(status, CODES[status])
        self.assertEqual(self.conversation(make(most + 1), limits=limits)[-1], refused)

    def test_request_line(self) -> None:
        def make(size: int) -> bytes:
            return head(line=b"GET /" + b"x" * (size - 14) + b" HTTP/1.1")

        self.assertEqual(make(40).index(b"\r"), 40)
        self.assert_limit(414, make, SMALL.request_line_bytes)
        self.assert_refused(414, b"GET /" + b"x" * 36, SMALL)
        self.assert_refused(414, b"GET /" + b"x" * 36 + b"\x00", SMALL)
        self.assert_refused(400, b"GET /" + b"x" * 34 + b"\x00", SMALL)

    def test_a_method_is_bounded_by_a_shorter_request_line_too(self) -> None:
        self.assert_refused(414, b"x" * 40, HttpLimits(request_line_bytes=20))

    def test_header_bytes(self) -> None:
        def make(size: int) -> bytes:
            return head(b"X:" + b"y" * (size - 9 - 4))

        self.assertEqual(len(make(60)), len(b"GET / HTTP/1.1\r\n") + 60 + len(b"\r\n"))
        self.assert_limit(431, make, SMALL.header_bytes)
        begun = b"GET / HTTP/1.1\r\nHost: a\r\nX:"
        self.assert_refused(431, begun + b"y" * 50, SMALL)
        self.assert_refused(431, begun + b"y" * 50 + b"\x00", SMALL)
        self.assert_refused(400, begun + b"y" * 48 + b"\x00", SMALL)

    def test_header_count(self) -> None:
        self.assert_limit(431, lambda count: head(*[b"X:"] * (count - 1)), SMALL.header_count)

    def test_empty_lines(self) -> None:
        self.assert_limit(400, lambda count: b"\r\n" * count + head(), SMALL.empty_lines)

    def test_chunk_line(self) -> None:
        def make(size: int) -> bytes:
            return CHUNKED + b"1;" + b"a" * (size - 2) + b"\r\nx\r\n0\r\n\r\n"

        self.assert_limit(431, make, SMALL.chunk_line_bytes)
        self.assertEqual(
            self.conversation(CHUNKED + b"1;" + b"a" * 19, limits=SMALL)[-1],
            Refused(431, CODES[431]),
        )

    def test_chunk_overhead(self) -> None:
        """Ten chunks of one byte carry 40 bytes more framing than data; the last counts too."""
        self.assert_limit(400, lambda count: CHUNKED + b"1\r\nx\r\n" * count + b"0\r\n\r\n", 8)
        large = b"30\r\n" + b"y" * 48 + b"\r\n"
        self.assert_limit(400, lambda n: CHUNKED + large + b"1\r\nx\r\n" * n + b"0\r\n\r\n", 19)

    def test_trailer_bytes(self) -> None:
        def make(size: int) -> bytes:
            return CHUNKED + b"0\r\nX:" + b"y" * (size - 4) + b"\r\n\r\n"

        self.assert_limit(431, make, SMALL.trailer_bytes)

    def test_trailer_count(self) -> None:
        def make(count: int) -> bytes:
            return CHUNKED + b"0\r\n" + b"X:\r\n" * count + b"\r\n"

        self.assert_limit(431, make, SMALL.header_count)

    def test_the_defaults_fit_what_clients_send(self) -> None:
        large = head(
            *(b"Cookie: " + b"c" * 4000 for _ in range(8)),
            line=b"GET /" + b"x" * 8000 + b" HTTP/1.1",
        )
        for size in (len(large), 1460):
            self.assertIsInstance(self.events_in_pieces(large, size)[0], Request)
        many = head(*[b"X: y"] * 99)
        self.assertIsInstance(self.events_in_pieces(many, len(many))[0], Request)


class LinearTimeTest(unittest.TestCase):
    """No input may cost more than in proportion to its length; each bound is some 20 times that."""

    def assert_done_within(self, cpu_s: float, data: bytes, cuts: Iterable[int]) -> None:
        start = time.process_time()
        events = events_of(Answering, data, cuts)
        self.assertLess(time.process_time() - start, cpu_s)
        self.assertTrue(events)

    def test_heads_near_their_limits_byte_by_byte(self) -> None:
        for name, data in {
            "target": head(line=b"GET /" + b"x" * 8000 + b" HTTP/1.1"),
            "value": head(b"X: " + b"y" * 32000),
            "spaces": head(b"X: y" + b" " * 32000 + b"y"),
            "name": head(b"X" * 32000 + b":"),
            "commas": head(b"Connection: " + b"," * 32000),
            "codings": head(b"Transfer-Encoding: " + b"a," * 16000 + b"a"),
            "lines": head(*[b"X: " + b"y" * 300] * 90),
        }.items():
            with self.subTest(name=name):
                self.assert_done_within(2.0, data, range(len(data)))
                self.assert_done_within(0.2, data, ())

    def test_unfinished_bodies_of_line_ends_and_zeros(self) -> None:
        for wire in (b"\r\n" * 40_000, b"0" * 80_000, b"1;" * 40_000, b'1;a="' + b"\\" * 80_000):
            with self.subTest(wire=wire[:10]):
                self.assert_done_within(0.2, CHUNKED + wire, ())

    def test_a_body_of_one_byte_chunks(self) -> None:
        wire = CHUNKED + b"1\r\nx\r\n" * 100_000
        self.assert_done_within(6.0, wire, range(0, len(wire), 65536))

    def test_what_is_received_in_bytes_is_not_copied_over_and_over(self) -> None:
        connection = Connection()
        connection.receive_data(head(b"Content-Length: 9000000", line=b"POST / HTTP/1.1"))
        connection.next_event()
        start = time.process_time()
        for _ in range(20_000):
            connection.receive_data(b"x" * 400)
        self.assertEqual(connection.buffered, 8_000_000)
        connection.next_event()
        self.assertLess(time.process_time() - start, 2.0)

    def test_pipelined_requests_are_not_copied_over_and_over(self) -> None:
        data = head() * 20_000
        self.assert_done_within(8.0, data, range(0, len(data), 65536))


class RefusalTest(unittest.TestCase):
    def test_reasons_are_our_own_words(self) -> None:
        for data in (b"\xff\x00", head(b"X\xff: \r\n"), head(host=b"Host: \x1b[31m\r\n")):
            connection = Connection()
            connection.receive_data(data)
            with self.assertRaises(ProtocolError) as caught:
                connection.next_event()
            self.assertRegex(caught.exception.reason, r"\A[A-Za-z0-9 ,.'()/:-]+\Z")


if __name__ == "__main__":
    unittest.main()
