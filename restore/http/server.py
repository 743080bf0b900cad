"""The listening server: sockets, the cap on connections, the sweep of deadlines, the graceful stop.

It accepts and lets go; what happens on one connection is connection.py's. Rule: no client can take
the server from the others. At the cap the longest idle connection gives way, and only when all are
at work is a newcomer answered 503.
"""

import asyncio
import fcntl
import resource
import socket
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate

from restore.contract import KIB
from restore.http import limits
from restore.http.accesslog import AccessLog
from restore.http.connection import Connection
from restore.http.exchange import Answer, Exchange
from restore.http.limits import DEFAULT_CONNECTION_LIMITS, ConnectionLimits
from restore.http.responses import Headers
from restore.http.writer import Batch

_BUFFER_BYTES = 128 * KIB  # received at once; with more polls wait for uploads, less costs more CPU
_TURNS_TO_READ = 8  # of the loop: accept, connect, read, each one or two
_LEAST = 16  # connections, whatever the descriptors say


class Server:
    """Serves `handle` on `sockets`, which listen already."""

    def __init__(
        self,
        sockets: list[socket.socket],
        handle: Callable[[Exchange], Answer],
        client: Callable[[Exchange], str],
        access: AccessLog,
        connection_limits: ConnectionLimits = DEFAULT_CONNECTION_LIMITS,
        headers: Callable[[Exchange], Headers] = lambda _: (),
    ) -> None:
        self.handle = handle
        self.client = client
        self.access = access
        self.headers = headers
        self.limits = connection_limits
        self.buffer = memoryview(bytearray(_BUFFER_BYTES))
        self.stopping = False
        self._date, self._date_s = "", -1  # of that second since the epoch
        self._sockets = sockets
        self._loop = asyncio.get_running_loop()
        self.batch = Batch(self._loop)
        self._most = _connection_cap(connection_limits.most)
        self._connections: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # of them; the longest idle first
        self._turned_away: dict[Connection, None] = {}  # beside them; the first first
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._all_closed = asyncio.Event()

    async def start(self) -> None:
        """Listen."""
        for sock in self._sockets:
            self._servers.append(
                await self._loop.create_server(
                    lambda: Connection(self, self._loop),
                    sock=sock,
                    backlog=limits.ACCEPTED_AT_ONCE,
                )
            )
            # Again: asyncio's backlog is both, and so many accepted at once are a flood.
            sock.listen(limits.BACKLOG)
        self._sweep()

    async def stop(self, grace_s: float) -> None:
        """Answer what has arrived, accept nobody, close what is idle.

        Answers under way have `grace_s` seconds.
        """
        self.stopping = True
        await self._take_turns()
        for server in self._servers:
            server.close()
        await self._take_turns()
        for connection in list(self._connections):
            connection.shut_down()
        try:
            async with asyncio.timeout(grace_s):
                while self._connections:
                    self._all_closed.clear()
                    await self._all_closed.wait()
        except TimeoutError:
            pass
        for connection in [*self._connections, *self._turned_away]:
            connection.abort()
        self.access.flush()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def stats(self) -> dict[str, int]:
        """Plain numbers for whoever watches: bytes sent, of heads and bodies."""
        return {"sent": self.batch.sent_bytes}

    async def _take_turns(self) -> None:
        """Let the loop take what the kernel holds ready."""
        for _ in range(_TURNS_TO_READ):
            await asyncio.sleep(0)

    # -- called by connections

    @property
    def date(self) -> str:
        """Now, as HTTP says it: an answer's Date must not be before its Last-Modified."""
        seconds = int(time.time())
        if seconds != self._date_s:
            self._date, self._date_s = formatdate(seconds, usegmt=True), seconds
        return self._date

    def admit(self, connection: Connection) -> bool:
        """Room for one more, made where needed by the one that has been idle longest."""
        if len(self._connections) >= self._most and not self._make_room():
            self._turn_away(connection)
            return False
        self._connections.add(connection)
        self._idle[connection] = None
        return True

    def begin_work(self, connection: Connection) -> None:
        self._idle.pop(connection, None)

    def end_work(self, connection: Connection) -> None:
        if connection in self._connections:
            self._idle[connection] = None

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._idle.pop(connection, None)
        self._turned_away.pop(connection, None)
        if not self._connections:
            self._all_closed.set()

    def _make_room(self) -> bool:
        """Close the longest idle one, but none whose next request is here and only not read yet."""
        oldest = next((one for one in self._idle if not _has_unread(one)), None)
        if oldest is None:
            return False
        self.forget(oldest)
        oldest.abort()  # behind its last answer, where that is as new as this
        return True

    def _turn_away(self, connection: Connection) -> None:
        """Keep it until it has read why, unless too many do."""
        self._turned_away[connection] = None
        if len(self._turned_away) > limits.TURNED_AWAY:
            first = next(iter(self._turned_away))
            self.forget(first)
            first.abort()

    def _sweep(self) -> None:
        now = self._loop.time()
        late = [c for c in self._connections if c.deadline <= now]
        late += [c for c in self._turned_away if c.deadline <= now]
        for connection in late:
            connection.on_deadline()
        self._sweeper = self._loop.call_later(self.limits.sweep_s, self._sweep)


def _has_unread(connection: Connection) -> bool:
    """Whether the kernel holds bytes of a request that this connection is about to read."""
    descriptor = connection.listens_on
    return descriptor is not None and any(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on `host`; `localhost` is both loopbacks where there are two.

    Raises OSError.
    """
    if host != "localhost":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return [_bind(family, host, port)]
    first = _bind(socket.AF_INET, "127.0.0.1", port)
    try:
        return [first, _bind(socket.AF_INET6, "::1", first.getsockname()[1])]
    except OSError:  # no IPv6 here
        return [first]


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # Named TCP: only then does asyncio set TCP_NODELAY on what is accepted (3.11 to 3.13). Without
    # it the end of a download waits for an ACK, up to 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(limits.BACKLOG)  # two servers may bind one port; only one may listen
    except BaseException:
        sock.close()
        raise
    return sock


def _connection_cap(wanted: int) -> int:
    """`wanted` or as many as descriptors allow, the soft limit raised as far as it may be.

    On macOS it goes no further than OPEN_MAX (10,240), whatever the hard limit says.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted * limits.DESCRIPTORS_PER_CONNECTION + limits.SPARE_DESCRIPTORS
    for most in (needed, 10_240):
        if resource.RLIM_INFINITY != soft < most:
            raised = most if hard == resource.RLIM_INFINITY else min(most, hard)
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
                soft = raised
    if soft == resource.RLIM_INFINITY:
        return wanted
    allowed = (soft - limits.SPARE_DESCRIPTORS) // limits.DESCRIPTORS_PER_CONNECTION
    return max(_LEAST, min(wanted, allowed))
