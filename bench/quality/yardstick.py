"""The table of damages: PSNR of luma before and after, and what a gain was when last tuned."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from bench.quality.damages import as_jpeg, blurred, faded_print, noisy, scratched
from bench.quality.measures import psnr, restored


@dataclass(frozen=True, slots=True)
class Damage:
    """One way to spoil a picture; `least` is the gain in dB that painted scenes must reach."""

    name: str
    apply: Callable[[Image.Image], Image.Image]
    least: float
    quality: int | None = None  # saved as a JPEG of this quality, else as PNG
    upscale: int = 1


def _same(image: Image.Image) -> Image.Image:
    return image


DAMAGES = (
    Damage("clean", _same, 0.0),
    Damage("noise 10", lambda image: noisy(image, 10), 5.5),
    Damage("noise 25", lambda image: noisy(image, 25), 6.8),
    Damage("jpeg 30", _same, 1.1, quality=30),
    Damage("jpeg 15 as png", lambda image: as_jpeg(image, 15), 1.0),
    Damage("blur 1", lambda image: blurred(image, 1), 4.2),
    Damage("blur 2", lambda image: blurred(image, 2), 2.4),
    Damage("fade", faded_print, 5.0),
    Damage("scratch", scratched, 4.4),
    Damage("x2", _same, 3.0, upscale=2),
    Damage("x4", _same, 1.0, upscale=4),
)


def measured(reference: Image.Image, damage: Damage, strength: float) -> tuple[float, float]:
    """PSNR before (plainly enlarged where it is enlarged) and after."""
    small = reference
    if damage.upscale > 1:
        size = (reference.width // damage.upscale, reference.height // damage.upscale)
        small = reference.resize(size, Image.Resampling.BICUBIC)
    spoilt = damage.apply(small)
    before = spoilt if damage.quality is None else as_jpeg(spoilt, damage.quality)
    before = before.resize(reference.size, Image.Resampling.BICUBIC)
    return psnr(reference, before), psnr(
        reference, restored(spoilt, strength, damage.upscale, damage.quality)
    )


def table(pictures: Sequence[Image.Image], strength: float, *, watched: bool) -> int:
    """Print the table; returns how many gains were below their floor, none unless `watched`."""
    lost = 0
    print(f"{'damage':16}{'before':>8}{'after':>8}{'gain':>8}{'least':>8}{'s/MP':>8}")
    for damage in DAMAGES:
        started = time.process_time()
        pairs = [measured(picture, damage, strength) for picture in pictures]
        seconds = time.process_time() - started
        before, after = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        megapixels = sum(picture.width * picture.height for picture in pictures) / 1e6
        below = watched and after - before < damage.least
        lost += below
        print(
            f"{damage.name:16}{before:8.2f}{after:8.2f}{after - before:+8.2f}{damage.least:8.1f}"
            f"{seconds / megapixels:8.2f}{'  LOSS' if below else ''}"
        )
    return lost
