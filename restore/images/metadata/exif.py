"""EXIF (CIPA DC-008, a TIFF 6.0 structure) read and cleaned as bytes.

`clean` changes a block in place, so that everything keeps its offset: makers' notes point into the
block by absolute offsets and would be lost by writing it anew. `shrink` does write it anew, without
the makers' notes, where it doesn't fit a format. The rules kept: no orientation is left, no
thumbnail of a picture that has changed, and a broken block never breaks a job.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_PREFIX = b"Exif\x00\x00"
_WIDTH, _HEIGHT, _ORIENTATION = 0x0100, 0x0101, 0x0112
_X_RESOLUTION, _Y_RESOLUTION = 0x011A, 0x011B
_STRIP_OFFSETS, _STRIP_BYTES = 0x0111, 0x0117
_THUMBNAIL, _THUMBNAIL_BYTES = 0x0201, 0x0202
_EXIF, _GPS, _INTEROP = 0x8769, 0x8825, 0xA005
_PIXEL_X, _PIXEL_Y = 0xA002, 0xA003
_MAKER_NOTE = 0x927C
_SUB_DIRECTORIES = (_EXIF, _GPS, _INTEROP)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BYTE, _SHORT, _LONG = 1, 3, 4
_HEAD_BYTES = 8  # before the first directory
_MAX_FIELDS = 512  # in one directory; cameras write some 60


@dataclass(frozen=True, slots=True)
class _Entry:
    """One field: `at` is where its twelve bytes stand, `start` and `end` where its value does."""

    tag: int
    type: int
    count: int
    at: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Directory:
    """One IFD; `next` is the offset of the one that follows, 0 for none."""

    start: int
    end: int
    entries: tuple[_Entry, ...]
    next: int
    whole: bool


class _Block:
    """The bytes of one EXIF block and how to read numbers from them."""

    def __init__(self, data: bytes | bytearray) -> None:
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}[bytes(data[:2])]

    def number(self, at: int, size: int) -> int:
        code = {1: "B", 2: "H", 4: "I"}[size]
        return int(struct.unpack_from(self.order + code, self.data, at)[0])

    def put(self, at: int, size: int, number: int) -> None:
        struct.pack_into(self.order + {2: "H", 4: "I"}[size], self.data, at, number)

    def directory(self, start: int) -> _Directory:
        """The IFD at `start`, as far as it lies within the block."""
        if not 8 <= start <= len(self.data) - 2:
            return _Directory(start, start, (), 0, False)
        count = min(self.number(start, 2), _MAX_FIELDS)
        end = start + 2 + 12 * count
        last = min(end, start + 2 + (len(self.data) - start - 2) // 12 * 12)
        entries = tuple(self._entry(at) for at in range(start + 2, last, 12))
        follows = self.number(end, 4) if end + 4 <= len(self.data) else 0
        return _Directory(start, min(end + 4, len(self.data)), entries, follows, last == end)

    def _entry(self, at: int) -> _Entry:
        tag, kind, count = self.number(at, 2), self.number(at + 2, 2), self.number(at + 4, 4)
        size = count * _SIZES.get(kind, 0)
        start = at + 8 if size <= 4 else self.number(at + 8, 4)
        return _Entry(tag, kind, count, at, start, start + size)

    def integer(self, entry: _Entry) -> int | None:
        """The value of a field that is one whole number."""
        if entry.count != 1 or entry.type not in (_BYTE, _SHORT, _LONG):
            return None
        return self.number(entry.start, _SIZES[entry.type])

    def value(self, entry: _Entry) -> memoryview | None:
        """The bytes of a field's value, not copied: many a field may claim the whole block.

        None where they lie outside of it.
        """
        if entry.end > len(self.data) or entry.type not in _SIZES:
            return None
        return memoryview(self.data)[entry.start : entry.end]

    def sub_directories(self, directory: _Directory) -> Iterator[tuple[int, _Directory]]:
        """The Exif, GPS and interoperability directories below this one, as (tag, IFD).

        One of each at most, the last: a block whose directories all point to each other would
        else be a tree of millions.
        """
        found = {entry.tag: entry for entry in directory.entries if entry.tag in _SUB_DIRECTORIES}
        for tag, entry in found.items():
            yield tag, self.directory(self.integer(entry) or 0)

    def tree(self) -> Iterator[_Directory]:
        """IFD0 and the directories below it, two levels deep as the standard has it."""
        first = self.directory(self.number(4, 4))
        yield first
        for _, second in self.sub_directories(first):
            yield second
            yield from (third for _, third in self.sub_directories(second))


def _open(exif: bytes | bytearray) -> _Block | None:
    """None where the data doesn't begin as TIFF does; BigTIFF, which no camera writes, neither."""
    known = exif[:4] in (b"II*\x00", b"MM\x00*", b"II\x00*", b"MM*\x00")
    return _Block(exif) if known and len(exif) >= 14 else None


