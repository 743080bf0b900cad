"""The listening server: sockets, the cap on connections, the sweep of deadlines, the graceful stop.

It accepts and lets go; what happens on one connection is connection.py's. The rule kept here: no
client can take the server from the others. At the cap the longest idle connection gives way, and
only when all are at work is a newcomer told 503.
"""

import asyncio
import logging
import math
import resource
import socket
from collections.abc import Callable
from email.utils import formatdate

from restore import limits
from restore.connection import Connection
from restore.handlers import Answer, Exchange
from restore.logs import AccessLog

log = logging.getLogger("restore")

_SWEEP_S = 1.0  # deadlines are kept to within this; also the grain of the Date header


class Server:
    """Serves `handle` on `sockets`, which listen already."""

    def __init__(
        self,
        sockets: list[socket.socket],
        handle: Callable[[Exchange], Answer],
        client: Callable[[Exchange], str],
        access: AccessLog,
    ) -> None:
        self.handle = handle
        self.client = client
        self.access = access
        self.date = formatdate(usegmt=True)
        self.stopping = False
        self._sockets = sockets
        self._loop = asyncio.get_running_loop()
        self._most = _connection_cap()
        self._connections: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # the longest idle first
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._all_closed = asyncio.Event()

    async def start(self) -> None:
        """Listen."""
        for sock in self._sockets:
            self._servers.append(
                await self._loop.create_server(
                    lambda: Connection(self, self._loop), sock=sock, backlog=limits.BACKLOG
                )
            )
        self._sweep()

    async def stop(self, grace_s: float) -> None:
        """Accept nobody, let answers under way finish for `grace_s` seconds, then close."""
        self.stopping = True
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.shut_down()
        try:
            async with asyncio.timeout(grace_s):
                while self._connections:
                    self._all_closed.clear()
                    await self._all_closed.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    # -- called by connections

    def admit(self, connection: Connection) -> bool:
        """Room for one more, made where needed by the one that has been idle longest."""
        self._connections.add(connection)
        if len(self._connections) > self._most:
            if not self._idle:
                return False
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            oldest.abort()
        self._idle[connection] = None
        return True

    def begin_work(self, connection: Connection) -> None:
        self._idle.pop(connection, None)

    def end_work(self, connection: Connection) -> None:
        self._idle[connection] = None

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._idle.pop(connection, None)
        if not self._connections:
            self._all_closed.set()

    def _sweep(self) -> None:
        now = self._loop.time()
        self.date = formatdate(usegmt=True)
        for connection in [c for c in self._connections if c.deadline <= now]:
            connection.on_deadline(now)
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)


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
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(limits.BACKLOG)  # two servers may bind one port; only one may listen
    except BaseException:
        sock.close()
        raise
    return sock


def _connection_cap() -> int:
    """As many connections as descriptors allow, the soft limit raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.MAX_CONNECTIONS + limits.SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        except (ValueError, OSError):  # macOS: no more than OPEN_MAX
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    allowed = math.inf if soft == resource.RLIM_INFINITY else soft - limits.SPARE_DESCRIPTORS
    return int(max(16, min(limits.MAX_CONNECTIONS, allowed)))
