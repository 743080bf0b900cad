"""The edge alone, in this process: a real Server with limits of a test's own, behind it an echo.

What is tested with it is time and crowds, for which the server's own limits are too long and too
large. Requests: `GET /quick`, `GET /file` (LARGE bytes), `GET /wait` (until `release()`), `POST
/count` (says how many bytes came), `POST /hold` (both), `POST /refuse` (415, unread), `GET /broken`
(an exception; so is every other path, before its answer could be awaited).
"""

import asyncio
import logging
import socket
import tempfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self

from restore.contract.http import Refusal
from restore.http.accesslog import AccessLog
from restore.http.exchange import Answer, Exchange
from restore.http.limits import ConnectionLimits
from restore.http.responses import FileSlice, Response
from restore.http.server import Server, bind
from tests.support.service import PATIENCE_S

LARGE = 12 << 20  # more than two kernels hold between them
SMALL_BUFFER = 4096  # asked for; the kernel gives some more


class Lines(logging.Handler):
    """Stands for the log: request lines and messages, one each."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []
        self.messages: list[str] = []

    def write_later(self, line: str) -> None:
        self.requests += line.splitlines()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


class Edge:
    """Runs until the end of its `with`."""

    def __init__(self, host: str = "127.0.0.1", send_buffer: int = 0, **limits: Any) -> None:
        self._limits = ConnectionLimits(**{"sweep_s": 0.02, **limits})
        self._host = host
        self._send_buffer = send_buffer
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._on_fault)
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._released = asyncio.Event()
        self.lines = Lines()
        self.faults: list[str] = []
        self.received = 0  # bytes of bodies that the handler was given
        self.waiting = 0  # requests that wait for release()

    def __enter__(self) -> Self:
        logging.getLogger("restore").addHandler(self.lines)
        self._file = Path(tempfile.mkstemp(prefix="restore-edge-")[1])
        self._file.write_bytes(bytes(LARGE))
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(0.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()
        self._file.unlink()
        logging.getLogger("restore").removeHandler(self.lines)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run `work` on the server's loop; what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def stop(self, grace_s: float) -> None:
        """As the server stops."""
        self.run(self.server.stop(grace_s))

    def freeze(self) -> Callable[[], None]:
        """Let the loop do nothing until what is returned is called."""
        frozen, thawed = threading.Event(), threading.Event()

        def stand_still() -> None:
            frozen.set()
            thawed.wait(PATIENCE_S)

        self._loop.call_soon_threadsafe(stand_still)
        assert frozen.wait(PATIENCE_S)
        return thawed.set

    def stop_later(self, grace_s: float) -> None:
        """As stop(), but without waiting for its end."""
        asyncio.run_coroutine_threadsafe(self.server.stop(grace_s), self._loop)

    def release(self) -> None:
        """Answer those that wait, and from now on at once."""
        self._loop.call_soon_threadsafe(self._released.set)

    async def _start(self) -> None:
        sockets = bind(self._host, 0)
        self.port = sockets[0].getsockname()[1]
        if self._send_buffer:  # those that it accepts inherit it
            sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer)
        access = AccessLog(self.lines.write_later)
        self.server = Server(sockets, self._handle, lambda e: e.peer, access, self._limits)
        await self.server.start()

    def _on_fault(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.faults.append(repr(context))

    def _handle(self, exchange: Exchange) -> Answer:
        routes: dict[str, Callable[[Exchange], Answer]] = {
            "/quick": lambda _: Response(200, body=b"quick"),
            "/file": self._send_file,
            "/wait": self._wait,
            "/hold": self._hold,
            "/count": self._count,
            "/broken": self._break,
        }
        if exchange.request.path == "/refuse":
            raise Refusal("unsupported_content_type")
        return routes[exchange.request.path](exchange)

    def _send_file(self, _: Exchange) -> Response:
        file = self._file.open("rb", buffering=0)
        return Response(200, file=FileSlice(file, 0, LARGE))

    async def _wait(self, _: Exchange) -> Response:
        self.waiting += 1
        await self._released.wait()
        return Response(200, body=b"waited")

    async def _hold(self, exchange: Exchange) -> Response:
        await self._wait(exchange)
        return await self._count(exchange)

    async def _break(self, _: Exchange) -> Response:
        raise RuntimeError("a secret of ours")

    async def _count(self, exchange: Exchange) -> Response:
        count = 0
        while chunk := await exchange.body.read():
            count += len(chunk)
            self.received += len(chunk)
        return Response(200, body=b"%d" % count)
