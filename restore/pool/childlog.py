"""What a child prints, made fit for the log: whole lines, safe characters, a bounded amount.

Pure: bytes in, lines out. Reading the pipe is childpipe's, writing the log is done by whoever hands
in `emit`. The rule kept here: nothing that a provider prints can forge a line of the log, send
codes to a terminal, or fill a disk.
"""

import re
from collections.abc import Callable

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
