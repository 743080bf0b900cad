"""What kind of file an upload is, by its first bytes alone.

File names and declared types are never asked: phones and browsers get both wrong, and attackers
choose them. Pure: bytes in, a Kind out; whether the file is whole, and how large its picture is, is
for restore.images to find out. Rule: whatever is not one of ACCEPTED is refused in a sentence that
says what it is. A file that is two things at once counts as what its first byte starts.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """A kind of file; only the first four are worked on."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    HEIC = "heic"
    AVIF = "avif"
    HEIF = "heif"
    GIF = "gif"
    BMP = "bmp"
    TIFF = "tiff"
    JPEG2000 = "jpeg2000"
    JXL = "jxl"
    ICON = "icon"
    PHOTOSHOP = "photoshop"
    RAW = "raw"
    SVG = "svg"
    PDF = "pdf"
    HTML = "html"
    VIDEO = "video"
    ARCHIVE = "archive"
    TEXT = "text"
    UNKNOWN = "unknown"


ACCEPTED = frozenset({Kind.JPEG, Kind.PNG, Kind.WEBP, Kind.HEIC})

_SEND = "Please send a JPEG, PNG, WEBP or HEIC image."
_REFUSALS = {
    Kind.AVIF: "AVIF images are not supported.",
    Kind.HEIF: "This HEIF file holds no HEIC (HEVC-coded) picture.",
    Kind.GIF: "GIF images are not supported.",
    Kind.BMP: "BMP images are not supported.",
    Kind.TIFF: "TIFF images are not supported.",
    Kind.JPEG2000: "JPEG 2000 images are not supported.",
    Kind.JXL: "JPEG XL images are not supported.",
    Kind.ICON: "Icon files are not supported.",
    Kind.PHOTOSHOP: "Photoshop files are not supported.",
    Kind.RAW: "A camera's raw files are not supported.",
    Kind.SVG: "SVG drawings are not supported.",
    Kind.PDF: "The file is a PDF document, not a photo.",
    Kind.HTML: "The file is a web page, not a photo.",
    Kind.VIDEO: "The file is a video, not a photo.",
    Kind.ARCHIVE: "The file is an archive or an office document, not a photo.",
    Kind.TEXT: "The file is text, not a photo.",
    Kind.UNKNOWN: "The file is no image that can be recognised.",
}

_MAGIC = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", Kind.JPEG2000),
    (b"\xff\x4f\xff\x51", Kind.JPEG2000),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", Kind.JXL),
    (b"\xff\x0a", Kind.JXL),
    (b"II*\x00\x10\x00\x00\x00CR", Kind.RAW),
    (b"IIRO", Kind.RAW),
    (b"IIU\x00", Kind.RAW),
    (b"FUJIFILMCCD-RAW", Kind.RAW),
    (b"FOVb", Kind.RAW),
    (b"II*\x00", Kind.TIFF),
    (b"MM\x00*", Kind.TIFF),
    (b"II+\x00", Kind.TIFF),
    (b"MM\x00+", Kind.TIFF),
    (b"8BPS", Kind.PHOTOSHOP),
    (b"\x00\x00\x01\x00", Kind.ICON),
    (b"\x00\x00\x02\x00", Kind.ICON),
    (b"icns", Kind.ICON),
    (b"%PDF-", Kind.PDF),
    (b"%!PS", Kind.PDF),
    (b"PK\x03\x04", Kind.ARCHIVE),
    (b"PK\x05\x06", Kind.ARCHIVE),
    (b"Rar!\x1a\x07", Kind.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE),
    (b"\x1f\x8b", Kind.ARCHIVE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.ARCHIVE),
    (b"\x1a\x45\xdf\xa3", Kind.VIDEO),
    (b"\x00\x00\x01\xba", Kind.VIDEO),
    (b"OggS", Kind.VIDEO),
    (b"FLV\x01", Kind.VIDEO),
)

