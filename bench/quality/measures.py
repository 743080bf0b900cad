"""What is measured of a result: on luma, but for what has a colour."""

import math
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from restore.providers.generic import run

BORDER = 4  # px left out of every comparison


def psnr(first: Image.Image, second: Image.Image) -> float:
    """PSNR of luma in dB, a border left out; 99 where there is no difference."""
    inner = (BORDER, BORDER, first.width - BORDER, first.height - BORDER)
    pair = (image.convert("L").crop(inner) for image in (first, second))
    counts = ImageChops.difference(*pair).histogram()
    error = sum(value * value * count for value, count in enumerate(counts)) / sum(counts)
    return 10 * math.log10(255 * 255 / error) if error else 99.0


def psnr_within(first: Image.Image, second: Image.Image, mask: Image.Image) -> float:
    """PSNR over RGB in dB where `mask` ("L") is 255; 99 where nothing differs or is masked."""
    bands = ImageChops.difference(first.convert("RGB"), second.convert("RGB")).split()
    counts = [sum(each) for each in zip(*(band.histogram(mask) for band in bands), strict=True)]
    error = sum(value * value * count for value, count in enumerate(counts)) / max(1, sum(counts))
    return 10 * math.log10(255 * 255 / error) if error else 99.0


def difference(first: Image.Image, second: Image.Image) -> Image.Image:
    """Of each pixel the levels by which the channel differs that differs most, as "L"."""
    bands = ImageChops.difference(first.convert("RGB"), second.convert("RGB")).split()
    return ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])


def worst_block(first: Image.Image, second: Image.Image, side: int = 16) -> float:
    """The mean `difference` of the square of `side` px where it is largest.

    It finds the one word that is gone from a page, where PSNR finds a good page.
    """
    return float(difference(first, second).reduce(side).getextrema()[1])  # type: ignore[arg-type]


def restored(
    image: Image.Image, strength: float = 1.0, upscale: int = 1, quality: int | None = None
) -> Image.Image:
    """`image` after a round through the provider, as a PNG or a JPEG of `quality`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "input.png" if quality is None else "input.jpg")
        image.save(path, quality=quality or 95)
        with Image.open(run(str(path), "restoration/classic", strength, upscale)) as result:
            result.load()
            return result