def strip_prefix(exif: bytes) -> bytes:
    """The TIFF data alone; some writers of WEBP and HEIC leave the mark of JPEG before it."""
    while exif.startswith(_PREFIX):
        exif = exif[len(_PREFIX) :]
    return exif


def orientation(exif: bytes) -> int | None:
    """The orientation (1..8, or whatever number stands there); None where there is none."""
    block = _open(exif)
    if block is None:
        return None
    entries = block.directory(block.number(4, 4)).entries
    found = [block.integer(entry) for entry in entries if entry.tag == _ORIENTATION]
    return (found[-1] or 0) if found else None


def clean(
    exif: bytes, before: tuple[int, int], after: tuple[int, int], *, turned: bool
) -> bytes | None:
    """The same block, without orientation and thumbnail, for a picture that stands upright.

    `before` and `after` are its width and height in pixels: where the block states the former it
    states the latter then. When `turned` by a quarter, the two resolutions are swapped. All else
    keeps its place. None where the block is broken.
    """
    block = _open(bytearray(exif))
    if block is None:
        return None
    first = block.directory(block.number(4, 4))
    if not first.whole:
        return None
    _set_size(block, before, after)
    if turned:
        _swap_resolutions(block, first)
    thumbnail = _thumbnail_ranges(block, first)
    _drop_orientation(block, first)
    return _erase(block, thumbnail)


def _set_size(block: _Block, before: tuple[int, int], after: tuple[int, int]) -> None:
    for directory in block.tree():
        found = {entry.tag: entry for entry in directory.entries}
        for tags in ((_WIDTH, _HEIGHT), (_PIXEL_X, _PIXEL_Y)):
            entries = [found[tag] for tag in tags if tag in found]
            stated = [block.integer(entry) for entry in entries]
            if sorted(before) == sorted(number or 0 for number in stated):
                for entry, number in zip(entries, after, strict=True):
                    if entry.type in (_SHORT, _LONG):
                        block.put(entry.start, _SIZES[entry.type], number)


def _swap_resolutions(block: _Block, first: _Directory) -> None:
    found = {entry.tag: entry for entry in first.entries}
    x, y = found.get(_X_RESOLUTION), found.get(_Y_RESOLUTION)
    if x and y and (x.type, x.count) == (y.type, y.count) and x.end - x.start > 4:
        block.put(x.at + 8, 4, y.start)
        block.put(y.at + 8, 4, x.start)


