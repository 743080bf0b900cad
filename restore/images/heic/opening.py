"""HEIC files: opened by libheif, with what it would do beside the picture's needs turned off.

The rules kept: pixels come out of libheif upright already (`irot` and `imir` are part of the
picture), so an orientation that EXIF or XMP speak of is never applied to them; one decode thread;
thumbnails, depth maps and gain maps are left aside; of a sequence the first picture is taken;
colours that nclx names count like an ICC profile.
"""

import io
import struct
from typing import BinaryIO

import pillow_heif
from PIL import Image

from restore.contract import MAX_SIDE_PX, boxes, coded_as, holds_hevc
from restore.images.heic import checking, colour, sequence
from restore.images.problem import BrokenFile

pillow_heif.register_heif_opener(
    thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
)

# The only major brands that pillow_heif 1.8 asks libheif about.
_OPENED = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})


def is_foreign(file: BinaryIO) -> bool:
    """Whether the file's pictures are, by its boxes, coded otherwise than as HEVC."""
    file.seek(0)
    coded = coded_as(file.read())
    return bool(coded) and not holds_hevc(coded)


def read_size(file: BinaryIO) -> tuple[int, int]:
    """Width and height of the primary picture, upright, in pixels. Raises as open_picture does.

    Pillow isn't asked, for it refuses to say how large a picture of half a gigapixel is; and where
    libheif doesn't open one that large either (1.19), its largest claim is returned.
    """
    data = _still(file)
    try:
        width, height = pillow_heif.open_heif(io.BytesIO(data)).size
    except (OSError, ValueError, RuntimeError, EOFError, SyntaxError):
        width, height = _largest_claim(data)
        if max(width, height) <= MAX_SIDE_PX:
            raise
    return width, height


def _largest_claim(data: bytes) -> tuple[int, int]:
    """The largest size in the file's ispe properties (ISO/IEC 23008-12 section 6.5.3)."""
    content = list(boxes(data))
    for kind, skipped in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        content = [
            inner
            for box in content
            if box.type == kind
            for inner in boxes(data, box.start + skipped, box.end)
        ]
    claims = [data[box.start + 4 : box.start + 12] for box in content if box.type == b"ispe"]
    sizes = (struct.unpack(">II", claim) for claim in claims if len(claim) == 8)
    return max(sizes, default=(0, 0), key=max)


def open_picture(file: BinaryIO) -> Image.Image:
    """Open the primary picture; nothing is decoded yet. Raises BrokenFile, or as Pillow."""
    return Image.open(io.BytesIO(_still(file)), formats=["HEIF"])


def _still(file: BinaryIO) -> bytes:
    """The file as one that pillow_heif opens: a still picture, with a major brand it knows."""
    file.seek(0)
    data = file.read()
    if not sequence.has_still(data):
        return sequence.first_picture(data)
    return data if data[8:12] in _OPENED else data[:8] + b"heic" + data[12:]


def load(image: Image.Image, file: BinaryIO) -> tuple[Image.Image, bytes | None]:
    """Decode what open_picture made of `file`: its pixels, and its nclx as an ICC profile.

    Raises BrokenFile where not all of the picture is there, or it is of another size than the file
    said.
    """
    data = _still(file)
    checking.check_extents(data)
    claimed = image.size
    image.load()
    if image.size != claimed:
        raise BrokenFile(f"HEIC: {image.size} pixels where {claimed} were promised")
    checking.check_tiles(data, image)
    nclx = colour.nclx_of(image.info)
    if nclx is None:
        return image, None
    return colour.as_screen_shows(image, nclx, data), nclx.profile()
