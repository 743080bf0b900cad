"""JPEG files (ITU-T T.81) as a list of segments: read, checked for being whole, put together again.

No pixel is decoded here but in `check`. The rules kept: metadata is cut out and put in as segments,
so that a picture is never encoded again for their sake; and what Pillow sees of a stranger's file
are the segments that make the picture, nothing else.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from restore.images import exif
from restore.images.metadata import Metadata
from restore.images.pieces import Part, Span
from restore.images.problem import BrokenFile

_SOI, EOI, SOS, _DQT, _DHT, _DRI, _DAC, _DNL = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xCC, 0xDC
APP0, APP1, APP2, _APP14, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC}
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
_SKIPPED = frozenset({0x00, 0x01, *range(0xD0, 0xD8)})  # no segments: stuffing, TEM, restarts
_PICTURE = frozenset({_DQT, _DHT, _DRI, _DAC, _DNL, SOS, APP0, _APP14}) | _FRAMES
_KNOWN = _PICTURE | frozenset({EOI, _COM, *range(APP0, APP0 + 16)})
_MAX_SEGMENTS = 20_000  # the most seen in real files are some 300; each costs 2 us here
_SEGMENT_BYTES = 65_533  # of content, T.81 B.1.1.4
# Each scan goes over the whole picture, however few bytes it has. Encoders make some 10 of them,
# and libtiff stops at 100 too.
_MAX_SCANS = 100

_EXIF = b"Exif\x00\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\x00"
_ICC = b"ICC_PROFILE\x00"
_MPF = b"MPF\x00"
_EXIF_LIMIT_BYTES = _SEGMENT_BYTES - len(_EXIF)
_XMP_LIMIT_BYTES = _SEGMENT_BYTES - len(_XMP)
_ICC_PART_BYTES = _SEGMENT_BYTES - len(_ICC) - 2
_ICC_LIMIT_BYTES = 255 * _ICC_PART_BYTES

# In a scan: a marker that is neither a stuffed byte (FF00), fill (FFFF) nor a restart (FFD0-FFD7).
_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_READ_BYTES = 1024 * 1024


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
    """A file's first picture. `end` is behind its last marker; `whole`: there is an EOI."""

    frame: Frame
    segments: tuple[Segment, ...]
    scans: tuple[Scan, ...]
    end: int
    whole: bool

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
    end, whole = 0, False
    for segment in _segments(file):
        end = segment.end
        if segment.marker == EOI:
            whole = True
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
    return Jpeg(frame, tuple(segments), tuple(scans), end, whole)


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
            return
        yield Segment(marker, start, start + 2 + size, content)
    raise BrokenFile("JPEG: too many segments")


def _next_marker(file: BinaryIO) -> int | None:
    """Go behind the next marker; bytes between segments are skipped as libjpeg does."""
    while byte := file.read(1):
        if byte != b"\xff":
            continue
        while byte == b"\xff":
            byte = file.read(1)
        if byte and byte[0] not in _SKIPPED:
            if byte[0] not in _KNOWN:  # libjpeg, too, gives up here
                raise BrokenFile(f"JPEG: marker {byte.hex()}")
            return byte[0]
    return None


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
    """Where the entropy-coded data that begins at `start` ends: at a marker, or with the file."""
    file.seek(start)
    at = start
    kept = b""
    while data := file.read(_READ_BYTES):
        window = kept + data
        if found := _SCAN_END.search(window):
            return at - len(kept) + found.start()
        at += len(data)
        kept = data[-1:]
    return at


# -- metadata


def metadata_of(jpeg: Jpeg) -> Metadata:
    return Metadata(
        exif=_exif_of(jpeg), xmp=_xmp_of(jpeg), icc=_icc_of(jpeg), jfif=_density_of(jpeg)
    )


def _exif_of(jpeg: Jpeg) -> bytes | None:
    """The EXIF data (a TIFF file), put together where it runs over several segments."""
    parts = [s.content[len(_EXIF) :] for s in jpeg.segments if _is(s, APP1, _EXIF)]
    return b"".join(parts) or None


def _xmp_of(jpeg: Jpeg) -> bytes | None:
    found = [s.content[len(_XMP) :] for s in jpeg.segments if _is(s, APP1, _XMP)]
    return found[-1] if found else None


