"""The log: whole lines to stderr, never waiting for whoever reads it.

A pipe that nobody empties, or a terminal stopped with Ctrl-S, must not stop the server: lines are
gathered, and written only as far as they are taken at once. What does not fit the buffer any more
is dropped and counted. Telemetry and messages go out at once, request lines within FLUSH_S.
"""

import asyncio
import logging
import os
import select
import stat
import threading
import time
from collections import deque

FLUSH_S = 0.02  # a request line may wait this long, so that many share one system call
BUFFER_LINES = 10_000  # about 1.5 MB of what nobody has read yet
STUCK_S = 0.25  # until the next try where nothing is taken
_PIPE_BUF = 4096  # a pipe reported ready takes this much whole (Linux pipe(7): PIPE_BUF)
_CLOSE_S = 1.0  # for the last lines at the end


class LogWriter:
    """Writes lines to `fd`. Any thread may call `write`; `attach` ties it to the running loop."""

    def __init__(self, fd: int = 2) -> None:
        self._fd = fd
        self._lines: deque[str] = deque()
        self._rest = b""
        self._dropped = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_file = _is_regular(fd)
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on writing happens on `loop`, in this thread; until then, and after `close`,
        at once.
        """
        self._loop = loop
        self._thread = threading.get_ident()

    def write(self, line: str) -> None:
        """Write one line (without its end) soon."""
        self._append(line)
        loop = self._loop
        if loop is None or threading.get_ident() == self._thread:
            self.flush()
        else:
            try:
                loop.call_soon_threadsafe(self.flush)
            except RuntimeError:  # the loop has closed meanwhile
                self.flush()

    def write_later(self, line: str) -> None:
        """Write one line within FLUSH_S; only on the loop."""
        self._append(line)
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(FLUSH_S, self._on_timer)

    def flush(self) -> None:
        """Write what is taken at once."""
        with self._lock:
            stuck = not self._write_out()
        if stuck and threading.get_ident() == self._thread:
            self._retry()

    def close(self) -> None:
        """Write what is left, within a bound."""
        self._loop = None
        end = time.monotonic() + _CLOSE_S
        while not self._flushed() and (left := end - time.monotonic()) > 0:
            self._poll.poll(left * 1000)

    def _flushed(self) -> bool:
        with self._lock:
            return self._write_out()

    def _append(self, line: str) -> None:
        if len(self._lines) >= BUFFER_LINES:
            self._dropped += 1
        else:
            self._lines.append(line)

    def _on_timer(self) -> None:
        self._timer = None
        self.flush()

    def _retry(self) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(STUCK_S, self._on_timer)

    def _write_out(self) -> bool:
        """Write on until all is out (True) or nothing more is taken at once (False)."""
        while self._rest or self._lines:
            if not self._rest:
                self._rest = self._gather()
            if not self._is_file and not self._poll.poll(0):
                return False
            try:
                written = os.write(self._fd, self._rest[: None if self._is_file else _PIPE_BUF])
            except BlockingIOError:
                return False
            except OSError:  # nobody is left to read: a broken pipe, a full disk
                self._rest = b""
                self._lines.clear()
                return True
            self._rest = self._rest[written:]
        return True

    def _gather(self) -> bytes:
        lines: list[str] = []
        while self._lines and len(lines) < 512:
            lines.append(self._lines.popleft())
        if self._dropped:
            lines.append(f"({self._dropped} lines of the log were dropped: nobody read them)")
            self._dropped = 0
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


class LogHandler(logging.Handler):
    """Sends the records of `logging` through a LogWriter, each beginning with the time."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer
        formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s")
        formatter.datefmt = "%Y-%m-%dT%H:%M:%S"
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.write(self.format(record))
        except Exception:
            self.handleError(record)


class AccessLog:
    """One line a request: client, method, path, status, milliseconds, and a refusal's code."""

    def __init__(self, writer: LogWriter) -> None:
        self._write = writer.write_later
        self._second = 0
        self._stamp = ""

    def record(
        self, client: str, method: str, path: str, status: int, seconds: float, code: str = ""
    ) -> None:
        """`method` and `path` are printable ASCII: the parser lets nothing else through."""
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        millis = int(now * 1000) % 1000
        tail = f" {code}" if code else ""
        self._write(
            f"{self._stamp}.{millis:03d}Z {client} {method} {path} {status} "
            f"{seconds * 1000:.1f}ms{tail}"
        )


def _is_regular(fd: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False