_BOM = b"\xef\xbb\xbf"
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|title|meta)\b", re.IGNORECASE)
_SVG = re.compile(rb"<(?:\w+:)?svg\b")
_MARKUP = re.compile(rb"\s*<[?!a-zA-Z]")
_PDF_SEARCH_BYTES = 1024  # readers of PDF look for the header this far into the file
_TEXT_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")

# Brands of ISO/IEC 23008-12 annex B (HEVC) and of AVIF 1.1, section 6.
HEVC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AV1_BRANDS = frozenset({b"avif", b"avis", b"avio"})
_HEIF_BRANDS = frozenset({b"mif1", b"mif2", b"mif3", b"msf1", b"miaf"})
_OTHER_CODED = frozenset({b"avci", b"avcs", b"jpeg", b"jpgs", b"j2ki", b"j2is", b"vvic", b"evbi"})
_HEVC_ITEMS = frozenset({b"hvc1", b"hev1", b"lhv1", b"hvt1"})
_CODED_ITEMS = _HEVC_ITEMS | {
    b"av01",
    b"avc1",
    b"jpeg",
    b"j2k1",
    b"vvc1",
    b"unci",
    b"evc1",
    b"mski",
}
_MAX_BOXES = 20_000  # side by side; a photo of 48 tiles has some 60
_MAX_DEPTH = 8  # a track's sample description stands five deep
_CONTAINERS = frozenset({b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl"})


def sniff(head: bytes) -> Kind:
    """Tell a file's kind by its first bytes (`head`: 4 KiB of them are enough, fewer will do).

    HEIF whose first bytes don't show how it is coded counts as HEIC here; restore.images.inspect
    sees the whole file and refuses what holds no HEVC.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[4:8] == b"ftyp":
        return _sniff_isobmff(head)
    if head.startswith(b"RIFF"):
        return Kind.WEBP if head[8:12] == b"WEBP" else _sniff_riff(head)
    if _is_bmp(head):
        return Kind.BMP
    return _sniff_text(head)


def refusal_sentence(kind: Kind) -> str:
    """Say to the user why a file of this kind is not taken, and what would be."""
    return f"{_REFUSALS[kind]} {_SEND}"


def _is_bmp(head: bytes) -> bool:
    """BM, then a header whose own size is one of those in use (12 to 124 bytes)."""
    return head.startswith(b"BM") and 12 <= int.from_bytes(head[14:18], "little") <= 124


def _sniff_riff(head: bytes) -> Kind:
    return Kind.VIDEO if head[8:12] in (b"AVI ", b"WAVE") else Kind.UNKNOWN


def _sniff_text(head: bytes) -> Kind:
    if b"%PDF-" in head[:_PDF_SEARCH_BYTES]:
        return Kind.PDF
    text = head.removeprefix(_BOM)
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16; good enough to find the markup
        text = text[2:].replace(b"\x00", b"")
    if _MARKUP.match(text):
        return _sniff_markup(text)
    if len(text) > 1 and not _TEXT_CONTROL.intersection(text):
        return Kind.HTML if _HTML.search(text[:512]) else _text_or_unknown(text)
    return Kind.UNKNOWN


def _sniff_markup(text: bytes) -> Kind:
    html, svg = _HTML.search(text), _SVG.search(text)
    if svg and (html is None or svg.start() < html.start()):
        return Kind.SVG
    return Kind.HTML if html else Kind.TEXT


def _text_or_unknown(text: bytes) -> Kind:
    try:
        getincrementaldecoder("utf-8")().decode(text)  # the last character may be cut
    except UnicodeDecodeError:
        return Kind.UNKNOWN
    return Kind.TEXT


# -- ISO base media files (ISO/IEC 14496-12): HEIC, AVIF and most videos


class Box(NamedTuple):
    """One box: `type` is its four letters, `start` and `end` bound its content in the data walked.

    `end` may lie past the end of the data when only the head of a file is at hand, never past the
    end of the box around it.
    """

    type: bytes
    start: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Walk the boxes that lie side by side in `data[start:end]`; ends at the first broken one.

    ISO/IEC 14496-12 section 4.2: a 32-bit size and four letters; size 1 means a 64-bit size
    follows, size 0 means up to the end. Boxes that begin behind the end of the data are not seen.
    One that claims more than the box around it holds gets what there is: so no byte is walked
    twice at one depth, and a file can't make a walk down the depths take for ever.
    """
    outer = end
    end = len(data) if end is None else end
    for _ in range(_MAX_BOXES):
        if start + 8 > min(end, len(data)):
            return
        size = int.from_bytes(data[start : start + 4], "big")
        header = 8
        if size == 1:
            size, header = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        elif size == 0:
            size = end - start
        if size < header:
            return
        stop = start + size if outer is None else min(start + size, outer)
        yield Box(data[start + 4 : start + 8], start + header, stop)
        start += size


def brands(head: bytes) -> tuple[bytes, ...]:
    """The brands in the ftyp box that `head` begins with, the major one first."""
    ftyp = next(boxes(head), None)
    if ftyp is None or ftyp.type != b"ftyp":
        return ()
    content = head[ftyp.start : ftyp.end]
    # A low-overhead file (mif3) names its coding where others have a version number.
    first = 4 if content[:4] == b"mif3" else 8
    compatible = (content[at : at + 4] for at in range(first, len(content) - 3, 4))
    return (content[:4], *compatible)


def coded_as(data: bytes) -> frozenset[bytes]:
    """The types of coded pictures (hvc1, av01, ...) that the boxes in `data` speak of.

    Looks at the item list (iinf/infe), the decoder configurations (hvcC, av1C) and the tracks'
    sample descriptions, as far as `data` reaches.
    """
    return frozenset(_coded_types(data, 0, len(data), depth=0))


def _coded_types(data: bytes, start: int, end: int, depth: int) -> Iterator[bytes]:
    if depth > _MAX_DEPTH:
        return
    for box in boxes(data, start, end):
        if box.type == b"meta":
            yield from _coded_types(data, box.start + 4, box.end, depth + 1)
        elif box.type in _CONTAINERS:
            yield from _coded_types(data, box.start, box.end, depth + 1)
        elif box.type == b"iinf":
            wide = data[box.start : box.start + 1] != b"\x00"
            yield from _coded_types(data, box.start + (8 if wide else 6), box.end, depth + 1)
        elif box.type == b"infe":
            at = box.start + (10 if data[box.start : box.start + 1] == b"\x03" else 8)
            if data[at : at + 4] in _CODED_ITEMS:
                yield data[at : at + 4]
        elif box.type == b"stsd":
            yield from (entry.type for entry in boxes(data, box.start + 8, box.end))
        elif box.type == b"hvcC":
            yield b"hvc1"
        elif box.type == b"av1C":
            yield b"av01"


def holds_hevc(coded: frozenset[bytes]) -> bool:
    """Whether one of these types of coded pictures (see `coded_as`) is HEVC."""
    return bool(coded & _HEVC_ITEMS)


def _sniff_isobmff(head: bytes) -> Kind:
    found = brands(head)
    major, every = found[0] if found else b"", frozenset(found)
    if major == b"crx ":
        return Kind.RAW
    if not every & (HEVC_BRANDS | _AV1_BRANDS | _HEIF_BRANDS | _OTHER_CODED):
        return Kind.VIDEO if major.isascii() and len(major) == 4 else Kind.UNKNOWN
    if major in HEVC_BRANDS:
        return Kind.HEIC
    return _sniff_heif(every, coded_as(head))


def _sniff_heif(every: frozenset[bytes], coded: frozenset[bytes]) -> Kind:
    """HEIF whose major brand leaves open how it is coded: its boxes decide, then its brands."""
    if holds_hevc(coded):
        return Kind.HEIC
    if b"av01" in coded or (every & _AV1_BRANDS and not every & HEVC_BRANDS):
        return Kind.AVIF
    if coded & _CODED_ITEMS or (every & _OTHER_CODED and not every & HEVC_BRANDS):
        return Kind.HEIF
    return Kind.HEIC
