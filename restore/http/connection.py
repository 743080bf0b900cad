"""One client's connection: bytes in, requests to the handlers, answers out, each in its turn.

The shell around http11: it owns the phases and the deadlines; it decides nothing about what a
request means. Rules: requests on one connection are answered in order and each exactly once; a
refusal reaches the client even while it is still sending (answer, half-close, read on within
bounds, close: RFC 9112, 9.6); every wait has a deadline, at which the server looks.
"""

import asyncio
import math
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol, cast

from restore.contract import Refusal
from restore.http import http11
from restore.http.accesslog import AccessLog
from restore.http.body import NO_BODY, RequestBody, is_all_here
from restore.http.errors import answer_to, refusal_of, settle
from restore.http.exchange import REQUEST_ID, Answer, Exchange, request_id_of
from restore.http.limits import ConnectionLimits
from restore.http.responses import Headers, Response, head_of, refused
from restore.http.writer import Batch, ClientGone, Writer

_CLIENT_GONE = 499  # in the log only: nobody was left to answer


class Phase(Enum):
    """Where a connection stands."""

    HEAD = auto()  # between requests, or in the middle of a head
    WORK = auto()  # a request is being answered
    LINGER = auto()  # the last answer is out; what still comes is read and thrown away
    CLOSED = auto()


class ServerState(Protocol):
    """What connections share: the server as each of them sees it."""

    handle: Callable[[Exchange], Answer]
    client: Callable[[Exchange], str]
    headers: Callable[[Exchange], Headers]  # of every answer, beside its own
    access: AccessLog
    batch: Batch
    limits: ConnectionLimits
    buffer: memoryview  # where all connections receive; what is in it is used up at once
    stopping: bool

    @property
    def date(self) -> str:
        """Now, for a header."""

    def admit(self, connection: "Connection") -> bool:
        """Whether there is room for one more."""

    def begin_work(self, connection: "Connection") -> None:
        """A request is whole: this connection won't be closed to make room."""

    def end_work(self, connection: "Connection") -> None:
        """It may be closed to make room again."""

    def forget(self, connection: "Connection") -> None:
        """It is closed."""


