"""Is a HEIC's picture all there?

libheif fills tiles of a grid that are cut off or don't decode with green, and says nothing to
Pillow (libheif 1.23, pillow_heif 1.8): a phone's photo that lost its second half opens as half a
picture. Where a download left zeros, libde265 (1.1) makes up a picture just as silently. Rule: the
data of all items that the primary picture is made of lies within the file and has no hole of zeros,
and each tile that may have been filled decodes by itself. What else libde265 makes up amid a
damaged tile is not seen.
"""

import io
import re
import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import pillow_heif
from PIL import Image, ImageChops

from restore.contract import Box, boxes
from restore.images.problem import BrokenFile

_MAX_DERIVED = 4096  # items that one picture is made of: 64 x 64 tiles of the smallest size
# Of a level: G of the fill is 135 by the matrix of BT.601, 84 by BT.709, 74 by BT.2020.
_ZERO = [255] + [0] * 255
_MIDDLE = [255 if 50 < level < 160 else 0 for level in range(256)]
_COPIED_BYTES = 1024 * 1024 * 1024  # the file is copied for each tile that is decoded alone
# HEVC puts a 3 between two zero bytes and a third one (H.265 section 7.4.2), so that only a length
# and what pads the end make longer rows: 3 zeros in all that libheif 1.23 encodes.
_HOLE_BYTES = 64
_ZEROS = re.compile(rb"\x00*")


@dataclass(frozen=True, slots=True)
class _Items:
    """What a file's meta box says: `primary` and all that it is derived from, and where each is.

    `hevc` are the items that are coded so.
    """

    primary: int
    hevc: frozenset[int]
    derived: dict[int, tuple[int, ...]]
    extents: dict[int, tuple[tuple[int, int], ...]]

    def needed(self) -> Iterator[int]:
        """The primary item and those that it is made of, each once."""
        waiting, seen = [self.primary], {self.primary}
        while waiting and len(seen) <= _MAX_DERIVED:
            item = waiting.pop()
            yield item
            new = [each for each in self.derived.get(item, ()) if each not in seen]
            seen.update(new)
            waiting += new


def check_extents(data: bytes) -> None:
    """Find out whether the primary picture is cut off or has holes. Raises BrokenFile."""
    items = _items(data)
    if items is None:
        return
    holes = list(_holes(data))
    for item in items.needed():
        for start, length in items.extents.get(item, ()):
            if start + length > len(data):
                raise BrokenFile(f"HEIC: item {item} ends behind the file's end")
            if item in items.hevc and _has_hole(holes, start, start + length):
                raise BrokenFile(f"HEIC: item {item} is zeros in part")


def _holes(data: bytes) -> Iterator[tuple[int, int]]:
    """(end, start) of each row of _HOLE_BYTES zeros or more, in order: 2 ms for 15 MiB."""
    zeros, end = bytes(_HOLE_BYTES), 0
    while (start := data.find(zeros, end)) >= 0:
        found = _ZEROS.match(data, start)
        end = found.end() if found else start + _HOLE_BYTES
        yield end, start


