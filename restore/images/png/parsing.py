"""PNG files (W3C PNG, third edition) as a list of chunks: read, and put together again.

Whether a picture is whole is for the check to find out. The rules kept: compressed text and
profiles are inflated up to a named size only; Pillow is given the chunks that make the picture and
never sees the others; and metadata is put in as chunks, so that a picture is never encoded again
for their sake.
"""

import binascii
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from restore.images.metadata import Metadata, exif
from restore.images.pieces import Part, Span
from restore.images.problem import BrokenFile

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
COLOUR = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_KEPT_BYTES = 1024 * 1024  # content of a chunk other than IDAT that is looked at
_INFLATED_BYTES = 16 * 1024 * 1024  # of one profile or text; printers' profiles reach 3 MiB
_MAX_CHUNKS = 250_000  # 16384 x 16384 RGBA in IDATs of 8 KiB: 131,072
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_XMP_KEYWORD = b"XML:com.adobe.xmp"
# Nothing is tried twice (++, *+): a stranger's text of spaces would take quadratic time.
_RAW_EXIF = re.compile(rb"\s*+exif\s++\d++\s++([0-9a-fA-F\s]*+)\Z")


@dataclass(frozen=True, slots=True)
class Header:
    """IHDR: `depth` in bits a sample, `colour` 0 grey, 2 RGB, 3 palette, 4 grey+alpha, 6 RGBA."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: `start` is where its length stands, `content` is empty for IDAT and large ones."""

    type: bytes
    start: int
    length: int
    content: bytes

    @property
    def end(self) -> int:
        return self.start + 12 + self.length


@dataclass(frozen=True, slots=True)
class Png:
    """All chunks up to IEND; `closed`: there is one; `cut`: the file ends amid a chunk."""

    header: Header
    chunks: tuple[Chunk, ...]
    closed: bool
    cut: bool

    @property
    def ordinary(self) -> bool:
        """One picture alone, properly closed."""
        return self.closed and not any(chunk.type in _ANIMATION for chunk in self.chunks)

    @property
    def consecutive(self) -> bool:
        """Whether the IDAT chunks stand side by side, as they must."""
        places = [at for at, chunk in enumerate(self.chunks) if chunk.type == b"IDAT"]
        return bool(places) and places[-1] - places[0] + 1 == len(places)


def read_header(file: BinaryIO) -> Header:
    """Read the IHDR, which is the first chunk. Raises BrokenFile."""
    file.seek(0)
    head = file.read(33)
    if len(head) < 33 or head[:16] != _SIGNATURE + b"\x00\x00\x00\rIHDR":
        raise BrokenFile("PNG: no IHDR")
    if binascii.crc32(head[12:29]) != int.from_bytes(head[29:], "big"):
        raise BrokenFile("PNG: IHDR damaged")
    width, height, depth, colour, method, filtering, interlace = struct.unpack_from(
        ">IIBBBBB", head, 16
    )
    if depth not in _DEPTHS.get(colour, ()) or method or filtering or interlace > 1:
        raise BrokenFile(f"PNG: colour type {colour} with depth {depth}, method {method}")
    return Header(width, height, depth, colour, interlace == 1)


def parse(file: BinaryIO) -> Png:
    """Read the list of chunks; checks no sums but the IHDR's. Raises BrokenFile."""
    header = read_header(file)
    chunks = tuple(_chunks(file))
    cut = chunks[-1].end < file.seek(0, 2)
    if sum(chunk.type == b"IHDR" for chunk in chunks) > 1:
        raise BrokenFile("PNG: more than one IHDR")
    closed = chunks[-1].type == b"IEND"
    return Png(header, chunks, closed, cut and not closed)