def _drop_orientation(block: _Block, first: _Directory) -> None:
    """Take the field out of IFD0, move those behind it up, and end the chain of directories."""
    data = block.data
    kept = b"".join(data[e.at : e.at + 12] for e in first.entries if e.tag != _ORIENTATION)
    block.put(first.start, 2, len(kept) // 12)
    room = first.end - first.start - 2
    data[first.start + 2 : first.end] = kept + bytes(room - len(kept))  # type: ignore[index]


def _thumbnail_ranges(block: _Block, first: _Directory) -> list[tuple[int, int]]:
    """Where IFD1, its values and the thumbnail lie, but for what the main directories use too."""
    if not first.next:
        return []
    second = block.directory(first.next)
    ranges = [(second.start, second.end), *_values(second)]
    found = {entry.tag: block.integer(entry) for entry in second.entries}
    for offset, length in ((_THUMBNAIL, _THUMBNAIL_BYTES), (_STRIP_OFFSETS, _STRIP_BYTES)):
        start, size = found.get(offset), found.get(length)
        if start and size:
            ranges.append((start, start + size))
    used = [(0, 8)]
    for directory in block.tree():
        used += [(directory.start, directory.end), *_values(directory)]
    return _subtract(ranges, used, len(block.data))


def _values(directory: _Directory) -> Iterator[tuple[int, int]]:
    return ((e.start, e.end) for e in directory.entries if e.end - e.start > 4)


def _subtract(
    ranges: list[tuple[int, int]], used: list[tuple[int, int]], end: int
) -> list[tuple[int, int]]:
    """The parts of `ranges` that lie before `end` and touch none of `used`; sorted, apart."""
    left, taken, at = [], _merged(used), 0
    for start, stop in _merged((a, min(b, end)) for a, b in ranges):
        while start < stop:
            while at < len(taken) and taken[at][1] <= start:
                at += 1
            begin, past = taken[at] if at < len(taken) else (stop, stop)
            if start < begin:
                left.append((start, min(begin, stop)))
            start = past if begin < stop else stop
    return left


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same bytes as ranges that are sorted and don't touch."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(part for part in ranges if part[0] < part[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _erase(block: _Block, ranges: list[tuple[int, int]]) -> bytes:
    """Overwrite `ranges` with zeros, and cut off those that the block ends with."""
    data = bytearray(block.data)
    for start, end in ranges:
        data[start:end] = bytes(end - start)
    for start, end in sorted(ranges, reverse=True):
        if end >= len(data):
            del data[start:]
    return bytes(data)


# -- writing anew, for formats with a limit


def shrink(exif: bytes, limit: int) -> bytes | None:
    """The block in at most `limit` bytes: without MakerNote, then without its largest values.

    None where it is broken.
    """
    if len(exif) <= limit:
        return exif
    block = _open(exif)
    if block is None:
        return None
    fields = _read_fields(block, block.directory(block.number(4, 4)))
    dropped = [field for field in _all(fields) if field.tag == _MAKER_NOTE]
    others = (field for field in _all(fields) if field.tag != _MAKER_NOTE)
    largest = sorted(others, key=lambda field: len(field.value))
    size = _HEAD_BYTES + _directory_bytes(_without(fields, dropped))
    while size > limit and largest:
        dropped.append(largest.pop())
        size -= _field_bytes(dropped[-1])
    return _write(block.order, _without(fields, dropped))


@dataclass(frozen=True, slots=True)
class _Field:
    """A field apart from its block; `below` is the directory it points to, where it does."""

    tag: int
    type: int
    count: int
    value: memoryview
    below: "tuple[_Field, ...] | None" = None


def _read_fields(block: _Block, directory: _Directory, depth: int = 0) -> tuple[_Field, ...]:
    below = {
        tag: _read_fields(block, sub, depth + 1)
        for tag, sub in (block.sub_directories(directory) if depth < 2 else ())
    }
    fields = []
    for entry in directory.entries:
        value = block.value(entry)
        if value is None or (entry.tag in _SUB_DIRECTORIES and entry.tag not in below):
            continue
        fields.append(_Field(entry.tag, entry.type, entry.count, value, below.pop(entry.tag, None)))
    return tuple(fields)


def _all(fields: tuple[_Field, ...]) -> Iterator[_Field]:
    for field in fields:
        if field.below is None:
            yield field
        else:
            yield from _all(field.below)


def _without(fields: tuple[_Field, ...], dropped: list[_Field]) -> tuple[_Field, ...]:
    gone = {id(field) for field in dropped}
    return tuple(
        _Field(f.tag, f.type, f.count, f.value, _without(f.below, dropped)) if f.below else f
        for f in fields
        if id(f) not in gone
    )


def _field_bytes(field: _Field) -> int:
    """How many bytes a field takes when it is written."""
    if field.below is not None:
        return 12 + _directory_bytes(field.below)
    size = len(field.value)
    return 12 + (size + (size & 1) if size > 4 else 0)


def _directory_bytes(fields: tuple[_Field, ...]) -> int:
    return 2 + sum(map(_field_bytes, fields)) + 4


def _write(order: str, fields: tuple[_Field, ...]) -> bytes:
    head = b"II*\x00" if order == "<" else b"MM\x00*"
    return head + struct.pack(order + "I", 8) + _write_directory(order, fields, 8)


def _write_directory(order: str, fields: tuple[_Field, ...], start: int) -> bytes:
    """One IFD that stands at offset `start`, its values behind it, each on an even offset."""
    directory = struct.pack(order + "H", len(fields))
    values_at = start + 2 + 12 * len(fields) + 4
    values = b""
    for field in fields:
        kind, count, value = field.type, field.count, bytes(field.value)
        at = values_at + len(values)
        if field.below is not None:
            kind, count, value = _LONG, 1, struct.pack(order + "I", at)
            values += _write_directory(order, field.below, at)
        elif len(value) > 4:
            values += value + bytes(len(value) & 1)
            value = struct.pack(order + "I", at)
        directory += struct.pack(order + "HHI", field.tag, kind, count) + value.ljust(4, b"\x00")
    return directory + bytes(4) + values
