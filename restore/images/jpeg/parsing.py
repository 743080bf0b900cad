"""JPEG files (ITU-T T.81) as a list of segments.

No pixel is decoded here, and no metadata understood: see checking and metadata. The rule
kept: what Pillow sees of a stranger's file are the segments that make the picture, nothing else.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from restore.images.pieces import Part, Span
from restore.images.problem import BrokenFile

EOI, SOS, _DQT, _DHT, _DRI, _DAC, _DNL = 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xCC, 0xDC
APP0, APP1, APP2, APP14, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC}
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
_PICTURE = frozenset({_DQT, _DHT, _DRI, _DAC, _DNL, SOS, APP0, APP14}) | _FRAMES
_KNOWN = _PICTURE | frozenset({EOI, _COM, *range(APP0, APP0 + 16)})
_MAX_SEGMENTS = 20_000  # the most seen in real files are some 300; each costs 2 us here
# Each scan goes over the whole picture, however few bytes it has. Encoders make some 10 of them,
# and libtiff stops at 100 too.
_MAX_SCANS = 100

# In a scan: a marker that is neither a stuffed byte (FF00), fill (FFFF) nor a restart (FFD0-FFD7).
_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# Between segments: TEM (FF01) is skipped too.
_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
_READ_BYTES = 1024 * 1024
_HOLE_BYTES = 64  # of zeros at a file's end; data may end in a few


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame header (SOFn): `process` is its marker, `components` their numbers."""

    process: int
    precision: int
    width: int
    height: int
    components: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment: `start` is where its FF stands, `content` what follows its length."""

    marker: int
    start: int
    end: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan: its header's content, and where its entropy-coded data begins and ends."""

    header: bytes
    start: int
    end: int

    @property
    def components(self) -> tuple[int, ...]:
        """The numbers of the components that it codes."""
        return tuple(self.header[1 : 1 + 2 * self.header[0] : 2])


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A file's first picture. `end` is behind its last marker; `closed`: there is an EOI."""

    frame: Frame
    segments: tuple[Segment, ...]
    scans: tuple[Scan, ...]
    end: int
    closed: bool

    @property
    def ordinary(self) -> bool:
        """Grey or colour of 8 bit, Huffman-coded: what every viewer opens."""
        process = self.frame.process in (BASELINE, EXTENDED, PROGRESSIVE)
        return process and self.frame.precision == 8 and len(self.frame.components) in (1, 3)


def read_frame(file: BinaryIO) -> Frame:
    """Read up to the first frame header, no further. Raises BrokenFile."""
    for segment in _segments(file):
        if segment.marker in _FRAMES:
            return _parse_frame(segment)
        if segment.marker == SOS:
            break
    raise BrokenFile("JPEG: no frame header")


def parse(file: BinaryIO) -> Jpeg:
    """Read the segments of the first picture, up to its EOI or the end. Raises BrokenFile."""
    segments: list[Segment] = []
    scans: list[Scan] = []
    frame: Frame | None = None
    end, closed = 0, False
    for segment in _segments(file):
        end = segment.end
        if segment.marker == EOI:
            closed = True
            break
        segments.append(segment)
        if segment.marker in _FRAMES:
            frame = frame or _parse_frame(segment)
        elif segment.marker == SOS:
            end = _scan_end(file, segment.end)
            scans.append(_parse_scan(segment, end))
            if len(scans) > _MAX_SCANS:
                raise BrokenFile("JPEG: too many scans")
            file.seek(end)
    if frame is None or not scans:
        raise BrokenFile("JPEG: no picture")
    return Jpeg(frame, tuple(segments), tuple(scans), end, closed)


def _segments(file: BinaryIO) -> Iterator[Segment]:
    """Walk the segments from the file's start; the caller moves the file over scans' data."""
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        raise BrokenFile("JPEG: no SOI")
    for _ in range(_MAX_SEGMENTS):
        marker = _next_marker(file)
        if marker is None:
            return
        start = file.tell() - 2
        if marker == EOI:
            yield Segment(marker, start, start + 2, b"")
            return
        size = max(2, int.from_bytes(file.read(2), "big"))  # libjpeg, too, takes 0 as 2
        content = file.read(size - 2)
        if len(content) < size - 2:
            raise BrokenFile("JPEG: ends amid a segment")
        yield Segment(marker, start, start + 2 + size, content)
    raise BrokenFile("JPEG: too many segments")


def _next_marker(file: BinaryIO) -> int | None:
    """Go behind the next marker; bytes between segments are skipped as libjpeg does."""
    start = _find(file, _MARKER, file.tell())
    if start is None:
        return None
    file.seek(start + 1)
    marker = file.read(1)[0]
    if marker not in _KNOWN:  # libjpeg, too, gives up here
        raise BrokenFile(f"JPEG: marker {marker:#x}")
    return marker


def _parse_frame(segment: Segment) -> Frame:
    try:
        precision, height, width, count = struct.unpack_from(">BHHB", segment.content)
    except struct.error:
        raise BrokenFile("JPEG: frame header too short") from None
    numbers = segment.content[6 : 6 + 3 * count : 3]
    if len(numbers) != count:
        raise BrokenFile("JPEG: frame header too short")
    return Frame(segment.marker, precision, width, height, tuple(numbers))


def _parse_scan(segment: Segment, end: int) -> Scan:
    content = segment.content
    if not content or len(content) != 4 + 2 * content[0]:
        raise BrokenFile("JPEG: scan header of wrong size")
    return Scan(content, segment.end, end)


def _scan_end(file: BinaryIO, start: int) -> int:
    """Where the entropy-coded data that begins at `start` ends: at a marker, or with the file.

    A file's end of zeros is no data: partial downloads and recovered files are filled up so.
    """
    end = _find(file, _SCAN_END, start)
    if end is not None:
        return end
    size = file.tell()
    end = _behind_data(file, start, size)
    return end if size - end >= _HOLE_BYTES else size


def _behind_data(file: BinaryIO, start: int, end: int) -> int:
    """Where the zeros begin that the bytes from `start` to `end` end with."""
    while end > start:
        at = max(start, end - _READ_BYTES)
        file.seek(at)
        if data := file.read(end - at).rstrip(b"\x00"):
            return at + len(data)
        end = at
    return start


def _find(file: BinaryIO, pattern: re.Pattern[bytes], start: int) -> int | None:
    """The offset where a pattern of two bytes first matches; None (and at the end) if nowhere."""
    file.seek(start)
    at, size, kept = start, 64, b""
    while data := file.read(size):
        if found := pattern.search(kept + data):
            return at - len(kept) + found.start()
        at, size, kept = at + len(data), min(2 * size, _READ_BYTES), data[-1:]
    return None


def picture_parts(jpeg: Jpeg, *, closed: bool = True) -> list[Part]:
    """What makes the picture: tables, frame and scans, and the two segments that name its colours.

    `closed` False leaves the EOI out.
    """
    parts: list[Part] = [b"\xff\xd8", *_picture_spans(jpeg)]
    if closed:
        parts.append(b"\xff\xd9")
    return parts


def _picture_spans(jpeg: Jpeg) -> Iterator[Span]:
    scans = iter(jpeg.scans)
    for segment in jpeg.segments:
        if segment.marker in _PICTURE:
            yield Span(segment.start, segment.end)
        if segment.marker == SOS:
            scan = next(scans)
            yield Span(scan.start, scan.end)
