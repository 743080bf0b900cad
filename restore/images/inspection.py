"""Looking at an upload's header: can it be read, and how large is the picture?

No pixel is decoded and no memory set aside for what a header claims. The rule kept: 1 to 4096
pixels a side, known before anything is promised to the client.
"""

from pathlib import Path
from typing import BinaryIO

from restore.contract import MAX_SIDE_PX, Kind
from restore.images import heic, jpeg, png, webp
from restore.images.pixels import DECODE_ERRORS
from restore.images.problem import BrokenFile, ImageError


def inspect(path: str, kind: str) -> tuple[int, int]:
    """Width and height of the picture in pixels, as its header has them (HEIC: upright).

    `image` is a path or the file's bytes, `kind` is the sniffed one. Raises ImageError:
    `image_unreadable`, `image_dimensions` (with the picture's size), or `unsupported_image` for
    HEIF that turns out to hold no HEVC.
    """
    try:
        with Path(path).open("rb") as file:
            width, height = _size(file, Kind(kind))
    except (BrokenFile, MemoryError, *DECODE_ERRORS) as error:
        raise ImageError("image_unreadable", f"{kind}: {error}") from error
    if width < 1 or height < 1:
        raise ImageError("image_unreadable", f"{kind}: {width} x {height}", width, height)
    if max(width, height) > MAX_SIDE_PX:
        raise ImageError("image_dimensions", f"{kind}: {width} x {height}", width, height)
    return width, height


def _size(file: BinaryIO, kind: Kind) -> tuple[int, int]:
    if kind is Kind.JPEG:
        frame = jpeg.read_frame(file)
        if frame.precision != 8 or len(frame.components) not in (1, 3, 4):
            raise BrokenFile(f"{frame.precision} bit, {len(frame.components)} components")
        return frame.width, frame.height
    if kind is Kind.PNG:
        header = png.read_header(file)
        return header.width, header.height
    if kind is Kind.WEBP:
        return webp.read_size(file)
    if heic.is_foreign(file):
        raise ImageError("unsupported_image", "HEIF without HEVC")
    return heic.read_size(file)
