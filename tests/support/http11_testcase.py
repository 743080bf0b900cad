"""What the tests of HTTP/1.1 share: whole conversations, in every cut, and what came of them."""

import unittest
from functools import partial

from restore.http.http11 import (
    CONNECTION_CLOSED,
    DEFAULT_LIMITS,
    Connection,
    EndOfMessage,
    Event,
    HttpLimits,
    ProtocolError,
    Request,
)
from tests.support.sansio import Refused, assert_same_however_cut, events_of

CODES = {
    400: "malformed_request",
    413: "payload_too_large",
    414: "uri_too_long",
    417: "expectation_failed",
    431: "headers_too_large",
    501: "not_implemented",
    505: "http_version_not_supported",
}

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Answering(Connection):
    """A connection whose every request is answered at once, so that the next one is read."""

    def next_event(self) -> Event:
        """Like Connection's, and go on after the end of a message."""
        event = super().next_event()
        if isinstance(event, EndOfMessage):
            self.start_next_request()
        return event


class Http11TestCase(unittest.TestCase):
    """Asserts about conversations; each is held in one piece, byte by byte and in two pieces."""

    def conversation(
        self, data: bytes, eof: bool = False, limits: HttpLimits = DEFAULT_LIMITS
    ) -> list[object]:
        """All events of `data`, the same however it is cut."""
        return assert_same_however_cut(self, partial(Answering, limits), data, eof)

    def events_in_pieces(self, data: bytes, size: int) -> list[object]:
        """All events of `data` in pieces of `size`: for what is too long to be cut at each byte."""
        return events_of(Answering, data, range(size, len(data), size))

    def request(self, head: bytes) -> Request:
        """The request that `head` makes, together with an end of the message."""
        request, *rest = self.conversation(head)
        assert isinstance(request, Request)
        closed = [] if request.keep_alive else [CONNECTION_CLOSED]
        self.assertEqual(rest, [EndOfMessage(), *closed])
        return request

    def assert_refused(self, status: int, data: bytes, limits: HttpLimits = DEFAULT_LIMITS) -> None:
        """Assert that the very first thing said of `data` is a refusal with its own code."""
        events = self.conversation(data, limits=limits)
        self.assertEqual(events, [Refused(status, CODES[status])], data)

    def reason(self, data: bytes) -> str:
        """What the log says of the refusal of `data`."""
        connection = Answering()
        connection.receive_data(data)
        with self.assertRaises(ProtocolError) as caught:
            while connection.next_event():
                pass
        return caught.exception.reason


def head(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a\r\n") -> bytes:
    """A whole head: the request line, a Host and the given field lines, each ended by CRLF."""
    return line + b"\r\n" + host + b"".join(field + b"\r\n" for field in fields) + b"\r\n"
