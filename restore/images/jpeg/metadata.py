"""A JPEG's metadata: read from its segments, and put in as segments.

EXIF (CIPA DC-008 4.7.2), XMP (XMP specification part 3, 1.1.3), ICC profiles (ICC.1 annex B.4) and
JFIF's density (T.871). The rule kept: a picture is never encoded again for their sake.
"""

import struct
from collections.abc import Iterator, Sequence

from restore.images.jpeg.parsing import APP0, APP1, APP2, APP14, SOS, Jpeg, Segment
from restore.images.metadata import Metadata, exif
from restore.images.pieces import Part, Span

_SEGMENT_BYTES = 65_533  # of content, T.81 B.1.1.4
_EXIF = b"Exif\x00\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\x00"
_ICC = b"ICC_PROFILE\x00"
_MPF = b"MPF\x00"
_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\x00"
_EXIF_LIMIT_BYTES = _SEGMENT_BYTES - len(_EXIF)
_XMP_LIMIT_BYTES = _SEGMENT_BYTES - len(_XMP)
_ICC_PART_BYTES = _SEGMENT_BYTES - len(_ICC) - 2
_ICC_LIMIT_BYTES = 255 * _ICC_PART_BYTES


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
    """JFIF's (unit, x, y): unit 1 is dots per inch, 2 per cm, 0 a ratio alone (T.871 10.1).

    None where it states neither a resolution nor a ratio other than 1.
    """
    for segment in jpeg.segments:
        if _is(segment, APP0, b"JFIF\x00", 12):
            unit, x, y = struct.unpack_from(">BHH", segment.content, 7)
            stated = unit in (1, 2) or (unit == 0 and x != y)
            return (unit, x, y) if stated and x and y else None
    return None


def _is(segment: Segment, marker: int, prefix: bytes, at_least: int = 0) -> bool:
    return (
        segment.marker == marker
        and segment.content.startswith(prefix)
        and len(segment.content) >= at_least
    )


def spliced_parts(jpeg: Jpeg, metadata: Metadata) -> list[Part]:
    """The same picture with `metadata` in place of its own.

    Bytes behind the picture's end are left out, and so is what points to further pictures there.
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
    adobe = any(_is(segment, APP14, b"Adobe") for segment in jpeg.segments)
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
            (APP2, _GAIN_MAP),
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
