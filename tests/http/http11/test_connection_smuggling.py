"""What hides behind a refused request is never read; and requests that chance has damaged."""

import random
import time
import unittest

from restore.http.http11 import CONNECTION_CLOSED, Connection, EndOfMessage, ProtocolError, Request
from tests.support.http11_testcase import CODES, Http11TestCase, head
from tests.support.sansio import Refused, events_of

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
POST_LINE = b"POST /v1/restore HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST_LINE + b"Transfer-Encoding: chunked\r\n\r\n"

# What one reader takes for the end of a request and another for its middle, and the status.
ATTEMPTS = {
    "CL.TE": (400, POST_LINE + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "TE.CL": (400, POST_LINE + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
    "CL.TE, unknown coding": (
        400,
        POST_LINE + b"Content-Length: 0\r\nTransfer-Encoding: x\r\n\r\n",
    ),
    "CL.CL": (400, POST_LINE + b"Content-Length: 0\r\nContent-Length: 43\r\n\r\n"),
    "CL.CL equal": (400, POST_LINE + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
    "CL list": (400, POST_LINE + b"Content-Length: 0, 43\r\n\r\n"),
    "CL plus": (400, POST_LINE + b"Content-Length: +0\r\n\r\n"),
    "CL hexadecimal": (400, POST_LINE + b"Content-Length: 0x0\r\n\r\n"),
    "CL wider than 64 bits": (413, POST_LINE + b"Content-Length: 18446744073709551616\r\n\r\n"),
    "CL name with space": (400, POST_LINE + b"Content-Length : 43\r\n\r\n"),
    "CL folded": (400, POST_LINE + b"Content-Length:\r\n 43\r\n\r\n"),
    "CL behind a bare CR": (400, POST_LINE + b"X: y\rContent-Length: 43\r\n\r\n"),
    "CL behind a bare LF": (400, POST_LINE + b"X: y\nContent-Length: 43\r\n\r\n"),
    "CL behind a NUL": (400, POST_LINE + b"X: y\x00Content-Length: 43\r\n\r\n"),
    "TE.TE": (
        400,
        POST_LINE + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    ),
    "TE list": (501, POST_LINE + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"),
    "TE twice": (400, POST_LINE + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "TE identity": (501, POST_LINE + b"Transfer-Encoding: identity\r\n\r\n"),
    "TE with vertical tab": (400, POST_LINE + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "TE name with space": (400, POST_LINE + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    "TE name with tab": (400, POST_LINE + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    "TE folded": (400, POST_LINE + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    "TE quoted": (400, POST_LINE + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    "TE in 1.0": (400, CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n"),
    "space before the first field": (400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    "two hosts": (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "a host with a path": (400, b"GET / HTTP/1.1\r\nHost: a/hidden\r\n\r\n"),
    "no version": (400, b"GET /\r\n"),
    "version 0.9": (400, b"GET / HTTP/0.9\r\n\r\n"),
    "version 2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a version with a space": (400, b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    "bare LF ends": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "a tunnel": (501, b"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n"),
    "an expectation": (417, POST_LINE + b"Expect: x\r\nContent-Length: 0\r\n\r\n"),
}

# The same within a chunked body: its request is known, but never complete.
CHUNK_ATTEMPTS = {
    "size with sign": b"+0\r\n\r\n",
    "size with prefix": b"0x0\r\n\r\n",
    "size wider than 64 bits": b"10000000000000000\r\n\r\n",
    "size line ended by LF": b"0\n\r\n",
    "extension ended by LF": b"0;\nx\r\n\r\n",
    "extension with a bare CR": b"0;a\rb\r\n\r\n",
    "unfinished quotes": b'0;a="\r\n\r\n',
    "data too long": b"1\r\nxx\r\n0\r\n\r\n",
    "data ended by LF": b"1\r\nx\n0\r\n\r\n",
    "data ended by two other bytes": b"1\r\nxab0\r\n\r\n",
    "trailer that is a request": b"0\r\nGET / HTTP/1.1\r\n\r\n",
    "trailer ended by LF": b"0\r\nX: y\n\r\n",
    "trailer folded": b"0\r\nX: y\r\n z\r\n\r\n",
    "empty line of LF": b"0\r\n\n",
}


class HiddenTest(Http11TestCase):
    def assert_nothing_follows(self, data: bytes) -> None:
        """Assert that a refused connection never speaks again, whatever else it is fed."""
        connection = Connection()
        with self.assertRaises(ProtocolError):
            for piece in (data, HIDDEN, HIDDEN * 10, b""):
                connection.receive_data(piece)
                while not isinstance(connection.next_event(), EndOfMessage):
                    pass
        for piece in (HIDDEN, b"\r\n\r\n" + HIDDEN, b""):
            connection.receive_data(piece)
            self.assertEqual(connection.buffered, 0)
            with self.assertRaises(ProtocolError):
                connection.next_event()

    def test_heads_that_can_be_read_in_two_ways(self) -> None:
        for name, (status, attempt) in ATTEMPTS.items():
            with self.subTest(name):
                self.assert_refused(status, attempt + HIDDEN)
                self.assert_nothing_follows(attempt)

    def test_chunks_that_can_be_read_in_two_ways(self) -> None:
        for name, attempt in CHUNK_ATTEMPTS.items():
            with self.subTest(name):
                request, *rest = self.conversation(CHUNKED + attempt + HIDDEN)
                self.assertIsInstance(request, Request)
                self.assertEqual(rest[-1], Refused(400, CODES[400]))
                self.assertNotIn(EndOfMessage(), rest)
                self.assert_nothing_follows(CHUNKED + attempt)

    def test_the_last_request_of_a_connection_hides_nothing_either(self) -> None:
        last = head(b"Connection: close")
        self.assertEqual(self.conversation(last + HIDDEN)[1:], [EndOfMessage(), CONNECTION_CLOSED])

    def test_a_body_is_no_request(self) -> None:
        data = POST_LINE + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
        self.assertEqual(self.conversation(data)[1:], [HIDDEN, EndOfMessage()])
        data = CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
        self.assertEqual(self.conversation(data)[1:], [HIDDEN, EndOfMessage()])

    def test_a_trailer_changes_nothing(self) -> None:
        trailer = b"Content-Length: 43\r\nTransfer-Encoding: chunked\r\nHost: b\r\n"
        events = self.conversation(CHUNKED + b"0\r\n" + trailer + b"\r\n" + HIDDEN)
        plain = self.conversation(CHUNKED + b"0\r\n\r\n" + HIDDEN)
        self.assertEqual(events, plain)


class MutationTest(Http11TestCase):
    """Valid conversations with seeded damage: only documented outcomes, the same in every cut."""

    ROUNDS = 1500
    SEEDS = (
        head(b"User-Agent: curl/8.5.0", b"Accept: */*", line=b"GET /v1/jobs/7?a=b HTTP/1.1"),
        POST_LINE + b"Content-Length: 12\r\nConnection: keep-alive\r\n\r\nhello, world" + HIDDEN,
        CHUNKED + b'5;a="b"\r\nhello\r\n007\r\n, world\r\n0\r\nX: y\r\n\r\n' + HIDDEN,
        b"\r\nOPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + HIDDEN,
        POST_LINE + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        head(line=b"GET http://[::1]:8000/a?b HTTP/1.1"),
    )
    WORDS = (
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b"\x00",
            b"\t",
            b" ",
            b":",
            b";",
            b",",
            b"0",
            b"ffffffff",
            b"-",
            b"+",
        ),
        *(b"\xff", b"#", b"*", b"\r\n ", b"\r\n\r\n", b"Host: b\r\n", b"Content-Length: 3\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"chunked", b"close", b"HTTP/1.0", b"HTTP/2.0", b'"'),
        *(b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"http://b", b"CONNECT ", b"\\"),
    )

    def mutate(self, data: bytes, chance: random.Random) -> bytes:
        """Damage `data` in one to three places."""
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data) + 1)
            end = min(len(data), at + chance.choice((0, 0, 1, 1, 2, 8, 40)))
            word = chance.choice(
                (*self.WORDS, b"", data[at:end] * 2, bytes([chance.randrange(256)]))
            )
            data = data[:at] + word + data[end:]
        return data

    def assert_documented(self, data: bytes, cuts: list[int]) -> None:
        whole = events_of(Connection, data, (), eof=True)
        self.assertEqual(events_of(Connection, data, range(len(data)), eof=True), whole, data)
        self.assertEqual(events_of(Connection, data, cuts, eof=True), whole, data)
        for event in whole:
            if isinstance(event, Refused):
                self.assertEqual(event.code, CODES.get(event.status), data)
            elif isinstance(event, Request):
                self.assertFalse(event.chunked and event.content_length is not None, data)
                self.assertTrue(event.path[0] in "/*" and event.target.isascii(), data)
                self.assertTrue(event.host or event.http_version == (1, 0), data)

    def test_damage_has_only_documented_outcomes_in_bounded_time(self) -> None:
        chance = random.Random(5)
        start = time.process_time()
        for round_ in range(self.ROUNDS):
            data = self.mutate(self.SEEDS[round_ % len(self.SEEDS)], chance)
            self.assert_documented(data, [chance.randrange(len(data) + 1) for _ in range(3)])
        self.assertLess(time.process_time() - start, self.ROUNDS * 0.05)

    def test_damage_reaches_every_kind_of_outcome(self) -> None:
        """Whatever the seed: the cases above are not all refused by the same rule."""
        chance = random.Random(5)
        statuses = set()
        for round_ in range(self.ROUNDS):
            data = self.mutate(self.SEEDS[round_ % len(self.SEEDS)], chance)
            for event in events_of(Connection, data):
                statuses.add(event.status if isinstance(event, Refused) else type(event).__name__)
        self.assertGreaterEqual(statuses, {"Request", "EndOfMessage", "bytes", 400, 417, 501, 505})


if __name__ == "__main__":
    unittest.main()
