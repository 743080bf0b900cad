"""One client's connection: bytes in, requests to the handlers, answers out, each in its turn.

The shell around http11: it owns the transport and the deadlines; it decides nothing about what a
request means. The rules kept here: requests on one connection are answered in order and each
exactly once; a refusal reaches the client even while it is still sending (answer, half-close, read
on within bounds, close: RFC 9112, 9.6); every wait has a deadline, which the hub's sweep looks at
once a second.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Protocol, cast

from restore import http11, limits
from restore.contract import Refusal
from restore.delivery import head_of, send_file
from restore.handlers import Answer, Exchange
from restore.logs import AccessLog
from restore.requestbody import NO_BODY, ClientGone, RequestBody
from restore.responses import Response, refused

log = logging.getLogger("restore")

_CLIENT_GONE = 499  # in the log only: nobody was left to answer


class Phase(Enum):
    """Where a connection stands."""

    HEAD = auto()  # between requests, or in the middle of a head
    WORK = auto()  # a request is being answered
    LINGER = auto()  # the last answer is out; what still comes is read and thrown away
    CLOSED = auto()


class Hub(Protocol):
    """What a connection needs of the server it belongs to."""

    handle: Callable[[Exchange], Answer]
    client: Callable[[Exchange], str]
    access: AccessLog
    date: str
    stopping: bool

    def admit(self, connection: "Connection") -> bool:
        """Whether there is room for one more."""

    def begin_work(self, connection: "Connection") -> None:
        """A request is whole: this connection won't be closed to make room."""

    def end_work(self, connection: "Connection") -> None:
        """It may be closed to make room again."""

    def forget(self, connection: "Connection") -> None:
        """It is closed."""


