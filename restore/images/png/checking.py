"""Is a PNG's picture all there?

The whole picture is inflated and thrown away, without Pillow and without ever holding it: a result
of 16384 x 16384 pixels costs 30 MB instead of a gigabyte, 12 megapixels 0.2 s. Pillow itself looks
at no checksum of picture data (13.0) and would show a damaged one. Rule: what has passed is whole,
as far as checksums, rows and filters tell.
"""

import binascii
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from restore.images.png import parsing as png
from restore.images.problem import BrokenFile

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Interlacing's passes (W3C PNG section 8.1): the first pixel's x and y, and the steps to the next.
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_READ_BYTES = 256 * 1024


def check(file: BinaryIO, parsed: png.Png) -> None:
    """Read all of the picture's data and throw it away. Raises BrokenFile.

    Sums of the picture's chunks, the deflate stream, the number of rows and their filters are
    checked. Ancillary chunks may be damaged, and the IEND be missing: neither is needed to see the
    whole picture.
    """
    if parsed.cut:
        raise BrokenFile("PNG: ends amid a chunk")
    for chunk in parsed.chunks:
        if chunk.type[:1].isupper() and chunk.type not in png.PICTURE:  # critical: section 5.4
            raise BrokenFile(f"PNG: chunk {chunk.type!r}, unknown and needed to see the picture")
    if not parsed.consecutive:
        raise BrokenFile("PNG: no IDAT chunks, or apart from each other")
    if parsed.header.colour == 3 and not any(chunk.type == b"PLTE" for chunk in parsed.chunks):
        raise BrokenFile("PNG: no palette")
    inflate = zlib.decompressobj()
    rows = _RowCounter(parsed.header)
    for data in _picture_data(file, parsed):
        _feed(inflate, data, rows)
    while rows.missing and (rest := _decompress(inflate, b"")):
        rows.take(rest)
    if rows.missing:
        raise BrokenFile(f"PNG: {rows.missing} bytes of the picture missing")


def _feed(inflate: "zlib._Decompress", data: bytes, rows: "_RowCounter") -> None:
    """Inflate `data` in small portions, so that a bomb of zeros costs no memory."""
    while data and rows.missing and not inflate.eof:
        rows.take(_decompress(inflate, data))
        data = inflate.unconsumed_tail


def _decompress(inflate: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return inflate.decompress(data, _READ_BYTES)
    except zlib.error as error:
        raise BrokenFile(f"PNG: {error}") from None


def _picture_data(file: BinaryIO, parsed: png.Png) -> Iterator[bytes]:
    """The content of the IDAT chunks; each picture chunk's sum is checked on the way."""
    for chunk in parsed.chunks:
        if chunk.type not in png.PICTURE:
            continue
        file.seek(chunk.start + 8)
        crc, left = binascii.crc32(chunk.type), chunk.length
        while left and (data := file.read(min(left, _READ_BYTES))):
            crc, left = binascii.crc32(data, crc), left - len(data)
            if chunk.type == b"IDAT":
                yield data
        if left or crc != int.from_bytes(file.read(4), "big"):
            raise BrokenFile(f"PNG: chunk {chunk.type!r} damaged")


class _RowCounter:
    """Counts inflated bytes against what the header promises, and looks at rows' filters."""

    def __init__(self, header: png.Header) -> None:
        self._runs = [(rows, size) for rows, size in _passes(header) if rows and size > 1]
        self.missing = sum(rows * size for rows, size in self._runs)
        self._run_left = 0
        self._row_size = 1
        self._row_at = 0

    def take(self, data: bytes) -> None:
        at = 0
        while at < len(data) and self.missing:
            if not self._run_left:
                rows, self._row_size = self._runs.pop(0)
                self._run_left, self._row_at = rows * self._row_size, 0
            part = data[at : at + self._run_left]
            filters = part[-self._row_at % self._row_size :: self._row_size]
            if filters and max(filters) > 4:
                raise BrokenFile("PNG: unknown row filter")
            self._row_at = (self._row_at + len(part)) % self._row_size
            self._run_left -= len(part)
            self.missing -= len(part)
            at += len(part)


def _passes(header: png.Header) -> Iterator[tuple[int, int]]:
    """(rows, bytes a row with its filter byte) of each pass; one pass unless interlaced (Adam7)."""
    passes = _ADAM7 if header.interlaced else ((0, 0, 1, 1),)
    bits = header.depth * _CHANNELS[header.colour]
    for left, top, across, down in passes:
        width = max(0, -((left - header.width) // across))
        rows = max(0, -((top - header.height) // down))
        yield rows, 1 + (width * bits + 7) // 8
