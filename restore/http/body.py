"""A request's body as its handler reads it: pulled, timed, and never gathered.

Bytes are taken from the client only as fast as the handler asks for them. A client that stops
sending, or on the mean of the time that was spent waiting for it sends too slowly, ends the wait
with a 408; one that goes away ends it with ClientGone. What the bytes mean is the form parser's.
"""

import asyncio
import math

from restore.contract import Refusal
from restore.http import http11
from restore.http.limits import DEFAULT_CONNECTION_LIMITS, ConnectionLimits
from restore.http.writer import ClientGone, Writer

_READS_IN_A_ROW = 4  # of what is there already; then the other connections have their turn
_EVENTS_TO_END = 8  # of a body nobody read; where more is on its way, closing is cheaper


class RequestBody:
    """The body behind one request; `deadline` (loop time) is when the wait under way ends."""

    def __init__(
        self,
        http: http11.Connection,
        writer: Writer,
        expect_continue: bool,
        limits: ConnectionLimits = DEFAULT_CONNECTION_LIMITS,
    ) -> None:
        self._http = http
        self._writer = writer
        self._expect_continue = expect_continue
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._bytes_came: asyncio.Future[None] | None = None
        self._waited_s = 0.0
        self._received = 0
        self._in_a_row = 0  # reads since the loop last had its turn
        self._gone = False
        self.deadline = math.inf

    async def read(self) -> bytes | memoryview:
        """The next bytes; empty at the end.

        The first call asks a client that waits for it to send, unless it sends already (RFC 9110,
        10.1.1). Raises Refusal (408), http11.ProtocolError and ClientGone.
        """
        if self._in_a_row == _READS_IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)
        self._in_a_row += 1
        while True:
            event = self._http.next_event()
            if isinstance(event, http11.Data):
                self._expect_continue = False
                return event.data
            if self._http.state is http11.State.DONE:
                return b""
            await self._wait()

    def on_bytes(self, count: int) -> bool:
        """`count` more bytes, or with 0 the end, have been given to the parser.

        Returns whether the handler waited for them.
        """
        self._received += count
        if self._bytes_came is None:
            return False
        if not self._bytes_came.done():
            self._bytes_came.set_result(None)
        return True

    def on_lost(self) -> None:
        """The connection is closed."""
        self._gone = True
        self._fail(ClientGone())

    def on_deadline(self) -> None:
        """The client took too long."""
        self._fail(Refusal("request_timeout"))

    async def _wait(self) -> None:
        if self._gone:
            raise ClientGone
        if self._expect_continue:
            self._expect_continue = False
            if not (self._received or self._http.buffered):
                self._writer.write(http11.CONTINUE)
        began, limits = self._loop.time(), self._limits
        owed_s = limits.body_grace_s + self._received / limits.body_min_bytes_per_s
        self.deadline = began + min(limits.body_stall_s, owed_s - self._waited_s)
        self._bytes_came = self._loop.create_future()
        self._writer.resume_reading()
        try:
            await self._bytes_came
        finally:
            self._in_a_row = 0
            self._bytes_came = None
            self.deadline = math.inf
            self._waited_s += self._loop.time() - began

    def _fail(self, error: Exception) -> None:
        if self._bytes_came is not None and not self._bytes_came.done():
            self._bytes_came.set_exception(error)


class NoBody:
    """The body of a request that has none."""

    async def read(self) -> bytes:
        return b""


NO_BODY = NoBody()


def is_all_here(http: http11.Connection) -> bool:
    """Whether the rest of a request has arrived; what nobody read of it is thrown away.

    Raises http11.ProtocolError where what has arrived is malformed.
    """
    for _ in range(_EVENTS_TO_END):
        if http.state is http11.State.DONE:
            return True
        if http.next_event() is http11.NEED_DATA:
            return False
    return False
