"""WEBP files (RFC 9649) as a list of chunks: the header and the metadata, read only.

Decoding is Pillow's. The rule kept: sizes come from the header, before libwebp sets memory aside
for the canvas that a file claims.
"""

from collections.abc import Iterator
from typing import BinaryIO

from restore.images.metadata import Metadata, exif
from restore.images.problem import BrokenFile

_MAX_CHUNKS = 10_000
_METADATA = frozenset({b"ICCP", b"EXIF", b"XMP "})


def read_size(file: BinaryIO) -> tuple[int, int]:
    """Width and height in pixels, of the canvas where there is one. Raises BrokenFile.

    RFC 9649 sections 2.5 (VP8), 2.6 (VP8L) and 2.7 (VP8X).
    """
    file.seek(0)
    head = file.read(30)
    kind, body = head[12:16], head[20:]
    if kind == b"VP8X" and len(body) >= 10:
        return _number(body[4:7]) + 1, _number(body[7:10]) + 1
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        return _number(body[6:8]) & 0x3FFF, _number(body[8:10]) & 0x3FFF
    if kind == b"VP8L" and len(body) >= 5 and body[:1] == b"\x2f":
        bits = _number(body[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise BrokenFile("WEBP: no header")


def read_metadata(file: BinaryIO) -> Metadata:
    """The first EXIF, XMP and ICCP chunk."""
    found: dict[bytes, bytes] = {}
    for kind, at, length in _chunks(file):
        if kind in _METADATA and kind not in found:
            file.seek(at)
            found[kind] = file.read(length)
    raw = found.get(b"EXIF")
    return Metadata(
        exif=exif.strip_prefix(raw) if raw else None, xmp=found.get(b"XMP "), icc=found.get(b"ICCP")
    )


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length = _number(head[4:])
        yield head[:4], at + 8, length
        at += 8 + length + (length & 1)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