def _has_hole(holes: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether one lies from `start` to `end`: found without reading, for extents may overlap."""
    at = bisect_left(holes, (start + _HOLE_BYTES, 0))
    return at < len(holes) and min(holes[at][0], end) - max(holes[at][1], start) >= _HOLE_BYTES


def check_tiles(data: bytes, picture: Image.Image) -> None:
    """Find out whether a tile of the decoded `picture` was filled. Raises BrokenFile."""
    items = _items(data)
    tiles = [item for item in items.needed() if not items.derived.get(item)] if items else []
    if len(tiles) > 1 and len(tiles) * len(data) <= _COPIED_BYTES and _may_be_filled(picture):
        for tile in tiles:
            try:
                alone = pillow_heif.open_heif(io.BytesIO(_with_primary(data, tile)))
                alone[alone.primary_index].load()
            except (OSError, ValueError, RuntimeError, EOFError, SyntaxError) as error:
                raise BrokenFile(f"HEIC: tile {tile}: {error}") from error


def _may_be_filled(picture: Image.Image) -> bool:
    """Whether any pixel is what YCbCr of zeros becomes: a middle green; in a grey picture black.

    Decoding the 48 tiles of 12 megapixels once more takes 2 s, this 0.05 s (pillow_heif 1.8).
    """
    if picture.mode not in ("RGB", "RGBA", "RGBX"):
        return True
    red, green, blue = picture.split()[:3]
    zeros = ImageChops.lighter(red, blue).point(_ZERO)
    return ImageChops.darker(zeros, green.point(_MIDDLE)).getbbox() is not None


# -- the boxes (ISO/IEC 14496-12 section 8.11)


def _items(data: bytes) -> _Items | None:
    """None where the file has no items, or they can't be read: then libheif is the judge."""
    inner = _meta(data)
    try:
        primary = _primary(data, inner[b"pitm"])
        derived = _derived(data, inner[b"iref"]) if b"iref" in inner else {}
        hevc = frozenset(_hevc_items(data, inner[b"iinf"]))
        return _Items(primary, hevc, derived, _extents(data, inner[b"iloc"]))
    except (KeyError, struct.error):
        return None


def _meta(data: bytes) -> dict[bytes, Box]:
    meta = next((box for box in boxes(data) if box.type == b"meta"), None)
    return {box.type: box for box in boxes(data, meta.start + 4, meta.end)} if meta else {}


def _primary(data: bytes, pitm: Box) -> int:
    return int(struct.unpack_from(">I" if data[pitm.start] else ">H", data, pitm.start + 4)[0])


def _derived(data: bytes, iref: Box) -> dict[int, tuple[int, ...]]:
    code, width = ("I", 4) if data[iref.start] else ("H", 2)
    found = {}
    for box in boxes(data, iref.start + 4, iref.end):
        if box.type == b"dimg":
            item, count = struct.unpack_from(f">{code}H", data, box.start)
            found[item] = struct.unpack_from(f">{count}{code}", data, box.start + width + 2)
    return found


def _entries(data: bytes, iinf: Box) -> Iterator[tuple[Box, int, bytes]]:
    """Each item's infe box, its number and its type."""
    for box in boxes(data, iinf.start + (8 if data[iinf.start] else 6), iinf.end):
        layout = ">I2x4s" if data[box.start] == 3 else ">H2x4s"
        item, kind = struct.unpack_from(layout, data, box.start + 4)
        yield box, item, kind


def _hevc_items(data: bytes, iinf: Box) -> Iterator[int]:
    return (item for _, item, kind in _entries(data, iinf) if kind == b"hvc1")


def _extents(data: bytes, iloc: Box) -> dict[int, tuple[tuple[int, int], ...]]:
    """(start, length) of the extents of each item that lies in the file itself."""
    version, sizes = data[iloc.start], struct.unpack_from(">BB", data, iloc.start + 4)
    offset, length, base, index = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15
    number = _Numbers(data, iloc.start + 6, iloc.end)
    found = {}
    for _ in range(number.read(4 if version == 2 else 2)):
        item = number.read(4 if version == 2 else 2)
        method = number.read(2) & 15 if version else 0
        number.read(2)
        origin = number.read(base)
        extents = []
        for _ in range(number.read(2)):
            number.read(index if version else 0)
            start = origin + number.read(offset)
            extents.append((start, number.read(length)))
        if method == 0:
            found[item] = tuple(extents)
    return found


class _Numbers:
    """Reads numbers of 0, 1, 2, 4 or 8 bytes one behind the other, within a box."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self._at, self._end = data, at, min(end, len(data))

    def read(self, size: int) -> int:
        self._at += size
        if self._at > self._end:
            raise struct.error("behind the box's end")
        return int.from_bytes(self._data[self._at - size : self._at], "big")


def _with_primary(data: bytes, item: int) -> bytes:
    """The file with another primary item, which is no longer hidden."""
    changed, inner = bytearray(data), _meta(data)
    pitm, iinf = inner[b"pitm"], inner[b"iinf"]
    struct.pack_into(">I" if data[pitm.start] else ">H", changed, pitm.start + 4, item)
    for box, number, _ in _entries(data, iinf):
        if number == item:
            changed[box.start + 3] &= 0xFE
    return bytes(changed)
