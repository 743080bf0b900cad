"""Pixels: decoding, turning upright, encoding. The only place where whole pictures are in memory.

The rules kept: Pillow opens only the format that was sniffed; nothing truncated is ever filled up
(`LOAD_TRUNCATED_IMAGES` stays False); no needless second copy.
"""

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import BinaryIO, cast

from PIL import Image, UnidentifiedImageError

from restore.contract import MAX_SIDE_PX, UPSCALES
from restore.images import jpeg, png
from restore.images.metadata import Metadata, icc
from restore.images.pieces import Part, open_pieces

# Pillow warns above this and refuses twice as much. Uploads are held to MAX_SIDE_PX before they
# are decoded; what is larger is a result of ours, which a provider, too, may have to open again.
Image.MAX_IMAGE_PIXELS = (MAX_SIDE_PX * max(UPSCALES)) ** 2

# What Pillow and its codecs raise for damaged files (EOFError: WEBP and HEIC; SyntaxError: PNG).
DECODE_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    SyntaxError,
    TypeError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
    UnidentifiedImageError,
    Image.DecompressionBombError,
)

JPEG_QUALITY = 95
# PNG level 1 costs 0.56 s for 12 megapixels, level 6 2.3 s and 8 % fewer bytes (Pillow 13.0).
_PNG_LEVEL = 1

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def opens(file: BinaryIO, pillow_format: str) -> bool:
    """Whether Pillow opens the whole file, metadata included, as one single picture."""
    file.seek(0)
    try:
        with Image.open(file, formats=[pillow_format]) as image:
            return getattr(image, "n_frames", 1) == 1
    except DECODE_ERRORS:
        return False


def decode(file: BinaryIO, parts: Sequence[Part], pillow_format: str) -> Image.Image:
    """Decode the picture that `parts` of `file` make. Raises one of DECODE_ERRORS."""
    with open_pieces(file, parts) as stream, Image.open(stream, formats=[pillow_format]) as image:
        image.load()
        return image


def decode_png(file: BinaryIO, parsed: png.Png) -> Image.Image:
    """Decode a PNG's picture. Raises one of DECODE_ERRORS.

    Pillow scales samples of 1, 2, 4 and 16 bit to 8, but leaves the colour that tRNS makes
    transparent as it stands, and so never finds it (Pillow 13.0; of 1 bit, 12.0).
    """
    image = decode(file, png.picture_parts(parsed), "PNG")
    hidden, depth = image.info.get("transparency"), parsed.header.depth
    if image.mode in ("1", "L") and depth < 8 and isinstance(hidden, int):
        del image.info["transparency"]
        image = image.convert("L")
        image.info["transparency"] = min(255, hidden * 255 // ((1 << depth) - 1))
    elif image.mode == "RGB" and depth == 16 and isinstance(hidden, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in hidden)
    return image


def plain(image: Image.Image) -> Image.Image:
    """The picture in one of the modes L, I;16, RGB, RGBA."""
    if image.mode in ("L", "RGB", "RGBA", "I;16") and "transparency" not in image.info:
        return image
    if image.mode in ("RGBa", "La", "LA", "PA") or "transparency" in image.info:
        return _with_alpha(image)
    if image.mode == "P":
        return image.convert(image.palette.mode if image.palette else "RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def _with_alpha(image: Image.Image) -> Image.Image:
    """As RGBA. A 16-bit grey that is transparent (tRNS) loses depth, not its transparency."""
    if image.mode != "I;16":
        return image.convert("RGBA")
    hidden = image.info["transparency"]
    wide = image.convert("I")
    alpha = wide.point([0 if level == hidden else 255 for level in range(65536)], "L")
    grey = to_8_bit(image)
    return Image.merge("RGBA", (grey, grey, grey, alpha))


def to_8_bit(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey (Pillow's own conversion clips instead of scaling)."""
    return image.convert("I").point([level // 257 for level in range(65536)], "L")


def is_transparent(image: Image.Image) -> bool:
    """Whether any pixel is less than opaque."""
    return image.mode == "RGBA" and sum(image.histogram()[768:1023]) > 0


def apply_ramp(image: Image.Image, ramp: Sequence[int]) -> Image.Image:
    """Map each level of L, RGB or RGBA (its alpha excepted) through the 256 values of `ramp`."""
    if image.mode == "I;16":
        return image
    table = [*ramp] * min(3, len(image.getbands())) + [*range(256)] * (image.mode == "RGBA")
    return image.point(table)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn by an EXIF orientation (1..8)."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def fitting(metadata: Metadata, mode: str) -> Metadata:
    """The same without a profile that doesn't fit pixels of `mode`."""
    fits = metadata.icc is None or icc.fits(metadata.icc, mode)
    return metadata if fits else replace(metadata, icc=None)


def write_png(image: Image.Image, metadata: Metadata, path: str) -> None:
    """Write a new PNG that holds `metadata`."""
    image.info = {}
    with _Spliced(path, 33, lambda head: head + png.chunks_of(metadata)) as file:  # behind IHDR
        image.save(cast("BinaryIO", file), "PNG", compress_level=_PNG_LEVEL)


def write_jpeg(image: Image.Image, metadata: Metadata, path: str) -> None:
    """Write a new JPEG that holds `metadata`: quality 95, no colour subsampling."""
    if image.mode not in ("L", "RGB"):
        image = to_8_bit(image) if image.mode == "I;16" else image.convert("RGB")
    image.info = {}
    begin = jpeg.header(metadata)  # in place of Pillow's SOI and JFIF, which are 20 bytes
    with _Spliced(path, 20, lambda _: begin) as file:
        image.save(cast("BinaryIO", file), "JPEG", quality=JPEG_QUALITY, subsampling=0)


class _Spliced(io.RawIOBase):
    """A new file whose first `size` bytes go through `change` on their way to the disk."""

    def __init__(self, path: str, size: int, change: Callable[[bytes], bytes]) -> None:
        self._file = open(path, "xb")  # noqa: PTH123, SIM115
        self._size = size
        self._change = change
        self._head: bytes | None = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self._head is None:
            return self._file.write(data)
        self._head += data
        if len(self._head) >= self._size:
            head, rest = self._head[: self._size], self._head[self._size :]
            self._head = None
            self._file.write(self._change(head) + rest)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
