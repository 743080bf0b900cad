"""The state machine of one connection: what its bytes mean, one request after the other.

It knows the states, the moves between them and the bodies of declared length. A head is read by
head.py and judged by request.py, a chunked body read by chunked.py. Rule: a request that breaks a
rule fails the connection for good, and what hides behind it is never read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final, NamedTuple

from restore.http.http11.chunked import ChunkedReader
from restore.http.http11.head import HeadReader
from restore.http.http11.limits import HttpLimits, ProtocolError, malformed
from restore.http.http11.lines import LineBuffer
from restore.http.http11.request import Request

DEFAULT_LIMITS: Final = HttpLimits()


class Data(NamedTuple):
    """Bytes of a request's body, in order and never empty; often the received object itself."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """The request is complete. Trailers were checked and dropped."""


class NeedData(Enum):
    """Says that nothing more can be said until more bytes arrive or the next request may start."""

    NEED_DATA = auto()


class ConnectionClosed(Enum):
    """Says that no further request will come: the client ended, or asked for an end."""

    CONNECTION_CLOSED = auto()


NEED_DATA: Final = NeedData.NEED_DATA
CONNECTION_CLOSED: Final = ConnectionClosed.CONNECTION_CLOSED
Event = Request | Data | EndOfMessage | NeedData | ConnectionClosed

_END_OF_MESSAGE: Final = EndOfMessage()


class State(StrEnum):
    """Where a connection is."""

    HEAD = auto()  # before or in the head of a request
    BODY = auto()  # in a body of declared length
    CHUNKED = auto()  # in a chunked body
    COMPLETE = auto()  # all of the request is there, EndOfMessage is due
    DONE = auto()  # EndOfMessage was given; waits for start_next_request()
    CLOSED = auto()
    FAILED = auto()  # a ProtocolError was raised


class Cause(StrEnum):
    """What moves a connection from one state to another."""

    NO_BODY = auto()
    SIZED_BODY = auto()
    CHUNKED_BODY = auto()
    BODY_ENDED = auto()
    MESSAGE_ENDED = auto()
    NEXT_REQUEST = auto()
    LAST_REQUEST = auto()
    HUNG_UP = auto()
    FAULT = auto()


# All moves there are. States are of StrEnum, which is hashed in C, a plain Enum in Python.
TRANSITIONS: Mapping[State, Mapping[Cause, State]] = {
    State.HEAD: {
        Cause.NO_BODY: State.COMPLETE,
        Cause.SIZED_BODY: State.BODY,
        Cause.CHUNKED_BODY: State.CHUNKED,
        Cause.HUNG_UP: State.CLOSED,
        Cause.FAULT: State.FAILED,
    },
    State.BODY: {Cause.BODY_ENDED: State.COMPLETE, Cause.FAULT: State.FAILED},
    State.CHUNKED: {Cause.BODY_ENDED: State.COMPLETE, Cause.FAULT: State.FAILED},
    State.COMPLETE: {Cause.MESSAGE_ENDED: State.DONE},
    State.DONE: {Cause.NEXT_REQUEST: State.HEAD, Cause.LAST_REQUEST: State.CLOSED},
    State.CLOSED: {},
    State.FAILED: {},
}


