"""The first picture of a HEIC image sequence (ISO/IEC 23008-12 clause 7) as a still HEIC of its
own.

A burst or a live photo may hold a track of pictures and no still one; libheif's still interface,
the one that pillow_heif offers, doesn't open such files (libheif 1.23, pillow_heif 1.8). Its first
sample is a whole picture, coded by itself: put into a still file's boxes, as it is, it opens. Pure:
bytes in, bytes out.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from restore.contract import Box, boxes
from restore.images.problem import BrokenFile

_ENTRY_BYTES = 78  # of a VisualSampleEntry before its boxes, ISO/IEC 14496-12 section 12.1.3
_HANDLERS = (b"pict", b"vide")
_CODED = (b"hvc1", b"hev1")
_KEPT = (b"colr", b"pasp", b"clap", b"pixi")  # properties that a sample entry shares with a still
# The four turns that a track's matrix can hold (a, b, c, d), as irot's quarters anticlockwise.
_QUARTERS = {(0, 1, -1, 0): 3, (-1, 0, 0, -1): 2, (0, -1, 1, 0): 1}


@dataclass(frozen=True, slots=True)
class _Track:
    """What is needed of a track: its first sample's bytes, and how they are to be read."""

    entry: Box
    sample: bytes
    quarters: int


def has_still(data: bytes) -> bool:
    """Whether the file names a primary still picture."""
    meta = _find(data, b"meta")
    if meta is None:
        return False
    return any(box.type == b"pitm" for box in boxes(data, meta.start + 4, meta.end))


def first_picture(data: bytes) -> bytes:
    """A still HEIC that holds the first sample of the first HEVC track. Raises BrokenFile."""
    for track in _tracks(data):
        if track.entry.type in _CODED and track.sample:
            return _still(data, track)
    raise BrokenFile("HEIC: no track of pictures")


def _find(data: bytes, *path: bytes, within: Box | None = None) -> Box | None:
    """The first box of each type in `path`, each inside the one before."""
    start, end = (within.start, within.end) if within else (0, len(data))
    found = None
    for kind in path:
        found = next((box for box in boxes(data, start, end) if box.type == kind), None)
        if found is None:
            return None
        start, end = found.start, found.end
    return found


def _tracks(data: bytes) -> Iterator[_Track]:
    moov = _find(data, b"moov")
    inside = boxes(data, moov.start, moov.end) if moov else ()
    for box in (box for box in inside if box.type == b"trak"):
        handler = _find(data, b"mdia", b"hdlr", within=box)
        table = _find(data, b"mdia", b"minf", b"stbl", within=box)
        if handler and table and data[handler.start + 8 : handler.start + 12] in _HANDLERS:
            entries = _find(data, b"stsd", within=table)
            entry = entries and next(boxes(data, entries.start + 8, entries.end), None)
            if entry:
                yield _Track(entry, _first_sample(data, table), _turn(data, box))


def _first_sample(data: bytes, table: Box) -> bytes:
    """The sample that the size table (stsz) and the chunk table (stco, co64) name first."""
    sizes = _find(data, b"stsz", within=table)
    places = _find(data, b"stco", within=table) or _find(data, b"co64", within=table)
    if sizes is None or places is None:
        return b""
    wide = data[places.start - 4 : places.start] == b"co64"
    try:
        every, count, first = struct.unpack_from(">III", data, sizes.start + 4)
        (offset,) = struct.unpack_from(">Q" if wide else ">I", data, places.start + 8)
    except struct.error:
        return b""
    size = every or first
    return data[offset : offset + size] if count and offset + size <= len(data) else b""


def _turn(data: bytes, track: Box) -> int:
    header = _find(data, b"tkhd", within=track)
    if header is None:
        return 0
    at = header.start + (52 if data[header.start : header.start + 1] == b"\x01" else 40)
    try:
        a, b, _, c, d = struct.unpack_from(">5i", data, at)
    except struct.error:
        return 0
    return _QUARTERS.get(tuple((n > 0) - (n < 0) for n in (a, b, c, d)), 0)


def _still(data: bytes, track: _Track) -> bytes:
    entry = track.entry
    if entry.start + 28 > len(data):
        raise BrokenFile("HEIC: sample entry too short")
    width, height = struct.unpack_from(">HH", data, entry.start + 24)
    inner = list(boxes(data, entry.start + _ENTRY_BYTES, entry.end))
    config = next((data[b.start : b.end] for b in inner if b.type == b"hvcC"), None)
    if config is None:
        raise BrokenFile("HEIC: no decoder configuration")
    properties = [_box(b"hvcC", config), _full_box(b"ispe", struct.pack(">II", width, height))]
    properties += [_box(b.type, data[b.start : b.end]) for b in inner if b.type in _KEPT]
    if track.quarters:
        properties.append(_box(b"irot", bytes((track.quarters,))))
    head = _box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")
    size = len(head) + len(_meta(properties, 0, len(track.sample)))
    return head + _meta(properties, size + 8, len(track.sample)) + _box(b"mdat", track.sample)


def _meta(properties: list[bytes], offset: int, size: int) -> bytes:
    """The boxes that say: item 1 is HEVC, has all `properties`, and lies at `offset`."""
    essential = bytes(0x80 | index for index in range(1, len(properties) + 1))
    associations = struct.pack(">IHB", 1, 1, len(properties)) + essential
    return _full_box(
        b"meta",
        _full_box(b"hdlr", bytes(4) + b"pict" + bytes(13))
        + _full_box(b"pitm", struct.pack(">H", 1))
        + _full_box(b"iloc", struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, size))
        + _full_box(
            b"iinf",
            struct.pack(">H", 1)
            + _full_box(b"infe", struct.pack(">HH", 1, 0) + b"hvc1\x00", version=2),
        )
        + _box(b"iprp", _box(b"ipco", b"".join(properties)) + _full_box(b"ipma", associations)),
    )


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def _full_box(kind: bytes, content: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes((version, 0, 0, 0)) + content)
