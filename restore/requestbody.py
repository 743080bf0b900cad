"""A request's body as its handler reads it: pulled, timed, and never gathered.

Bytes are taken from the client only as fast as the handler asks for them. A client that stops
sending, or sends slower than limits.BODY_MIN_BYTES_PER_S, ends the wait with a 408; one that goes
away ends it with ClientGone. What the bytes mean is the form parser's.
"""

import asyncio
import math

from restore import http11, limits
from restore.contract import Refusal


class ClientGone(Exception):  # noqa: N818  (it is what happened, not a fault)
    """The client closed its end before its request was whole or its answer out."""


class RequestBody:
    """The body behind one request; `deadline` (loop time) is when the wait under way ends."""

    def __init__(
        self, http: http11.Connection, transport: asyncio.Transport, expect_continue: bool
    ) -> None:
        self._http = http
        self._transport = transport
        self._expect_continue = expect_continue
        self._loop = asyncio.get_running_loop()
        self._bytes_came: asyncio.Future[None] | None = None
        self._began = 0.0
        self._received = 0
        self._paused = False
        self._gone = False
        self.deadline = math.inf

    async def read(self) -> bytes | memoryview:
        """The next bytes; empty at the end.

        The first call asks a client that waits for it to send (RFC 9110, 10.1.1). Raises Refusal
        (408), http11.ProtocolError and ClientGone.
        """
        if self._expect_continue and not self._gone:
            self._expect_continue = False
            self._transport.write(http11.CONTINUE)
        while True:
            event = self._http.next_event()
            if isinstance(event, http11.Data):
                return event.data
            if self._http.state is http11.State.DONE:
                return b""
            await self._wait()

    def on_bytes(self, count: int) -> None:
        """`count` more bytes, or with 0 the end, have been given to the parser."""
        self._received += count
        if self._bytes_came is not None:
            if not self._bytes_came.done():
                self._bytes_came.set_result(None)
        elif self._http.buffered > limits.PIPELINE_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_lost(self) -> None:
        """The connection is closed."""
        self._gone = True
        self._fail(ClientGone())

    def on_deadline(self) -> None:
        """The client took too long."""
        self._fail(Refusal("request_timeout"))

    def release(self) -> None:
        """The request is answered: let bytes flow again."""
        if self._paused and not self._gone:
            self._paused = False
            self._transport.resume_reading()

    async def _wait(self) -> None:
        if self._gone:
            raise ClientGone
        now = self._loop.time()
        self._began = self._began or now
        owed_s = self._received / limits.BODY_MIN_BYTES_PER_S
        too_slow = self._began + limits.BODY_GRACE_S + owed_s
        self.deadline = min(now + limits.BODY_STALL_S, too_slow)
        self._bytes_came = self._loop.create_future()
        self.release()
        try:
            await self._bytes_came
        finally:
            self._bytes_came = None
            self.deadline = math.inf

    def _fail(self, error: Exception) -> None:
        if self._bytes_came is not None and not self._bytes_came.done():
            self._bytes_came.set_exception(error)


class NoBody:
    """The body of a request that has none."""

    async def read(self) -> bytes:
        return b""


NO_BODY = NoBody()