class Connection:
    """One connection's stream of requests."""

    __slots__ = (
        "_body",
        "_buffer",
        "_eof",
        "_failure",
        "_head",
        "_keep_alive",
        "_left",
        "_limits",
        "_passing",
        "_state",
    )

    def __init__(self, limits: HttpLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._state = State.HEAD
        self._buffer = LineBuffer()
        self._head = HeadReader(limits)
        self._body: ChunkedReader | None = None
        self._left = 0  # bytes of a body of declared length still to come
        self._passing: bytes | memoryview | None = None  # body bytes that go by unbuffered
        self._keep_alive = True
        self._eof = False
        self._failure: tuple[int, str, str] | None = None

    @property
    def state(self) -> State:
        """Where the connection is."""
        return self._state

    @property
    def buffered(self) -> int:
        """Bytes held: received and not given out yet."""
        held = len(self._buffer) + self._head.held + len(self._passing or b"")
        return held + (self._body.held if self._body is not None else 0)

    @property
    def head_started(self) -> bool:
        """Whether a request's head has begun to arrive and isn't complete.

        Empty lines before it, of which next_event() has made sure, don't count.
        """
        return self._state is State.HEAD and self.buffered > 0

    def receive_data(self, data: bytes | memoryview) -> None:
        """Take bytes from the client; b"" says that it will send no more.

        A memoryview is only borrowed, and may be given out again as Data: its owner asks
        next_event() until NEED_DATA and has used the events before writing into it again.
        """
        if not data:
            self._eof = True
        elif self._state in (State.CLOSED, State.FAILED):
            return
        elif (
            self._state is State.BODY
            and len(data) <= self._left
            and self._passing is None
            and not self._buffer
        ):
            self._passing = data
        else:
            if self._passing is not None:
                self._buffer.append(bytes(self._passing))
                self._passing = None
            self._buffer.append(bytes(data))

    def next_event(self) -> Event:
        """Say what the bytes so far mean.

        Raises ProtocolError for a request that is refused, and the same again whenever asked later.
        """
        try:
            return _STEPS[self._state](self)
        except ProtocolError as error:
            if self._failure is None:
                self._move(Cause.FAULT)
                self._buffer.clear()
                self._head = HeadReader(self._limits)  # lets go of what the old one held
                self._passing = self._body = None
                self._failure = (error.status, error.code, error.reason)
            raise

    def start_next_request(self) -> None:
        """Go on to the next request of the connection, or close where there can't be one.

        Raises RuntimeError unless EndOfMessage was given: an answer ends after its request.
        """
        if self._state is not State.DONE:
            raise RuntimeError(f"start_next_request() in state {self._state}")
        if self._keep_alive:
            self._move(Cause.NEXT_REQUEST)
        else:
            self._move(Cause.LAST_REQUEST)
            self._buffer.clear()

    def _move(self, cause: Cause) -> None:
        self._state = TRANSITIONS[self._state][cause]

    def _read_head(self) -> Event:
        request = self._head.read(self._buffer)
        if request is None:
            return self._wait_for_head()
        self._keep_alive = request.keep_alive
        if request.chunked:
            self._body = ChunkedReader(self._limits)
            self._move(Cause.CHUNKED_BODY)
        elif request.content_length:
            self._left = request.content_length
            self._move(Cause.SIZED_BODY)
        else:
            self._move(Cause.NO_BODY)
        return request

    def _wait_for_head(self) -> Event:
        if not self._eof:
            return NEED_DATA
        if self.buffered:
            raise malformed("the client ended in the middle of a head")
        self._move(Cause.HUNG_UP)
        return CONNECTION_CLOSED

    def _read_body(self) -> Event:
        data = self._passing
        if data is None:
            data = self._buffer.take(self._left)
        else:
            self._passing = None
        if not data:
            return self._wait_for_body()
        self._left -= len(data)
        if not self._left:
            self._move(Cause.BODY_ENDED)
        return Data(data)

    def _read_chunked(self) -> Event:
        assert self._body is not None
        data = self._body.read(self._buffer)
        if data:
            return Data(data)
        if not self._body.ended:
            return self._wait_for_body()
        self._body = None
        self._move(Cause.BODY_ENDED)
        return self._end_message()

    def _wait_for_body(self) -> Event:
        if self._eof:
            raise malformed("the client ended in the middle of a body")
        return NEED_DATA

    def _end_message(self) -> Event:
        self._move(Cause.MESSAGE_ENDED)
        return _END_OF_MESSAGE

    def _wait_for_answer(self) -> Event:
        return NEED_DATA

    def _stay_closed(self) -> Event:
        return CONNECTION_CLOSED

    def _fail_again(self) -> Event:
        assert self._failure is not None
        raise ProtocolError(*self._failure)


_STEPS: Mapping[State, Callable[[Connection], Event]] = {
    State.HEAD: Connection._read_head,
    State.BODY: Connection._read_body,
    State.CHUNKED: Connection._read_chunked,
    State.COMPLETE: Connection._end_message,
    State.DONE: Connection._wait_for_answer,
    State.CLOSED: Connection._stay_closed,
    State.FAILED: Connection._fail_again,
}