class Connection(asyncio.Protocol):
    """Made by the hub for each accepted socket."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop
        self._http = http11.Connection()
        self._transport = cast(asyncio.Transport, None)  # set before anything else is called
        self._peer = "-"
        self._phase = Phase.HEAD
        self._body: RequestBody | None = None  # of the request under way
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0  # when the request under way began, loop time
        self._in_head = False  # the first byte of a head has come, its deadline runs
        self._unsent = 0  # bytes in the write buffer at the last look; 0: the client keeps up
        self._linger_until = 0.0
        self._lingered = 0
        self._deadline = math.inf

    @property
    def deadline(self) -> float:
        """When `on_deadline` is to be called, loop time."""
        body = self._body
        return self._deadline if body is None else min(self._deadline, body.deadline)

    # -- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else "-"
        self._deadline = self._loop.time() + limits.IDLE_S
        if not self._hub.admit(self):
            self._refuse(Refusal("too_busy", headers=(("Retry-After", "1"),)))

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.LINGER:
            self._discard(len(data))
            return
        self._http.receive_data(data)
        if self._body is not None:
            self._body.on_bytes(len(data))
        elif self._phase is Phase.HEAD and not self._unsent:
            self._serve()
        elif self._http.buffered > limits.PIPELINE_BYTES:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client half-closed; it may still wait for an answer."""
        if self._phase is Phase.LINGER:
            return False
        self._http.receive_data(b"")
        if self._body is not None:
            self._body.on_bytes(0)
        elif self._phase is Phase.HEAD and not self._unsent:
            self._serve()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = Phase.CLOSED
        self._hub.forget(self)
        if self._body is not None:
            self._body.on_lost()

    def pause_writing(self) -> None:
        self._unsent = max(1, self._transport.get_write_buffer_size())
        self._deadline = self._loop.time() + limits.WRITE_STALL_S

    def resume_writing(self) -> None:
        self._unsent = 0
        self._deadline = self._linger_until if self._phase is Phase.LINGER else math.inf
        if self._phase is Phase.HEAD:
            self._serve()

    # -- called by the hub

    def on_deadline(self, now: float) -> None:
        """The deadline has passed; `now` is the loop's time."""
        if self._unsent:
            self._check_reader(now)
        elif self._phase is Phase.HEAD and self._in_head:
            self._refuse(Refusal("request_timeout"))
        elif self._body is not None:
            self._body.on_deadline()
        else:
            self._transport.abort()

    def shut_down(self) -> None:
        """The server stops: what is being answered is finished, the rest closed."""
        if self._phase is Phase.HEAD:
            self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    # -- requests

    def _serve(self) -> None:
        """Answer what has arrived, then wait for more."""
        while self._phase is Phase.HEAD and not self._unsent:
            try:
                event = self._http.next_event()
            except http11.ProtocolError as error:
                self._refuse(_from_protocol(error))
                return
            if isinstance(event, http11.Request):
                self._begin(event)
            elif event is http11.CONNECTION_CLOSED:
                self._transport.close()
                return
            else:
                self._wait_for_head()
                return

    def _wait_for_head(self) -> None:
        started = self._http.head_started
        if not (started and self._in_head):
            wait_s = limits.HEAD_S if started else limits.IDLE_S
            self._deadline = self._loop.time() + wait_s
            self._in_head = started
        self._transport.resume_reading()

    def _begin(self, request: http11.Request) -> None:
        self._phase = Phase.WORK
        self._began = self._loop.time()
        self._deadline = math.inf
        self._hub.begin_work(self)
        if request.has_body:
            self._body = RequestBody(self._http, self._transport, request.expect_continue)
        exchange = Exchange(request, self._body or NO_BODY, self._peer)
        try:
            answer = self._hub.handle(exchange)
        except Refusal as refusal:
            answer = refused(refusal)
        except Exception:
            answer = _internal_error()
        if isinstance(answer, Response) and answer.file is None:
            self._send(exchange, answer)
        else:
            self._task = self._loop.create_task(self._work(exchange, answer))

    async def _work(self, exchange: Exchange, answer: Answer) -> None:
        """Await an answer and send it, with its file."""
        try:
            response = answer if isinstance(answer, Response) else await _settle(answer)
            if response.file is None:
                self._send(exchange, response)
            else:
                await self._send_with_file(exchange, response)
        except ClientGone:
            self._transport.abort()
            self._record(exchange, _CLIENT_GONE, "client_gone")
        finally:
            self._task = None
        self._serve()

    # -- answers

    def _send(self, exchange: Exchange, response: Response) -> None:
        """Send an answer that is in memory, and end the exchange."""
        if self._phase is Phase.CLOSED:
            raise ClientGone
        request = exchange.request
        keep = self._may_keep(request)
        head = head_of(response, self._hub.date, keep=keep, old=request.http_version == (1, 0))
        self._transport.write(head if request.method == "HEAD" else head + response.body)
        self._record(exchange, response.status, response.code)
        self._end(keep)

    async def _send_with_file(self, exchange: Exchange, response: Response) -> None:
        assert response.file is not None
        request = exchange.request
        with response.file.file:
            if self._phase is Phase.CLOSED:
                raise ClientGone
            keep = self._may_keep(request)
            old = request.http_version == (1, 0)
            self._transport.write(head_of(response, self._hub.date, keep=keep, old=old))
            if request.method != "HEAD":
                await send_file(self._transport, response.file)
        if self._phase is Phase.CLOSED:
            raise ClientGone
        self._record(exchange, response.status, response.code)
        self._end(keep)

    def _may_keep(self, request: http11.Request) -> bool:
        """Whether the connection can take another request: all of this one's body is here."""
        if not request.keep_alive or self._hub.stopping:
            return False
        try:
            while self._http.state is not http11.State.DONE:
                if self._http.next_event() is http11.NEED_DATA:
                    return False
        except http11.ProtocolError:
            return False
        return True

    def _end(self, keep: bool) -> None:
        body, self._body = self._body, None
        if not keep:
            self._linger()
            return
        self._http.start_next_request()
        self._phase = Phase.HEAD
        self._in_head = False
        self._hub.end_work(self)
        if body is not None:
            body.release()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what is no request, and close."""
        response = refused(refusal)
        self._transport.write(head_of(response, self._hub.date, keep=False) + response.body)
        self._hub.access.record(self._peer, "-", "-", response.status, 0.0, response.code)
        self._linger()

    def _linger(self) -> None:
        """Half-close; the client reads the answer, and closes when it has stopped sending."""
        self._phase = Phase.LINGER
        now = self._loop.time()
        self._linger_until = now + limits.LINGER_S
        self._deadline = now + limits.LINGER_STALL_S
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._transport.write_eof()

    def _discard(self, count: int) -> None:
        self._lingered += count
        if self._lingered > limits.LINGER_BYTES:
            self._transport.abort()
        elif not self._unsent:
            self._deadline = min(self._linger_until, self._loop.time() + limits.LINGER_STALL_S)

    def _check_reader(self, now: float) -> None:
        """Whether a client that lags behind still takes its answer fast enough."""
        unsent = self._transport.get_write_buffer_size()
        if self._unsent - unsent < limits.WRITE_STALL_S * limits.WRITE_MIN_BYTES_PER_S:
            self._transport.abort()
        else:
            self._unsent = unsent
            self._deadline = now + limits.WRITE_STALL_S

    def _record(self, exchange: Exchange, status: int, code: str) -> None:
        request = exchange.request
        seconds = self._loop.time() - self._began
        client = self._hub.client(exchange)
        self._hub.access.record(client, request.method, request.path, status, seconds, code)


async def _settle(answer: Awaitable[Response]) -> Response:
    """An awaited answer, whatever it raises but ClientGone."""
    try:
        return await answer
    except Refusal as refusal:
        if refusal.detail:
            detail = refusal.detail.encode("unicode_escape").decode("ascii")[:500]
            log.info("refused with %s: %s", refusal.code, detail)
        return refused(refusal)
    except http11.ProtocolError as error:
        return refused(_from_protocol(error))
    except ClientGone:
        raise
    except Exception:
        return _internal_error()


def _from_protocol(error: http11.ProtocolError) -> Refusal:
    return Refusal(error.code, detail=error.reason)


def _internal_error() -> Response:
    """For an exception that nobody foresaw; call it where it was caught."""
    log.exception("a request could not be answered")
    return refused(Refusal("internal_error"))