def _icc_of(jpeg: Jpeg) -> bytes | None:
    """The ICC profile, put together in the order of its parts' numbers (ICC.1 annex B.4)."""
    parts = {s.content[12]: s.content for s in jpeg.segments if _is(s, APP2, _ICC, 14)}
    if not parts or sorted(parts) != list(range(1, len(parts) + 1)):
        return None
    if any(part[13] != len(parts) for part in parts.values()):
        return None
    return b"".join(parts[number][14:] for number in sorted(parts)) or None


def _density_of(jpeg: Jpeg) -> tuple[int, int, int] | None:
    """JFIF's (unit, x, y): unit 1 is dots per inch, 2 per cm; None where it tells no resolution."""
    for segment in jpeg.segments:
        if _is(segment, APP0, b"JFIF\x00", 12):
            unit, x, y = struct.unpack_from(">BHH", segment.content, 7)
            return (unit, x, y) if unit in (1, 2) and x and y else None
    return None


def _is(segment: Segment, marker: int, prefix: bytes, at_least: int = 0) -> bool:
    return (
        segment.marker == marker
        and segment.content.startswith(prefix)
        and len(segment.content) >= at_least
    )


# -- putting together


def picture_parts(jpeg: Jpeg, *, closed: bool = True) -> list[Part]:
    """What makes the picture: tables, frame and scans, and the two segments that tell its colours.

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


def spliced_parts(jpeg: Jpeg, metadata: Metadata) -> list[Part]:
    """The same picture with `metadata` in place of its own.

    Bytes behind the picture's end are left out, and so are pointers to further pictures.
    """
    head = header(metadata, jfif=_may_be_jfif(jpeg))
    return [head, *_kept_spans(jpeg), b"\xff\xd9"]


def header(metadata: Metadata, *, jfif: bool = True) -> bytes:
    """What a file begins with: SOI, JFIF, and the segments that hold `metadata`.

    What is too large for the format gives way: EXIF over 64 KB loses its largest values, an XMP
    packet over 64 KB and a profile over 16 MB are left out.
    """
    parts = [b"\xff\xd8"]
    if jfif:
        parts.append(_jfif(metadata.as_jfif()))
    if metadata.exif and (fitting := exif.shrink(metadata.exif, _EXIF_LIMIT_BYTES)):
        parts.append(_segment(APP1, _EXIF + fitting))
    if metadata.xmp and len(metadata.xmp) <= _XMP_LIMIT_BYTES:
        parts.append(_segment(APP1, _XMP + metadata.xmp))
    if metadata.icc and len(metadata.icc) <= _ICC_LIMIT_BYTES:
        parts.extend(_icc_segments(metadata.icc))
    return b"".join(parts)


def _may_be_jfif(jpeg: Jpeg) -> bool:
    """Whether a JFIF header leaves its colours alone: to decoders it says YCbCr (or grey)."""
    if any(_is(segment, APP0, b"JFIF\x00") for segment in jpeg.segments):
        return True
    adobe = any(_is(segment, _APP14, b"Adobe") for segment in jpeg.segments)
    return not adobe and jpeg.frame.components != tuple(b"RGB")


def _kept_spans(jpeg: Jpeg) -> Iterator[Span]:
    scans = iter(jpeg.scans)
    for segment in jpeg.segments:
        if not _is_replaced(segment):
            yield Span(segment.start, segment.end)
        if segment.marker == SOS:
            scan = next(scans)
            yield Span(scan.start, scan.end)


def _is_replaced(segment: Segment) -> bool:
    """Metadata that `spliced_parts` writes itself, thumbnails, and pointers to further pictures."""
    return segment.marker == APP0 or any(
        _is(segment, marker, prefix)
        for marker, prefix in (
            (APP1, _EXIF),
            (APP1, _XMP),
            (APP1, _EXTENDED_XMP),
            (APP2, _ICC),
            (APP2, _MPF),
        )
    )


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jfif(density: tuple[int, int, int] | None) -> bytes:
    unit, x, y = density or (0, 1, 1)
    return _segment(APP0, b"JFIF\x00\x01\x01" + struct.pack(">BHHBB", unit, x, y, 0, 0))


def _icc_segments(icc: bytes) -> Sequence[bytes]:
    parts = [icc[at : at + _ICC_PART_BYTES] for at in range(0, len(icc), _ICC_PART_BYTES)]
    return [
        _segment(APP2, _ICC + bytes((number, len(parts))) + part)
        for number, part in enumerate(parts, 1)
    ]
