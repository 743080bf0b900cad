"""From what a provider returned to what leaves: checked, in the right format, metadata in place.

The rules kept: what wasn't changed leaves byte for byte; a result that is fine as it stands is
never encoded again; only PNG and JPEG that every viewer opens leave, of exactly the promised size,
upright; and a result that is broken in any way is no result.
"""

import os
import stat
import tempfile
import warnings
from dataclasses import dataclass, replace
from hashlib import file_digest
from typing import BinaryIO

from PIL import Image

from restore.contract import Kind, sniff
from restore.images import jpeg, pixels, png
from restore.images.metadata import Metadata, icc, of_info
from restore.images.normalization import Normalized
from restore.images.pieces import write_pieces
from restore.images.problem import BrokenFile, ImageError, is_of_the_disk

_HEAD_BYTES = 4096
_CONVERTED = {Kind.WEBP: "WEBP", Kind.TIFF: "TIFF", Kind.BMP: "BMP", Kind.GIF: "GIF"}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to leave: upright pixels, "png" or "jpg", with the input's `metadata`.

    `target` is the path of the file to write, without its suffix.
    """

    width: int
    height: int
    extension: str
    metadata: Metadata
    target: str

    def check_size(self, width: int, height: int, orientation: int) -> None:
        if orientation > 4:
            width, height = height, width
        if (width, height) != (self.width, self.height):
            raise BrokenFile(
                f"the result has {width} x {height} pixels, not {self.width} x {self.height}"
            )

    def merge(self, own: Metadata) -> Metadata:
        """The input's metadata, and the result's `own` where the input had none.

        But for colours: the result knows best what its pixels mean. A result that doesn't say
        counts as being in the input's colours, and so does one that copied a profile of the
        input's which didn't fit it.
        """
        size = (self.width, self.height)
        own = own.cleaned(size, size, turned=own.orientation() > 4)
        kept = self.metadata
        if own.icc == kept.unfit:
            own = replace(own, icc=None)
        says_colours = bool(own.icc or own.colour)
        return Metadata(
            exif=kept.exif or own.exif,
            xmp=kept.xmp or own.xmp,
            icc=own.icc if says_colours else kept.icc,
            jfif=kept.jfif if kept.jfif or kept.phys else own.jfif,
            phys=kept.phys if kept.jfif or kept.phys else own.phys,
            colour=own.colour if says_colours else kept.colour,
        )


def finish(normalized: Normalized, produced: str, upscale: int, folder: str) -> str:
    """Turn the file `produced` into the one that leaves; returns its path inside `folder`.

    `upscale` is 1, 2 or 4. Raises ImageError("bad_output"), and OSError where
    the disk fails.
    """
    try:
        _check_place(produced, folder)
        with warnings.catch_warnings(), open(produced, "rb") as file:  # noqa: PTH123
            warnings.simplefilter("ignore")
            return _finish(normalized, produced, file, upscale, folder)
    except (BrokenFile, MemoryError, *pixels.DECODE_ERRORS) as error:
        if is_of_the_disk(error):
            raise
        raise ImageError("bad_output", repr(error)) from error


def _check_place(produced: str, folder: str) -> None:
    """A provider may return a regular file of its own folder, and nothing that points elsewhere."""
    if not isinstance(produced, str | os.PathLike):
        raise BrokenFile(f"the provider returned {type(produced).__name__}, not a path")
    real, home = os.path.realpath(produced), os.path.realpath(folder)
    if os.path.commonpath((real, home)) != home:
        raise BrokenFile(f"the provider's file lies outside of its folder: {produced}")
    if not stat.S_ISREG(os.lstat(produced).st_mode):
        raise BrokenFile(f"the provider's file is no regular file: {produced}")


def _finish(
    normalized: Normalized, produced: str, file: BinaryIO, upscale: int, folder: str
) -> str:
    target = tempfile.mkdtemp(prefix="result-", dir=folder) + "/result"
    if upscale == 1 and normalized.is_upload and _same_bytes(produced, normalized.upload):
        final = f"{target}.{normalized.extension}"
        os.replace(produced, final)  # noqa: PTH105
        return final
    width, height = normalized.width * upscale, normalized.height * upscale
    before = (normalized.width, normalized.height)
    metadata = normalized.metadata.cleaned(before, (width, height))
    wanted = _Wanted(width, height, normalized.extension, metadata, target)
    kind = sniff(file.read(_HEAD_BYTES))
    if kind is Kind.JPEG:
        return _finish_jpeg(file, wanted)
    if kind is Kind.PNG:
        stored = normalized.is_stored and _same_bytes(produced, normalized.path)
        return _finish_png(file, wanted, encode=stored)
    if kind in _CONVERTED:
        return _finish_other(file, _CONVERTED[kind], wanted)
    raise BrokenFile(f"the provider's file is {kind}")


def _same_bytes(one: str, other: str) -> bool:
    if os.path.getsize(one) != os.path.getsize(other):  # noqa: PTH202
        return False
    with open(one, "rb") as first, open(other, "rb") as second:  # noqa: PTH123
        return file_digest(first, "sha256").digest() == file_digest(second, "sha256").digest()


def _finish_jpeg(file: BinaryIO, wanted: _Wanted) -> str:
    parsed = jpeg.parse(file)
    own = jpeg.metadata_of(parsed)
    wanted.check_size(parsed.frame.width, parsed.frame.height, own.orientation())
    merged = wanted.merge(own)
    mode = "L" if len(parsed.frame.components) == 1 else "RGB"
    as_it_is = parsed.ordinary and own.orientation() == 1 and wanted.extension == "jpg"
    if as_it_is and not _to_apply(merged, mode):
        jpeg.check(file, parsed)
        path = f"{wanted.target}.jpg"
        write_pieces(file, jpeg.spliced_parts(parsed, pixels.fitting(merged, mode)), path)
        return path
    jpeg.check(file, parsed)
    image = pixels.decode(file, jpeg.picture_parts(parsed), "JPEG")
    return _encode(image, own, wanted)


def _finish_png(file: BinaryIO, wanted: _Wanted, *, encode: bool) -> str:
    """`encode`: even where the file could leave as it is, for it is not compressed."""
    parsed = png.parse(file)
    own = png.metadata_of(parsed)
    wanted.check_size(parsed.header.width, parsed.header.height, own.orientation())
    png.check(file, parsed)
    merged = wanted.merge(own)
    mode = "L" if parsed.header.colour in (0, 4) else "RGB"
    as_it_is = not encode and own.orientation() == 1 and wanted.extension == "png"
    if as_it_is and not _to_apply(merged, mode):
        path = f"{wanted.target}.png"
        write_pieces(file, png.spliced_parts(parsed, pixels.fitting(merged, mode)), path)
        return path
    image = pixels.decode_png(file, parsed)
    return _encode(image, own, wanted)


def _finish_other(file: BinaryIO, pillow_format: str, wanted: _Wanted) -> str:
    """A format that doesn't leave: decoded by Pillow and encoded anew."""
    file.seek(0)
    with Image.open(file, formats=[pillow_format]) as image:
        own = of_info(image.info)
        wanted.check_size(image.width, image.height, own.orientation())
        image.load()
        return _encode(image, own, wanted)


def _encode(image: Image.Image, own: Metadata, wanted: _Wanted) -> str:
    if image.mode == "CMYK":
        image, own = icc.to_srgb(image, own.icc), replace(own, icc=None)
    image = pixels.upright(pixels.plain(image), own.orientation())
    merged = wanted.merge(own)
    ramp = _to_apply(merged, image.mode)
    if ramp:
        image = pixels.apply_ramp(image, ramp)
    merged = pixels.fitting(merged, image.mode)
    if wanted.extension == "png" or pixels.is_transparent(image):
        path = f"{wanted.target}.png"
        pixels.write_png(image, merged, path)
    else:
        path = f"{wanted.target}.jpg"
        pixels.write_jpeg(image, merged, path)
    return path


def _to_apply(metadata: Metadata, mode: str) -> list[int] | None:
    """What a profile that doesn't fit pixels of `mode` does to their levels, if it matters."""
    if metadata.icc is None or icc.fits(metadata.icc, mode):
        return None
    ramp = icc.grey_ramp(metadata.icc)
    near = ramp is None or all(abs(shown - level) <= 2 for level, shown in enumerate(ramp))
    return None if near else ramp
