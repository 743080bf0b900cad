"""The chunked transfer coding (RFC 9112 section 7.1), taken off.

Extensions and trailers are checked and dropped: nothing here reads them, and a trailer that were
merged into the header could bring a field past its check.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum, auto

from restore.http.http11.limits import HttpLimits, ProtocolError, headers_too_large, malformed
from restore.http.http11.lines import FIELD_CHAR, TCHAR, FieldLines, LineBuffer

SIZE_DIGITS = 15  # hexadecimal; an exabyte
GATHERED_BYTES = 16 * 1024  # small chunks are joined to about this much, for those who write them
GATHERED_CHUNKS = 256  # and no more than so many: a millisecond of work, before the caller is asked

_QUOTED = rf'"(?>(?:[\t !#-\[\]-~\x80-\xff]|\\[{FIELD_CHAR}])*)"'
_EXTENSION = rf"[\t ]*+;[\t ]*+[{TCHAR}]++(?:[\t ]*=[\t ]*+(?:[{TCHAR}]++|{_QUOTED}))?"
_SIZE_LINE = re.compile(
    rf"([0-9A-Fa-f]{{1,{SIZE_DIGITS}}}+)(?>(?:{_EXTENSION})*)".encode("latin-1")
)
_BARE_SIZE = re.compile(rb"([0-9A-Fa-f]{1,%d}+)\r\n" % SIZE_DIGITS)  # as nearly all are


class _Part(StrEnum):
    SIZE = auto()  # a chunk's size is due
    DATA = auto()
    DATA_END = auto()  # the CRLF after a chunk's data is due
    TRAILER = auto()
    ENDED = auto()


class ChunkedReader:
    """Reads one chunked body out of a LineBuffer."""

    __slots__ = ("_fault", "_left", "_limits", "_overhead", "_part", "_trailer")

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._part = _Part.SIZE
        self._fault: ProtocolError | None = None  # found behind data that had to be given first
        self._left = 0  # bytes of this chunk's data still to come
        self._overhead = 0  # bytes of framing less bytes of data, so far
        self._trailer = FieldLines(limits.trailer_bytes, limits.header_count, "trailer")

    @property
    def ended(self) -> bool:
        """Whether the body is complete, trailers and all."""
        return self._part is _Part.ENDED

    @property
    def held(self) -> int:
        """Bytes of an unfinished trailer that have left the buffer."""
        return self._trailer.size

    def read(self, buffer: LineBuffer) -> bytes | memoryview:
        """Take body bytes: empty when the body has ended or more must arrive.

        Raises ProtocolError, though not before all data in front of the fault was given.
        """
        if self._fault is not None:
            raise self._fault
        pieces: list[bytes | memoryview] = []
        gathered = 0
        try:
            for _ in range(GATHERED_CHUNKS):
                if gathered >= GATHERED_BYTES or not (piece := self._read_piece(buffer)):
                    break
                pieces.append(piece)
                gathered += len(piece)
        except ProtocolError as fault:
            if not pieces:
                raise
            self._fault = fault
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read_piece(self, buffer: LineBuffer) -> bytes | memoryview:
        """Take what is there of one chunk's data, and the framing before it."""
        while self._part is not _Part.DATA:
            step = _FRAMING.get(self._part)
            if step is None or not step(self, buffer):
                return b""
        piece = buffer.take(self._left)
        self._left -= len(piece)
        self._overhead -= len(piece)
        if not self._left:
            self._part = _Part.DATA_END
        return piece

    def _read_size(self, buffer: LineBuffer) -> bool:
        """Take the line before a chunk: its size in hexadecimal, and extensions."""
        match = buffer.take_match(_BARE_SIZE)
        if match is not None:
            framing = match.end() - match.start()
        else:
            most = max(self._limits.chunk_line_bytes, SIZE_DIGITS)
            line = buffer.take_line(most, _size_line_too_long)
            if line is None:
                return False
            match = _SIZE_LINE.fullmatch(line)
            if match is None:
                raise malformed("a chunk-size line that isn't one")
            framing = len(line) + 2
        self._overhead += framing + 2  # the CRLF after the data
        if self._overhead > self._limits.chunk_overhead_bytes:
            raise malformed("chunks with far more framing than data")
        self._left = int(match[1], 16)
        self._part = _Part.DATA if self._left else _Part.TRAILER
        return True

    def _read_data_end(self, buffer: LineBuffer) -> bool:
        """Take the CRLF after a chunk's data."""
        two = buffer.peek(2)
        if not b"\r\n".startswith(two):
            raise malformed("a chunk's data that isn't followed by CRLF")
        if len(two) < 2:
            return False
        buffer.skip(2)
        self._part = _Part.SIZE
        return True

    def _read_trailer(self, buffer: LineBuffer) -> bool:
        """Take the trailer section, of which nothing is kept."""
        if not self._trailer.read(buffer):
            return False
        self._part = _Part.ENDED
        return True


def _size_line_too_long() -> ProtocolError:
    return headers_too_large("a chunk-size line longer than is accepted")


_FRAMING: Mapping[_Part, Callable[[ChunkedReader, LineBuffer], bool]] = {
    _Part.SIZE: ChunkedReader._read_size,
    _Part.DATA_END: ChunkedReader._read_data_end,
    _Part.TRAILER: ChunkedReader._read_trailer,
}
