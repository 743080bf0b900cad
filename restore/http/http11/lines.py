"""Lines out of a stream of bytes: bounded, ended by CRLF alone, each byte looked at once.

What is refused depends on the bytes alone and never on how they were cut: of two faults in one line
the earlier byte counts, and a fault is reported as soon as its byte is there. So a line that can't
become one (a NUL, a bare CR or LF, too long) is refused before its end arrives.
"""

import re
from collections.abc import Callable

from restore.http.http11.limits import ProtocolError, headers_too_large, malformed

TCHAR = r"!#$%&'*+\-.^_`|~0-9A-Za-z"  # RFC 9110 section 5.6.2
FIELD_CHAR = r"\t -~\x80-\xff"  # RFC 9110 section 5.5: VCHAR, obs-text, SP and HTAB
FIELD_LINE = rf"[{TCHAR}]++:[{FIELD_CHAR}]*+"  # no space before the colon, no obs-fold
# A group is repeated without a way back by `(?>(?:x)*)`, never by `(?:x)*+`: up to Python 3.11.4
# the latter can go on behind what a last, failed x had eaten, and takes "5;" for a size line
# (gh-106052; gone where `re.match("(?:;a?b)*+", ";")` ends at 0). tests/test_patterns.py looks on.

_NOT_IN_FIELD = re.compile(rf"[^{FIELD_CHAR}]".encode("latin-1"))
_FIELD_LINE = re.compile(FIELD_LINE.encode("latin-1"))
_CR = 0x0D


class LineBuffer:
    """Bytes received and not used yet. Data that is used up whole is never copied."""

    __slots__ = ("_bytes", "_scanned", "_start")

    def __init__(self) -> None:
        self._bytes: bytes | bytearray = b""
        self._start = 0  # first byte not used yet
        self._scanned = 0  # first byte take_line() hasn't looked at

    def __len__(self) -> int:
        return len(self._bytes) - self._start

    def append(self, data: bytes) -> None:
        """Add what was received. A bytearray is made only where something is left over."""
        if self._start == len(self._bytes):
            self._bytes = data
            self._start = self._scanned = 0
            return
        if isinstance(self._bytes, bytes):
            self._bytes = bytearray(self._bytes[self._start :])
        else:
            del self._bytes[: self._start]
        self._scanned -= self._start
        self._start = 0
        self._bytes += data

    def peek(self, count: int) -> bytes:
        """The first `count` bytes, or fewer if there aren't so many."""
        return bytes(self._bytes[self._start : self._start + count])

    def peek_head(self, most: int) -> bytes | None:
        """Everything up to the first empty line, and with it, if that is within `most` bytes."""
        end = self._bytes.find(b"\r\n\r\n", self._start, self._start + most)
        return None if end < 0 else bytes(self._bytes[self._start : end + 4])

    def skip(self, count: int) -> None:
        """Drop the first `count` bytes, of which there must be so many."""
        self._start += count
        self._scanned = self._start
        if self._start == len(self._bytes):
            self.clear()  # an idle connection holds on to nothing

    def take(self, most: int) -> bytes | memoryview:
        """Take up to `most` bytes: the received object itself where that is all, else a view."""
        held, start = self._bytes, self._start
        end = min(start + most, len(held))
        if end == len(held):
            self.clear()
            if start == 0:
                return bytes(held)  # the same object unless it is a bytearray
        else:
            self.skip(end - start)
        view = memoryview(held)[start:end]
        # A view into the bytearray would forbid it to grow, and what it holds is short.
        return view if isinstance(held, bytes) else bytes(view)

    def take_match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Take what `pattern` matches at the very start, if it does."""
        match = pattern.match(self._bytes, self._start)
        if match is not None:
            self.skip(match.end() - self._start)
        return match

    def take_line(
        self,
        most: int,
        too_long: Callable[[], ProtocolError],
        forbidden: re.Pattern[bytes] = _NOT_IN_FIELD,
    ) -> bytes | None:
        """Take a line of at most `most` bytes and drop its CRLF; None while it isn't whole.

        Raises what `too_long` makes, or a 400 for a byte of `forbidden` and for a bare CR or LF.
        """
        start = self._start
        newline = self._bytes.find(b"\n", self._scanned)
        end = len(self._bytes) if newline < 0 else newline
        text_end = end - 1 if end > start and self._bytes[end - 1] == _CR else end
        if forbidden.search(self._bytes, self._scanned, min(text_end, start + most)):
            raise malformed("a byte that must not stand in this line, or a bare CR")
        if text_end - start > most:
            raise too_long()
        if newline < 0:
            self._scanned = text_end  # a CR at the very end is looked at again
            return None
        if text_end == newline:
            raise malformed("a line that ends in a bare LF")
        line = bytes(self._bytes[start:text_end])
        self.skip(newline + 1 - start)
        return line

    def clear(self) -> None:
        """Forget everything."""
        self._bytes = b""
        self._start = self._scanned = 0


class FieldLines:
    """The field lines of one header or trailer section, as they arrive."""

    __slots__ = ("_max_bytes", "_max_count", "_what", "lines", "size")

    def __init__(self, max_bytes: int, max_count: int, what: str) -> None:
        self._max_bytes = max_bytes
        self._max_count = max_count
        self._what = what
        self.lines: list[bytes] = []
        self.size = 0  # bytes on the wire of `lines`

    def read(self, buffer: LineBuffer) -> bool:
        """Take lines up to the empty one that ends the section; False while more must arrive.

        Raises a 431 beyond the limits and a 400 for a line that is no field line.
        """
        while (line := buffer.take_line(self._max_bytes - self.size, self._too_large)) is not None:
            if not line:
                return True
            self.size += len(line) + 2
            if self.size > self._max_bytes:
                raise self._too_large()
            if len(self.lines) == self._max_count:
                raise headers_too_large(f"more {self._what} lines than are accepted")
            if not _FIELD_LINE.fullmatch(line):
                raise malformed(f"a {self._what} line that isn't one (or a folded one)")
            self.lines.append(line)
        return False

    def _too_large(self) -> ProtocolError:
        return headers_too_large(f"more {self._what} bytes than are accepted")
