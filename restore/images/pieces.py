"""Parts of a file, and bytes put between them, seen as one file.

Pillow is given only the parts of a stranger's file that make the picture, and a result gets its
metadata put in between, without the picture ever being copied through memory: a result of
16384 x 16384 pixels may be a gigabyte.
"""

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to `end` of a file."""

    start: int
    end: int


Part = Span | bytes


def _length(part: Part) -> int:
    return len(part) if isinstance(part, bytes) else part.end - part.start


class Pieces(io.RawIOBase):
    """A read-only, seekable file made of `parts` of `source`; `source` stays open and is moved."""

    def __init__(self, source: BinaryIO, parts: Sequence[Part]) -> None:
        self._source = source
        self._parts = [part for part in parts if _length(part) > 0]
        self._starts = [0]
        for part in self._parts:
            self._starts.append(self._starts[-1] + _length(part))
        self._at = 0

    @property
    def length(self) -> int:
        return self._starts[-1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.length}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` from the part at hand; a short read is not the end, no byte at all is."""
        if self._at >= self.length:
            return 0
        index = bisect_right(self._starts, self._at) - 1
        part, skip = self._parts[index], self._at - self._starts[index]
        wanted = min(len(buffer), _length(part) - skip)
        if isinstance(part, bytes):
            data = part[skip : skip + wanted]
        else:
            self._source.seek(part.start + skip)
            data = self._source.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def open_pieces(source: BinaryIO, parts: Sequence[Part]) -> io.BufferedReader:
    """See `parts` of `source` as one file to read."""
    return io.BufferedReader(Pieces(source, parts), 64 * 1024)


def write_pieces(source: BinaryIO, parts: Sequence[Part], path: str) -> None:
    """Write `parts` of `source` to the new file `path`, a mebibyte at a time."""
    with open(path, "xb") as target:  # noqa: PTH123  (paths are plain text here)
        for part in parts:
            if isinstance(part, bytes):
                target.write(part)
                continue
            source.seek(part.start)
            left = part.end - part.start
            while left > 0 and (data := source.read(min(left, _COPY_BYTES))):
                target.write(data)
                left -= len(data)