class Connection(asyncio.BufferedProtocol):
    """Made by the server for each accepted socket."""

    def __init__(self, server: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._limits = server.limits
        self._loop = loop
        self._http = http11.Connection()
        self._writer = cast(Writer, None)  # set before anything else is called
        self._peer = "-"
        self._phase = Phase.HEAD
        self._body: RequestBody | None = None  # of the request under way
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0  # when the request under way began, loop time
        self._in_head = False  # the first byte of a head has come, its deadline runs
        self._yielded = False  # more requests are there, after the others' turn
        self._half_closed = False  # the client will send no more
        self._discarded = 0  # bytes behind the last answer
        self._linger_until = math.inf
        self._deadline = math.inf

    @property
    def deadline(self) -> float:
        """When `on_deadline` is to be called, loop time."""
        if self._writer.lags:
            return self._writer.deadline
        return min(self._deadline, self._body.deadline) if self._body else self._deadline

    # -- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._writer = Writer(cast(asyncio.Transport, transport), self._server.batch, self._limits)
        self._peer = (transport.get_extra_info("peername") or "-")[0]
        self._deadline = self._loop.time() + self._limits.idle_s
        if not self._server.admit(self):
            self._refuse(Refusal("too_busy", headers=(("Retry-After", "1"),)))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._server.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes stand in the server's buffer."""
        if self._phase is Phase.LINGER:
            self._discard(nbytes)
            return
        self._http.receive_data(bytes(self._server.buffer[:nbytes]))
        self._on_bytes(nbytes)

    def eof_received(self) -> bool:
        """The client half-closed; it may still wait for an answer."""
        self._half_closed = True
        if self._phase is Phase.LINGER:
            self._writer.close()
        else:
            self._http.receive_data(b"")
            self._on_bytes(0)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = Phase.CLOSED
        self._server.forget(self)
        if self._body is not None:
            self._body.on_lost()

    def pause_writing(self) -> None:
        self._writer.on_full()

    def resume_writing(self) -> None:
        self._writer.on_drained()
        self._in_head = False  # a head that has begun meanwhile gets its time from now on
        if self._phase is Phase.LINGER:
            self._discard(0)
        else:
            self._serve()

    # -- called by the server

    @property
    def listens_on(self) -> int | None:
        """The descriptor on which it waits for a request; None where it doesn't read one now."""
        return self._writer.reads_from if self._phase is Phase.HEAD else None

    def on_deadline(self) -> None:
        """The deadline has passed."""
        if self._writer.lags:
            self._writer.on_deadline()
        elif self._phase is Phase.HEAD and self._in_head:
            self._refuse(Refusal("request_timeout"))
        elif self._body is not None:
            self._body.on_deadline()
        else:
            self._writer.abort()

    def shut_down(self) -> None:
        """The server stops: what is being answered is finished, the rest closed."""
        if self._phase is Phase.HEAD:
            self._close()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._task is not None:
            self._task.cancel()
        self._writer.abort()

    # -- requests

    def _on_bytes(self, count: int) -> None:
        if self._body is not None:
            wanted = self._body.on_bytes(count)
        elif wanted := self._phase is Phase.HEAD and not self._writer.lags and not self._yielded:
            self._serve()
        if not wanted and self._http.buffered > self._limits.held_bytes:
            self._writer.pause_reading()

    def _serve(self) -> None:
        """Answer what has arrived, then wait for more."""
        self._yielded = False
        for _ in range(self._limits.served_at_once):
            if self._phase is not Phase.HEAD or self._writer.lags:
                return
            try:
                event = self._http.next_event()
            except http11.ProtocolError as error:
                self._refuse(refusal_of(error))
                return
            if isinstance(event, http11.Request):
                self._begin(event)
            elif event is http11.CONNECTION_CLOSED:
                self._close()
                return
            else:
                self._wait_for_head()
                return
        self._yielded = True
        self._loop.call_soon(self._serve)

    def _wait_for_head(self) -> None:
        started = self._http.head_started
        if not (started and self._in_head):
            wait_s = self._limits.head_s if started else self._limits.idle_s
            self._deadline = self._loop.time() + wait_s
            self._in_head = started
        self._writer.resume_reading()

    def _begin(self, request: http11.Request) -> None:
        self._phase = Phase.WORK
        self._began = self._loop.time()
        self._deadline = math.inf
        self._server.begin_work(self)
        if request.has_body:
            self._writer.resume_reading()  # paused where the one before was long at work
            expects = request.expect_continue
            self._body = RequestBody(self._http, self._writer, expects, self._limits)
        own = request_id_of(request.headers.get(REQUEST_ID))
        exchange = Exchange(request, self._body or NO_BODY, self._peer, own)
        try:
            answer = self._server.handle(exchange)
        except Exception as error:
            answer = answer_to(error, own)
        if isinstance(answer, Response) and answer.file is None:
            self._send(exchange, answer)
        else:
            self._task = self._loop.create_task(self._work(exchange, answer))

    async def _work(self, exchange: Exchange, answer: Answer) -> None:
        """Await an answer and send it, with its file."""
        own = exchange.request_id
        try:
            response = answer if isinstance(answer, Response) else await settle(answer, own)
            if response.file is None:
                self._send(exchange, response)
            else:
                await self._send_with_file(exchange, response)
        except ClientGone:
            self._give_up(exchange)
        except http11.ProtocolError as error:
            self._send(exchange, answer_to(error, own))
        except Exception as error:
            answer_to(error, own)
            self._writer.abort()
        finally:
            self._task = None
        self._serve()

    # -- answers

    def _send(self, exchange: Exchange, response: Response) -> None:
        """Send an answer that is in memory, and end the exchange."""
        if self._writer.is_closing:
            self._give_up(exchange)
            return
        try:
            keep = self._may_keep(exchange.request)
        except http11.ProtocolError as error:
            response, keep = answer_to(error, exchange.request_id), False
        self._put(exchange, response, keep)
        self._record(exchange, response.status, response.code)
        self._end(keep)

    async def _send_with_file(self, exchange: Exchange, response: Response) -> None:
        assert response.file is not None
        with response.file.file:
            keep = self._may_keep(exchange.request)
            self._put(exchange, response, keep)
            if exchange.request.method != "HEAD":
                await self._writer.send_file(response.file)
        if self._writer.is_closing:
            raise ClientGone
        self._record(exchange, response.status, response.code)
        self._end(keep)

    def _put(self, exchange: Exchange, response: Response, keep: bool) -> None:
        """The head, and a body that is in memory."""
        request, server = exchange.request, self._server
        old, more = request.http_version == (1, 0), server.headers(exchange)
        head = head_of(response, server.date, exchange.request_id, more, keep=keep, old=old)
        self._writer.write(head if request.method == "HEAD" else head + response.body)

    def _give_up(self, exchange: Exchange) -> None:
        self._writer.abort()
        self._record(exchange, _CLIENT_GONE, "client_gone")

    def _may_keep(self, request: http11.Request) -> bool:
        """Whether another request may follow: all of this one's body is here.

        Raises ProtocolError where that is malformed: it is refused, whatever its head deserved.
        """
        return is_all_here(self._http) and request.keep_alive and not self._server.stopping

    def _end(self, keep: bool) -> None:
        self._body = None
        if not keep:
            self._linger()
            return
        self._http.start_next_request()
        self._phase = Phase.HEAD
        self._in_head = False
        self._server.end_work(self)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what is no request, and close."""
        response, server, own = refused(refusal), self._server, request_id_of(None)
        self._writer.write(head_of(response, server.date, own, keep=False) + response.body)
        code = f"{refusal.code}: {refusal.detail}" if refusal.detail else refusal.code
        server.access.record(self._peer, "-", "-", response.status, 0.0, code, own)
        self._linger()

    def _linger(self) -> None:
        """Half-close; the client reads the answer, and closes when it has stopped sending."""
        if self._half_closed:
            self._close()
            return
        self._phase = Phase.LINGER
        self._server.end_work(self)
        self._linger_until = self._loop.time() + self._limits.linger_s
        self._discard(0)
        self._writer.resume_reading()
        self._writer.write_eof()

    def _discard(self, count: int) -> None:
        """So many bytes came behind the last answer."""
        self._discarded += count
        self._deadline = min(self._linger_until, self._loop.time() + self._limits.linger_stall_s)
        if self._discarded > self._limits.linger_bytes:
            self._writer.abort()

    def _close(self) -> None:
        """Close once all that was written is out, for which the client has a bounded time."""
        self._phase = Phase.LINGER
        self._server.end_work(self)
        self._deadline = self._loop.time() + self._limits.write_stall_s
        self._writer.close()

    def _record(self, exchange: Exchange, status: int, code: str) -> None:
        request = exchange.request
        seconds = self._loop.time() - self._began
        client, own = self._server.client(exchange), exchange.request_id
        self._server.access.record(client, request.method, request.path, status, seconds, code, own)
