"""ICC profiles (ICC.1): which pixels they speak of, and applying them.

A profile that fits a picture's pixels is kept byte for byte; one that doesn't fit what leaves is
applied, to sRGB. A broken profile never breaks a job: then colours stay as Pillow converts them.
"""

import io
from functools import lru_cache

from PIL import Image, ImageCms

_SPACES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK", b"Lab ": "LAB"}


def space(icc: bytes) -> str | None:
    """The Pillow mode whose pixels the profile speaks of, None where its header doesn't say.

    ICC.1:2022 section 7.2: the colour space stands at byte 16, the signature `acsp` at 36.
    """
    if icc[36:40] != b"acsp":
        return None
    return _SPACES.get(icc[16:20], "other")


def fits(icc: bytes, mode: str) -> bool:
    """Whether the profile may stand in a file with pixels of `mode`.

    One whose header is unreadable counts as fitting: viewers ignore it, and it is kept as it came.
    """
    plain = "L" if mode in ("1", "L", "LA", "I;16", "I") else "RGB"
    return space(icc) in (None, plain)


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """A CMYK picture as sRGB, through its profile where that can be used."""
    if icc and space(icc) == image.mode:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, profile, _srgb(), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def grey_ramp(icc: bytes) -> list[int] | None:
    """What the 256 greys of the profile's space are in sRGB; None where that can't be told."""
    mode = space(icc)
    if mode not in ("L", "RGB"):
        return None
    ramp = Image.frombytes("L", (256, 1), bytes(range(256))).convert(mode)
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        shown = ImageCms.profileToProfile(ramp, profile, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return None if shown is None else list(shown.getchannel("G").tobytes())


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
