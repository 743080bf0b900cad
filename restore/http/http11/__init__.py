"""The server's side of HTTP/1.1 (RFC 9110, RFC 9112) without a socket, clock or file.

Bytes go in by `receive_data()`, what they mean comes out of `next_event()`:

    Request, Data ..., EndOfMessage        one request; its answer is the caller's
    start_next_request()                   once that answer is out: the next one may be read
    NEED_DATA                              nothing more to say before more bytes arrive
    CONNECTION_CLOSED                      no further request will come or be read

A request that breaks a rule raises ProtocolError, for good: what hides behind it is never read.
There is one strictness and no lenient mode. Time-outs, the answer's body and the decision what to
answer are the caller's. Callers find everything here.

    connection     the states, and bodies of declared length
    head           a head out of bytes as they arrive
    request        what a head means, and whether it may mean that
    chunked        the chunked transfer coding, taken off
    lines          lines out of bytes, for head and chunked
    limits         what one client may cost, and ProtocolError
    response       an answer's head as bytes
"""

from restore.http.http11.connection import (
    CONNECTION_CLOSED,
    DEFAULT_LIMITS,
    NEED_DATA,
    TRANSITIONS,
    Cause,
    Connection,
    ConnectionClosed,
    Data,
    EndOfMessage,
    Event,
    NeedData,
    State,
)
from restore.http.http11.limits import HttpLimits, ProtocolError
from restore.http.http11.request import Headers, Request
from restore.http.http11.response import CONTINUE, REASONS, response_head

__all__ = [
    "CONNECTION_CLOSED",
    "CONTINUE",
    "DEFAULT_LIMITS",
    "NEED_DATA",
    "REASONS",
    "TRANSITIONS",
    "Cause",
    "Connection",
    "ConnectionClosed",
    "Data",
    "EndOfMessage",
    "Event",
    "Headers",
    "HttpLimits",
    "NeedData",
    "ProtocolError",
    "Request",
    "State",
    "response_head",
]
