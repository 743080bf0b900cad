"""What a slot's children print: read without ever waiting, made fit for the log.

What the log doesn't keep is read too, or the child would block on a full pipe; but slowly, so that
a child which prints without end costs the server next to nothing.

Rule: nothing that a provider prints can forge a line of the log, send codes to a terminal, or fill
a disk. Whole lines, safe characters, a bounded amount.
"""

import asyncio
import os
import re
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe

from restore.contract import KIB

READ_BYTES = 64 * KIB  # all that a pipe holds
FULL_PAUSE_S = 0.005  # between two reads of what isn't kept: at most 13 MB/s
_LINE_ENDS = re.compile(rb"[\r\n]+")  # a progress bar ends its lines with a bare CR


class ChildLog:
    """The lines of one child, at most `limit_bytes` of what it prints between two `begin()`."""

    def __init__(self, emit: Callable[[str, str], None], slot: str, limit_bytes: int) -> None:
        self._emit = emit
        self._slot = slot
        self._limit = limit_bytes
        self._name = slot
        self._rest = b""
        self._kept = 0
        self._dropped = 0

    @property
    def full(self) -> bool:
        """No more of this job's output will be kept."""
        return self._kept >= self._limit

    def begin(self, job: str) -> None:
        """What comes now belongs to `job` (empty: to the slot itself)."""
        self.end()
        self._name = f"{self._slot} {job}" if job else self._slot
        self._kept = 0

    def feed(self, data: bytes) -> None:
        """Take bytes as they were printed; emit the lines that they complete."""
        kept = data[: self._limit - self._kept]
        self._kept += len(kept)
        self._dropped += len(data) - len(kept)
        *lines, self._rest = _LINE_ENDS.split(self._rest + kept)
        for line in lines:
            self._line(line)

    def end(self) -> None:
        """Emit the line that has no end yet, and say how much was left out."""
        rest, self._rest = self._rest, b""
        self._line(rest)
        if self._dropped:
            self._emit(self._name, f"({self._dropped} more bytes of output were not kept)")
            self._dropped = 0

    def _line(self, line: bytes) -> None:
        if text := line.decode("utf-8", "backslashreplace").strip():
            self._emit(self._name, "".join(_safe(char) for char in text))


def _safe(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


class ChildPipe:
    """The pipe that a slot's children print into, read on the loop without ever waiting.

    Needs a running loop. `writer` is the end for the children; the server keeps it open, so that
    the pipe outlives each of them.
    """

    def __init__(self, log: ChildLog) -> None:
        self._reader, self.writer = Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._listen()

    def begin(self, job: str) -> None:
        self._log.begin(job)

    def end(self) -> None:
        """Take what was printed up to here, so that it stands in the log with its own job."""
        self._take()
        self._log.end()

    def close(self) -> None:
        self._pause()
        self._reader.close()
        self.writer.close()

    def _listen(self) -> None:
        self._timer = None
        self._loop.add_reader(self._reader.fileno(), self._readable)

    def _readable(self) -> None:
        self._take()
        if self._log.full:
            self._pause()
            self._timer = self._loop.call_later(FULL_PAUSE_S, self._listen)

    def _pause(self) -> None:
        self._loop.remove_reader(self._reader.fileno())
        if self._timer:
            self._timer.cancel()

    def _take(self) -> None:
        with suppress(BlockingIOError):
            self._log.feed(os.read(self._reader.fileno(), READ_BYTES))
