"""One picture file: opened into channels that can be restored, and written as the same kind again.

It knows Pillow's modes; the rest of the provider knows one or three channels of 0..255 floats, and
perhaps an alpha that is enlarged and never restored. What full transparency hides is replaced, on
opening, by what is seen around it: it counts neither in judgement nor in enlarging.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageChops, JpegImagePlugin

from restore.providers.generic.colour import Channels
from restore.providers.generic.filters.pullpush import pulled_pushed
from restore.providers.generic.planes import Plane
from restore.providers.generic.tiles import Box, mirrored_window
from restore.providers.transparency import packing_of, scale_hidden

_MOST_EXIF = 65_000  # bytes: Pillow's JPEG encoder raises above one segment (13.0, 2026-11-22)
_EXPOSURE = (ExifTags.Base.ExposureTime, ExifTags.Base.FNumber, ExifTags.Base.ISOSpeedRatings)
_SMOOTH = Image.Resampling.BILINEAR
_DEEP = 257.0  # 16-bit levels for one of 8 bits: 65535 = 255 x 257


@dataclass(frozen=True, slots=True)
class Picture:
    """The decoded picture: `image` is L, LA, RGB, RGBA or I;16, its hidden pixels filled in."""

    image: Image.Image
    is_jpeg: bool
    tables: dict[int, list[int]]
    metadata: dict[str, bytes]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.size

    @property
    def is_exposed(self) -> bool:
        """Whether the EXIF holds an exposure, which cameras write and scanners don't."""
        exif = Image.Exif()
        try:
            exif.load(self.metadata.get("exif", b""))
            return any(tag in exif.get_ifd(ExifTags.IFD.Exif) for tag in _EXPOSURE)
        except Exception:  # what Pillow raises for a damaged EXIF is not documented
            return False

    @property
    def has_alpha(self) -> bool:
        """Whether the last band is transparency."""
        return self.image.mode in ("LA", "RGBA")

    def channels(self, box: Box) -> Channels:
        """Grey or RGB within `box`; beyond the edges the picture is mirrored."""
        part = mirrored_window(self.image, box)
        if part.mode == "I;16":
            return [Plane(part.convert("I")).scaled(1 / _DEEP)]
        bands = part.split()
        return [Plane(band) for band in (bands[:-1] if self.has_alpha else bands)]

    def alpha(self, box: Box) -> Plane | None:
        """Transparency within `box`, if there is any."""
        return Plane(mirrored_window(self.image, box).split()[-1]) if self.has_alpha else None

    def visible(self, box: Box) -> Plane | None:
        """1.0 where a pixel within `box` shows at all, else 0.0; None where every pixel does."""
        alpha = self.alpha(box)
        return alpha and alpha.above(Plane.filled(alpha.size, 0.0))

    def eight_bit(self) -> Image.Image:
        """The whole picture as L or RGB bytes, for estimators that look at a small copy of it."""
        if self.image.mode == "I;16":
            return Plane(self.image.convert("I")).scaled(1 / _DEEP).to_bytes()
        if self.has_alpha:
            return self.image.convert(self.image.mode[:-1])
        return self.image

    def packed(self, bands: Channels) -> Image.Image:
        """Channels (and alpha) as an image of this picture's mode."""
        if self.image.mode == "I;16":
            deep = bands[0].scaled(_DEEP, 0.5).clamped(0.0, 65535.0)
            return deep.image.convert("I").convert("I;16")
        return Image.merge(self.image.mode, [band.to_bytes() for band in bands])


def opened(path: Path) -> Picture:
    """Decode the JPEG or PNG at `path`; raises what Pillow raises for a broken one."""
    with Image.open(path, formats=["JPEG", "PNG"]) as image:
        packing = packing_of(image)
        image.load()
        scale_hidden(image, packing)
        tables: dict[int, list[int]] = {}
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            tables = image.quantization
        return Picture(_without_hidden(_workable(image)), bool(tables), tables, _metadata(image))


def _metadata(image: Image.Image) -> dict[str, bytes]:
    """Profile and EXIF, where the result can hold them: no CMYK profile, no EXIF over a segment."""
    kept = {key: image.info[key] for key in ("icc_profile", "exif") if image.info.get(key)}
    if image.mode == "CMYK":
        kept.pop("icc_profile", None)
    if len(kept.get("exif", b"")) > _MOST_EXIF:
        del kept["exif"]
    return kept


def _workable(image: Image.Image) -> Image.Image:
    """`image` in a mode that can be restored, transparency as a band of its own."""
    if image.mode == "I;16" and "transparency" in image.info:
        return _with_alpha(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        return image if image.mode == "I;16" else image.convert("I").convert("I;16")
    transparent = image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info
    if image.mode in ("1", "L", "LA"):
        return image.convert("LA" if transparent else "L")
    return image.convert("RGBA" if transparent else "RGB")


def _with_alpha(deep: Image.Image) -> Image.Image:
    """A 16-bit grey of which one level is transparent, as LA: its depth goes, not its holes."""
    hidden, wide = deep.info["transparency"], deep.convert("I")
    alpha = wide.point([0 if level == hidden else 255 for level in range(65536)], "L")
    grey = wide.point([level // 257 for level in range(65536)], "L")
    return Image.merge("LA", (grey, alpha))


def _without_hidden(image: Image.Image) -> Image.Image:
    """`image` with the colours that full transparency hides replaced by those around."""
    if image.mode not in ("LA", "RGBA") or image.getextrema()[-1][0] > 0:  # type: ignore[index]
        return image
    *bands, alpha = image.split()
    seen = alpha.point([0] + [255] * 255)
    weight = Plane(seen.convert("F").reduce(2)).scaled(1 / 255)
    filled = []
    for band in bands:
        values = Plane(ImageChops.multiply(band, seen).convert("F").reduce(2))
        around = pulled_pushed(values, weight).to_bytes().resize(image.size, _SMOOTH)
        filled.append(Image.composite(band, around, seen))
    return Image.merge(image.mode, [*filled, alpha])


def saved(image: Image.Image, source: Picture, folder: Path) -> Path:
    """Write `image` into `folder` as the kind of file that `source` was."""
    path = folder / ("restored.jpg" if source.is_jpeg else "restored.png")
    if source.is_jpeg:
        image.save(path, "JPEG", quality=95, subsampling=0, **source.metadata)
    else:
        image.save(path, "PNG", compress_level=1, **source.metadata)
    return path
