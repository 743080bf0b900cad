"""Makes a small picture in every kind of file: with Pillow and pillow_heif, or by hand.

The picture is drawn so that each of the eight orientations looks different and each channel too.
Everything is made from numbers alone: the same bytes in every run of the same libraries.
"""

import io
import struct
import zlib
from binascii import crc32
from collections.abc import Sequence
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, ImageDraw

pillow_heif.register_heif_opener()

WIDTH, HEIGHT = 48, 32
EXIF = b"Exif\0\0"  # what EXIF data begins with in a JPEG


def drawing(mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    """Smooth colours and one marked corner, so that no turn or flip maps it on itself.

    With alpha (LA, RGBA) the lower right part is half, and a stripe fully transparent.
    """
    width, height = size
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", (across, down, Image.new("L", size, 90)))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 4, height // 4), fill=(230, 40, 30))
    draw.rectangle((width // 2, 0, width - 1, height // 6), fill=(20, 60, 220))
    if mode in ("RGBA", "LA"):
        alpha = Image.new("L", size, 255)
        mask = ImageDraw.Draw(alpha)
        mask.rectangle((width // 2, height // 2, width, height), fill=128)
        mask.rectangle((0, height - height // 8, width // 2, height), fill=0)
        image.putalpha(alpha)
    if mode == "CMYK":
        return Image.merge("CMYK", (*image.convert("CMYK").split()[:3], across.point(_quarter)))
    return image.convert(mode)


def _quarter(level: int) -> int:
    return level // 4


def encode(image: Image.Image, pillow_format: str, **options: Any) -> bytes:
    """The image as a file of that format."""
    buffer = io.BytesIO()
    image.save(buffer, pillow_format, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    """What Pillow decodes of a file."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def exif(orientation: int | None = None, **more: Any) -> bytes:
    """An EXIF block, as Pillow takes it, with a maker's name, a description and a nested date."""
    block = Image.Exif()
    block[0x010F] = "Maker"
    block[0x010E] = more.get("description", "what it shows")
    if orientation is not None:
        block[0x0112] = orientation
    sub: dict[int, Any] = {0x9003: "2026:11:22 10:00:00"}
    if "size" in more:
        sub[0xA002], sub[0xA003] = more["size"]
    if "maker_note" in more:
        sub[0x927C] = more["maker_note"]
    block.get_ifd(0x8769).update(sub)
    data = block.tobytes()
    return data if data.startswith(EXIF) else EXIF + data


def exif_with_thumbnail(orientation: int = 1) -> tuple[bytes, bytes]:
    """An EXIF block, made by hand, whose IFD1 holds a JPEG; returns both."""
    thumbnail = encode(drawing(size=(16, 12)), "JPEG")
    first = [(0x0112, 3, 1, struct.pack("<HH", orientation, 0)), (0x0128, 3, 1, b"\x02\0\0\0")]
    second_at = 8 + 2 + 12 * len(first) + 4
    picture_at = second_at + 2 + 12 * 2 + 4
    second = [
        (0x0201, 4, 1, struct.pack("<I", picture_at)),
        (0x0202, 4, 1, struct.pack("<I", len(thumbnail))),
    ]
    head = EXIF + b"II*\0" + struct.pack("<I", 8)
    return head + _ifd(first, second_at) + _ifd(second, 0) + thumbnail, thumbnail


def _ifd(entries: Sequence[tuple[int, int, int, bytes]], following: int) -> bytes:
    packed = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)


def xmp(orientation: int | None = None) -> bytes:
    """An XMP packet; the orientation as an attribute."""
    attribute = "" if orientation is None else f' tiff:Orientation="{orientation}"'
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Make="Maker"{attribute}/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def wide_profile() -> bytes:
    """Display P3's primaries with a gamma of 2.2, written by hand (ICC.1 version 2)."""
    primaries = (
        (b"rXYZ", (0.51512, 0.2412, -0.00105)),
        (b"gXYZ", (0.29198, 0.69225, 0.04189)),
        (b"bXYZ", (0.1571, 0.06657, 0.78407)),
        (b"wtpt", (0.9642, 1.0, 0.8249)),
    )
    tags = [(name, _xyz(value)) for name, value in primaries]
    tags += [(name, _gamma(2.2)) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return _profile(b"RGB ", tags)


def grey_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", [(b"kTRC", _gamma(gamma)), (b"wtpt", _xyz((0.9642, 1.0, 0.8249)))])


def cmyk_profile() -> bytes:
    """A printer's profile in miniature: a table (lut8) of 2 x 2 x 2 x 2 inks to Lab.

    Each ink takes away a quarter more than plain arithmetic would, so that applying it shows.
    """
    corners = []
    for number in range(16):
        c, m, y, k = (number >> shift & 1 for shift in (3, 2, 1, 0))
        light = 255 * (1 - k) * (4 - c - m - y) // 4
        corners.append(bytes((light, 128 + 60 * (m - c) * (1 - k), 128 + 50 * (y - 1) * (1 - k))))
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if at % 4 == 0 else 0 for at in range(9)))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + ramp * 4 + b"".join(corners) + ramp * 3
    return _profile(b"CMYK", [(b"A2B0", table), (b"wtpt", _xyz((0.9642, 1.0, 0.8249)))], b"prtr")


def _profile(space: bytes, tags: list[tuple[bytes, bytes]], kind: bytes = b"mntr") -> bytes:
    tags = [(b"desc", b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)), *tags]
    tags.append((b"cprt", b"text\0\0\0\0none\0"))
    pcs = b"Lab " if kind == b"prtr" else b"XYZ "
    at = 128 + 4 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for name, value in tags:
        value += bytes(-len(value) % 4)
        table += name + struct.pack(">II", at + len(content), len(value))
        content += value
    head = struct.pack(">I4sI4s4s4s", at + len(content), b"none", 0x02200000, kind, space, pcs)
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    return head.ljust(128, b"\0") + table + content


def _xyz(value: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(part * 65536) for part in value))


def _gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


# -- JPEG by hand


def jpeg_segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """The JPEG with more segments behind its SOI."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def without_segment(jpeg: bytes, marker: int) -> bytes:
    """The JPEG without its first segment of that marker."""
    start = jpeg.index(bytes((0xFF, marker)))
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") :]


# -- PNG by hand


def png_chunk(kind: bytes, content: bytes) -> bytes:
    crc = crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def png(
    header: tuple[int, int, int, int, int], rows: bytes, *chunks: bytes, level: int = 6
) -> bytes:
    """A PNG of (width, height, depth, colour type, interlace), filtered rows, more chunks."""
    width, height, depth, colour, interlace = header
    first = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", first),
            *chunks,
            png_chunk(b"IDAT", zlib.compress(rows, level)),
            png_chunk(b"IEND", b""),
        )
    )


def half_hidden_png(depth: int, colour: int, hidden: int) -> bytes:
    """8 x 16 pixels, the upper half of the level `hidden`, which tRNS hides, the lower black.

    Grey (colour 0) of 1 to 16 bits, or RGB (2) of 16.
    """
    samples = 3 if colour == 2 else 1
    row = struct.pack(">H", hidden) * 8 * samples
    if depth < 16:
        row = bytes([sum(hidden << shift for shift in range(0, 8, depth))]) * depth
    rows = (b"\0" + row) * 8 + bytes(1 + len(row)) * 8
    trns = png_chunk(b"tRNS", struct.pack(">H", hidden) * samples)
    return png((8, 16, depth, colour, 0), rows, trns)


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """The PNG with more chunks behind its IHDR."""
    return data[:33] + b"".join(chunks) + data[33:]


# -- WEBP by hand


def webp_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) & 1)


def riff(*chunks: bytes) -> bytes:
    content = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


# -- HEIF by hand


def box(kind: bytes, *content: bytes) -> bytes:
    joined = b"".join(content)
    return struct.pack(">I", len(joined) + 8) + kind + joined


def full_box(kind: bytes, *content: bytes, version: int = 0) -> bytes:
    return box(kind, bytes((version, 0, 0, 0)), *content)
