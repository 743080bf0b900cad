"""The log: whole lines to stderr, never waiting for whoever reads it.

A pipe that nobody empties, or a terminal stopped with Ctrl-S, must not stop the server: lines are
gathered, and written only as far as they are taken at once. What does not fit the buffer any more
is dropped and counted. Telemetry and messages go out at once, request lines within FLUSH_S. Whoever
writes never waits for another who does: a garbage collection in the middle of a write may log.
"""

import asyncio
import json
import logging
import os
import select
import stat
import threading
import time
from collections import deque

FLUSH_S = 0.1  # a request line may wait this long: each flush wakes the server once more
BUFFER_CHARS = 2_000_000  # of what nobody has read yet
STUCK_S = 0.25  # until the next try where nothing is taken
_LINES_PER_WRITE = 512
_CLOSE_S = 1.0  # for the last lines at the end


class LogWriter:
    """Writes lines to `fd`. Any thread may call `write`; `attach` ties it to the running loop."""

    def __init__(self, fd: int = 2) -> None:
        self._fd = fd
        self._lines: deque[str] = deque()
        self._held = 0  # characters of them
        self._rest = memoryview(b"")  # of the lines being written
        self._dropped = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_file = _is_regular(fd)
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on, until `close`, writing happens on `loop`, which runs in this thread."""
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
        """Write one line within FLUSH_S; only in the loop's thread."""
        self._append(line)
        if self._loop is None:
            self.flush()
        else:
            self._flush_in(self._loop, FLUSH_S)

    def flush(self) -> None:
        """Write what is taken at once; what is not is tried again later."""
        stuck = not self._write_out()
        if stuck and self._loop is not None and threading.get_ident() == self._thread:
            self._flush_in(self._loop, STUCK_S)

    def close(self) -> None:
        """Write what is left, within a bound."""
        self._loop = None
        end = time.monotonic() + _CLOSE_S
        while not self._write_out() and (left := end - time.monotonic()) > 0:
            self._poll.poll(left * 1000)

    def _append(self, line: str) -> None:
        if self._held + len(line) > BUFFER_CHARS:
            self._dropped += 1
        else:
            self._held += len(line)
            self._lines.append(line)

    def _flush_in(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        if self._timer is None:
            self._timer = loop.call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.flush()

    def _write_out(self) -> bool:
        """Write on until all is out (True) or nothing more is taken at once (False).

        True as well where another is writing: it looks again, after it has let go of the lock.
        """
        while (self._rest or self._lines) and self._lock.acquire(blocking=False):
            try:
                taken = self._write_some()
            finally:
                self._lock.release()
            if not taken:
                return False
        return True

    def _write_some(self) -> bool:
        """Write a little; False where nothing is taken at once.

        A pipe that is reported ready takes PIPE_BUF bytes whole (POSIX, write): 4096 on Linux, 512
        on macOS.
        """
        if not self._is_file and not self._poll.poll(0):
            return False
        self._rest = self._rest or memoryview(self._gather())
        try:
            most = len(self._rest) if self._is_file else select.PIPE_BUF
            self._rest = self._rest[os.write(self._fd, self._rest[:most]) :]
        except BlockingIOError:
            return False
        except OSError:  # nobody is left to read: a broken pipe, a full disk
            self._rest = memoryview(b"")
            self._lines.clear()
            self._held = 0
        return True

    def _gather(self) -> bytes:
        lines: list[str] = []
        while self._lines and len(lines) < _LINES_PER_WRITE:
            lines.append(self._lines.popleft())
        # Exact again whenever all is out: threads that count at once may miscount.
        self._held = self._held - sum(map(len, lines)) if self._lines else 0
        if self._dropped:
            lines.append(f"({self._dropped} lines of the log were dropped: nobody read them)")
            self._dropped = 0
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


class LogHandler(logging.Handler):
    """Sends the records of `logging` through a LogWriter, each beginning with the time.

    With `as_json` each is one line, a JSON object, tracebacks and all.
    """

    def __init__(self, writer: LogWriter, *, as_json: bool = False) -> None:
        super().__init__()
        self._writer = writer
        self._as_json = as_json
        formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s")
        formatter.datefmt = "%Y-%m-%dT%H:%M:%S"
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
            self._writer.write(self._as_object(record) if self._as_json else line)
        except Exception:
            self.handleError(record)

    def _as_object(self, record: logging.LogRecord) -> str:
        """After `format`, which has worked out the texts."""
        stamp = f"{record.asctime}.{int(record.msecs):03d}Z"
        told = {"time": stamp, "level": record.levelname, "message": record.message}
        told |= {"traceback": record.exc_text} if record.exc_text else {}
        return json.dumps(told, ensure_ascii=False)


def _is_regular(fd: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False