def _chunks(file: BinaryIO) -> Iterator[Chunk]:
    file.seek(0, 2)
    size, at = file.tell(), len(_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(kind) < 4 or at + 12 + length > size:
            return
        content = b"" if kind == b"IDAT" or length > _KEPT_BYTES else file.read(length)
        yield Chunk(kind, at, length, content)
        if kind == b"IEND":
            return
        at += 12 + length
    raise BrokenFile("PNG: too many chunks")


# -- metadata


def metadata_of(png: Png) -> Metadata:
    found = _exif_of(png)
    return Metadata(
        exif=exif.strip_prefix(found) if found else None,
        xmp=_xmp_of(png),
        icc=_icc_of(png),
        phys=_density_of(png),
        colour=_colour_of(png),
    )


def _exif_of(png: Png) -> bytes | None:
    """The eXIf chunk, or what ImageMagick writes as hexadecimal text where there is none."""
    for chunk in png.chunks:
        if chunk.type == b"eXIf" and chunk.content:
            return chunk.content
    for chunk in png.chunks:
        if chunk.type in _TEXT and chunk.content.startswith(b"Raw profile type exif\x00"):
            found = _RAW_EXIF.match(_text(chunk) or b"")
            return _unhex(found[1]) if found else None
    return None


def _unhex(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return None


def _xmp_of(png: Png) -> bytes | None:
    for chunk in png.chunks:
        if chunk.type == b"iTXt" and chunk.content.startswith(_XMP_KEYWORD + b"\x00"):
            return _text(chunk)
    return None


def _icc_of(png: Png) -> bytes | None:
    for chunk in png.chunks:
        if chunk.type == b"iCCP":
            _, _, rest = chunk.content.partition(b"\x00")
            return _inflate(rest[1:]) if rest[:1] == b"\x00" else None
    return None


def _density_of(png: Png) -> tuple[int, int, int] | None:
    """pHYs as (unit, x, y): unit 1 is dots per metre, 0 says how wide a dot is to its height."""
    for chunk in png.chunks:
        if chunk.type == b"pHYs" and len(chunk.content) == 9:
            x, y, unit = struct.unpack(">IIB", chunk.content)
            return (unit, x, y) if x and y else None
    return None


def _colour_of(png: Png) -> tuple[tuple[bytes, bytes], ...]:
    """gAMA, cHRM, sRGB and cICP as they stand; iCCP is `_icc_of`'s."""
    sizes = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4}
    found = {c.type: c.content for c in png.chunks if sizes.get(c.type) == len(c.content)}
    return tuple((kind, found[kind]) for kind in COLOUR if kind in found)


def _text(chunk: Chunk) -> bytes | None:
    """The text of a tEXt, zTXt or iTXt chunk; None where it is broken or too long."""
    _, _, rest = chunk.content.partition(b"\x00")
    if chunk.type == b"tEXt":
        return rest
    if chunk.type == b"zTXt":
        return _inflate(rest[1:])
    packed, texts = rest[:1] == b"\x01", rest[2:].split(b"\x00", 2)
    if len(texts) < 3:
        return None
    return _inflate(texts[2]) if packed else texts[2]


def _inflate(data: bytes) -> bytes | None:
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(data, _INFLATED_BYTES)
    except zlib.error:
        return None
    # Some writers leave the stream's own sum out; only what is cut by the limit is no content.
    return None if inflate.unconsumed_tail else content


# -- putting together


def picture_parts(png: Png) -> list[Part]:
    """The chunks that make the (first) picture, nothing else."""
    spans = [Span(c.start, c.end) for c in png.chunks if c.type in PICTURE - {b"IEND"}]
    return [_SIGNATURE, *spans, _chunk(b"IEND", b"")]


def spliced_parts(png: Png, metadata: Metadata) -> list[Part]:
    """The same picture with `metadata` and nothing else beside it: no texts, no animation."""
    signature, first, *rest = picture_parts(png)
    return [signature, first, chunks_of(metadata), *rest]


def chunks_of(metadata: Metadata) -> bytes:
    """The chunks that hold `metadata`; their place is behind IHDR."""
    new = [_chunk(kind, content) for kind, content in metadata.colour]
    if metadata.icc:
        new.append(_chunk(b"iCCP", b"ICC profile\x00\x00" + zlib.compress(metadata.icc)))
    if phys := metadata.as_phys():
        new.append(_chunk(b"pHYs", struct.pack(">IIB", phys[1], phys[2], phys[0])))
    if metadata.exif:
        new.append(_chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        new.append(_chunk(b"iTXt", _XMP_KEYWORD + b"\x00\x00\x00\x00\x00" + metadata.xmp))
    return b"".join(new)


def _chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk with its length and its sum."""
    crc = binascii.crc32(content, binascii.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)
