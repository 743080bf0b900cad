"""What the provider changes of pictures that have no damage: the worst of each kind.

At upscale 1 nothing may change: the PSNR against the input, and the mean difference of the worst
square of 16 px, which finds one lost word. At upscale 2 the picture is first made half as large:
how far the result is above plain Lanczos (dB; below -0.3 is harm), and its worst square against it.
"""

import random
from collections.abc import Iterator, Sequence

from PIL import Image

from bench.quality.fields import KINDS, SIZE
from bench.quality.measures import psnr, restored, worst_block

SEEDS = (1, 2, 3)  # pictures a kind


def table(photos: Sequence[Image.Image]) -> None:
    """Print the worst of each drawn kind, and of clean `photos` (RGB)."""
    print(f"{'kind':12}{'x1 dB':>8}{'block':>8}{'x2 dB':>8}{'block':>8}")
    for name, pictures in _kinds(photos):
        figures = [_measured(picture) for picture in pictures]
        worst = [
            pick(column)
            for pick, column in zip((min, max, min, max), zip(*figures, strict=True), strict=True)
        ]
        print(f"{name:12}{worst[0]:8.1f}{worst[1]:8.0f}{worst[2]:+8.2f}{worst[3]:8.0f}", flush=True)


def _kinds(photos: Sequence[Image.Image]) -> Iterator[tuple[str, Sequence[Image.Image]]]:
    for name, draw in KINDS.items():
        yield name, [draw(SIZE, random.Random(f"{name} {seed}")) for seed in SEEDS]
    if photos:
        yield "photos", photos


def _measured(picture: Image.Image) -> tuple[float, float, float, float]:
    """PSNR and worst square at upscale 1; gain over Lanczos and worst square against it at 2."""
    same = restored(picture)
    even = picture.crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
    small = even.resize((even.width // 2, even.height // 2), Image.Resampling.BICUBIC)
    plain = small.resize(even.size, Image.Resampling.LANCZOS)
    large = restored(small, upscale=2)
    gain = psnr(even, large) - psnr(even, plain)
    return psnr(picture, same), worst_block(picture, same), gain, worst_block(plain, large)
