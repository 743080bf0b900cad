"""The colours that a HEIC names by numbers: nclx (ISO/IEC 23091-2, ITU-T H.273).

A JPEG or PNG can't say it that way, so what leaves says it by an ICC profile, with pixels as they
are. Only the levels of HDR (PQ and HLG), which no viewer of JPEGs knows, are made those of a screen
first. The rules kept: an ICC profile in the file goes before; what is as good as sRGB is left
without a word, as viewers take it; what is unknown or unspecified counts as sRGB.

The curves of BT.709, BT.601 and BT.2020 are a camera's, and the screen that such pictures are made
on shows them by another (BT.1886), which sRGB's is near: as viewers of stills do, sRGB's is named.
"""

import io
from dataclasses import dataclass

import pillow_heif
from PIL import Image, ImageFilter

from restore.images import pixels
from restore.images.heic import tonemapping
from restore.images.metadata import icc

_SRGB_PRIMARIES = 1
_CORNERS = ("red", "green", "blue", "white")
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}  # H.273 table 3; all but HDR's others count as sRGB's
_PQ, _HLG = 16, 18
_NAMES = {9: "BT.2020", 12: "Display P3"}
_SPECULAR = 0.005  # the share of a picture that may be brighter than its brightest parts
_SAMPLES = 128  # pixels a side that the brightness is measured on: half a per cent is 82 of them
_STRIP_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Nclx:
    """`primaries` and `transfer` are H.273's numbers, `corners` the x and y of R, G, B and white.

    `corners` is empty where the primaries are unknown or unspecified.
    """

    primaries: int
    transfer: int
    corners: tuple[tuple[float, float], ...]

    @property
    def is_hdr(self) -> bool:
        return self.transfer in (_PQ, _HLG)

    def profile(self) -> bytes | None:
        """The ICC profile that says the same of the pixels that leave; None for sRGB."""
        gamma = _GAMMAS.get(self.transfer)
        if not self.corners or (self.primaries == _SRGB_PRIMARIES and gamma is None):
            return None
        name = _NAMES.get(self.primaries, f"H.273 primaries {self.primaries}")
        return icc.rgb_profile(
            name if gamma is None else f"{name}, gamma {gamma}", self.corners, gamma
        )


def nclx_of(info: dict[str | tuple[int, int], object]) -> Nclx | None:
    """What Pillow's `info` of a HEIC holds of nclx; None where there is none, or an ICC profile."""
    found = info.get("nclx_profile")
    if not isinstance(found, dict) or info.get("icc_profile"):
        return None
    corners = tuple(
        (
            float(found.get(f"color_primary_{each}_x", 0)),
            float(found.get(f"color_primary_{each}_y", 0)),
        )
        for each in _CORNERS
    )
    return Nclx(
        int(found.get("color_primaries", 2)),
        int(found.get("transfer_characteristics", 2)),
        corners if all(y > 0 for _, y in corners) else (),
    )


def as_screen_shows(image: Image.Image, nclx: Nclx, data: bytes) -> Image.Image:
    """An HDR picture in levels of sRGB's curve, its primaries as they were; others unchanged.

    `image` is what Pillow decoded of the file `data`. Raises what libheif raises.
    """
    if not nclx.is_hdr:
        return image
    if image.mode not in ("RGB", "RGBA"):
        grey = pixels.to_8_bit(image) if image.mode == "I;16" else image.convert("L")
        return as_screen_shows(grey.convert("RGB"), nclx, b"").getchannel("G")
    brightest = _brightest(image, nclx.transfer)
    if nclx.transfer == _HLG:
        size, table = tonemapping.hlg_table(brightest)
        return image.filter(ImageFilter.Color3DLUT(size, table))
    curve = tonemapping.pq_curve(brightest)
    shown = _deep(data, curve) if data else None
    if shown is None or shown.size != image.size:
        shown = image.convert("RGB").point(_levels(curve, 256) * 3)
    if image.mode == "RGBA":
        shown.putalpha(image.getchannel("A"))
    return shown


def _brightest(image: Image.Image, transfer: int) -> float:
    """The light in cd/m2 that all but the picture's few brightest pixels stay below."""
    sample = image.resize((_SAMPLES, _SAMPLES), Image.Resampling.NEAREST).tobytes()
    bands = zip(*(sample[band :: len(image.mode)] for band in range(3)), strict=True)
    if transfer == _HLG:
        scene = [tonemapping.hlg_to_scene(level / 255) for level in range(256)]
        lights = (tonemapping.hlg_to_light(scene[r], scene[g], scene[b]) for r, g, b in bands)
        found = sorted(max(light) for light in lights)
    else:
        found = sorted(tonemapping.pq_to_light(max(levels) / 255) for levels in bands)
    return found[int((1 - _SPECULAR) * len(found))]


def _levels(curve: tonemapping.Curve, count: int) -> list[int]:
    return [round(255 * curve(signal / (count - 1))) for signal in range(count)]


def _deep(data: bytes, curve: tonemapping.Curve) -> Image.Image | None:
    """The picture through `curve` from all its bits: PQ of 8 bit would show bands in each sky.

    None where it has 8 bit, or alpha.
    """
    file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    deep = file[file.primary_index]
    if deep.mode != "RGB;16":
        return None
    levels, samples, (width, height) = _levels(curve, 65536), memoryview(deep.data), deep.size
    shown, rows = Image.new("RGB", (width, height)), max(1, _STRIP_BYTES // (6 * width))
    for top in range(0, height, rows):
        count = min(rows, height - top)
        strip = samples[6 * width * top : 6 * width * (top + count)]
        wide = Image.frombytes("I;16", (3 * width, count), strip).convert("I").point(levels, "L")
        shown.paste(Image.frombytes("RGB", (width, count), wide.tobytes()), (0, top))
    return shown
