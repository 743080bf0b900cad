"""From an upload to what a provider gets: an upright single picture, JPEG or PNG.

The upload itself where it is that already; its first picture alone where more follow (MPO, APNG),
still without touching a coded byte; else a lossless upright PNG. The rules kept: a damaged or
incomplete file fails here, before anybody works on it, never as a half grey picture; and what a
provider opens has been opened and decoded here once.
"""

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from PIL import Image

from restore.contract import Kind
from restore.images import heic, jpeg, pixels, png, webp
from restore.images.metadata import Metadata, icc, of_info
from restore.images.pieces import Part, write_pieces
from restore.images.problem import BrokenFile, ImageError, is_of_the_disk


@dataclass(frozen=True, slots=True)
class Normalized:
    """What a provider gets, and what is to be remembered until it has done its work.

    `path` is the file for the provider, `upload` the file as it came, both plain paths; `width` and
    `height` are upright pixels; `is_upload`: `path` holds the upload's own bytes; `is_stored`: it
    is a PNG without compression. `extension` is what leaves unless the result turns out
    transparent, `metadata` what goes with it.
    """

    path: str
    upload: str
    width: int
    height: int
    is_upload: bool
    is_stored: bool
    extension: str
    metadata: Metadata


def normalize(upload: str, kind: str, folder: str) -> Normalized:
    """Make the provider's input of the file `upload`, inside `folder`.

    `kind` is the sniffed one. Raises ImageError("decode_failed"), and OSError where the disk fails.
    """
    ways: dict[Kind, Callable[[BinaryIO, str, str], Normalized]] = {
        Kind.JPEG: _normalize_jpeg,
        Kind.PNG: _normalize_png,
        Kind.WEBP: _normalize_webp,
        Kind.HEIC: _normalize_heic,
    }
    try:
        with warnings.catch_warnings(), open(upload, "rb") as file:  # noqa: PTH123
            warnings.simplefilter("ignore")  # what Pillow finds odd is no news to the log
            return ways[Kind(kind)](file, upload, folder)
    except (BrokenFile, MemoryError, *pixels.DECODE_ERRORS) as error:
        if is_of_the_disk(error):
            raise
        raise ImageError("decode_failed", f"{kind}: {error!r}") from error


def _normalize_jpeg(file: BinaryIO, upload: str, folder: str) -> Normalized:
    parsed = jpeg.parse(file)
    jpeg.check(file, parsed)
    found = jpeg.metadata_of(parsed)
    frame = parsed.frame
    if len(frame.components) == 3:
        found = _in_colour(found)
    if found.orientation() == 1 and parsed.ordinary:
        as_it_is = parsed.closed and pixels.opens(file, "JPEG")
        path = f"{folder}/input.jpg"
        _hand_over(file, None if as_it_is else jpeg.spliced_parts(parsed, found), upload, path)
        return Normalized(path, upload, frame.width, frame.height, as_it_is, False, "jpg", found)
    image = pixels.decode(file, jpeg.picture_parts(parsed), "JPEG")
    if image.mode == "CMYK":
        image = icc.to_srgb(image, found.icc)
        found = replace(found, icc=None)
    return _write_upright(image, found, upload, folder, "jpg")


def _normalize_png(file: BinaryIO, upload: str, folder: str) -> Normalized:
    parsed = png.parse(file)
    png.check(file, parsed)
    found = png.metadata_of(parsed)
    header = parsed.header
    if header.colour not in (0, 4):
        found = _in_colour(found)
    if found.orientation() == 1:
        as_it_is = parsed.ordinary and pixels.opens(file, "PNG")
        path = f"{folder}/input.png"
        _hand_over(file, None if as_it_is else png.spliced_parts(parsed, found), upload, path)
        return Normalized(path, upload, header.width, header.height, as_it_is, False, "png", found)
    image = pixels.decode_png(file, parsed)
    return _write_upright(image, found, upload, folder, "png")


def _normalize_webp(file: BinaryIO, upload: str, folder: str) -> Normalized:
    found = _in_colour(webp.read_metadata(file))
    file.seek(0)
    with Image.open(file, formats=["WEBP"]) as image:
        image.load()
        return _write_upright(image, found, upload, folder, "png")


def _normalize_heic(file: BinaryIO, upload: str, folder: str) -> Normalized:
    with heic.open_picture(file) as opened:
        found = of_info(opened.info)
        image, profile = heic.load(opened, file)
        found = replace(found, icc=found.icc or profile)
        if image.mode.startswith("RGB"):
            found = _in_colour(found)
        if image.mode == "I;16":  # grey of 10 or 12 bit: a JPEG of 8 bit leaves, so why give more?
            image = pixels.to_8_bit(image)
        extension = "png" if image.mode in ("RGBA", "RGBa", "LA", "La") else "jpg"
        return _write_upright(image, found, upload, folder, extension, turn=False)


def _in_colour(found: Metadata) -> Metadata:
    """The metadata of an upload in colour: a profile that speaks of anything else is set aside."""
    if found.icc is None or icc.fits(found.icc, "RGB"):
        return found
    return replace(found, icc=None, unfit=found.icc)


def _hand_over(file: BinaryIO, parts: list[Part] | None, upload: str, path: str) -> None:
    """Give the provider a copy of the upload, or the `parts` of it that make one picture."""
    if parts is None:
        shutil.copyfile(upload, path)
        return
    write_pieces(file, parts, path)


def _write_upright(
    image: Image.Image,
    found: Metadata,
    upload: str,
    folder: str,
    extension: str,
    *,
    turn: bool = True,
) -> Normalized:
    """Write the picture as an upright PNG; HEIC's pixels are upright already (`turn` False)."""
    orientation = found.orientation() if turn else 1
    upright = pixels.upright(pixels.plain(image), orientation)
    cleaned = found.cleaned(image.size, upright.size, turned=orientation > 4)
    path = f"{folder}/input.png"
    png.write(upright, png.chunks_of(pixels.fitting(cleaned, upright.mode)), path)
    return Normalized(path, upload, *upright.size, False, True, extension, cleaned)
