"""How well `generic` restores, told by Pillow alone: so that a contributor sees a loss.

    python -m bench.quality [--photos FOLDER] [--strength 1.0]

Damages clean pictures in known ways, restores them, and prints the PSNR of luma before and after.
Without --photos it paints its own scenes (always the same ones), and ends with status 1 where a
gain fell below what it was when this file was last tuned. Scenes are easier than photos: compare
its figures with its own, never with those of others.
"""

import argparse
import io
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from restore.providers.generic import run

SIDE = 320  # px of a scene, and the longest of a photo
BORDER = 4  # px left out of every comparison


# ------------------------------------------------------------------ pictures


def scene(seed: int, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    """A painted RGB picture with what photos have: sky, shaded bodies, hard edges, texture."""
    dice = random.Random(seed)
    width, height = size[0] * 2, size[1] * 2
    sky = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("RGB", [sky.point(_ramp(dice.randint(0, 90), 250)) for _ in range(3)])
    draw = ImageDraw.Draw(image)
    for _ in range(26):
        x, y, r = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(8, width / 7)
        colour = tuple(dice.randint(4, 252) for _ in range(3))
        if dice.random() < 0.5:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        else:
            draw.rectangle((x - r, y - r / 2, x + r, y + r / 2), fill=colour)
    for _ in range(8):
        x, y, long = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(40, 160)
        draw.line((x, y, x + long, y + dice.uniform(-40, 40)), fill=(25, 22, 20), width=14)
    draw.rectangle((0, 0, 40, 40), fill=(3, 3, 3))
    draw.rectangle((width - 40, 0, width, 40), fill=(252, 252, 252))
    lens = ImageFilter.GaussianBlur(0.2)
    return _textured(image.resize(size, Image.Resampling.BOX).filter(lens), dice)


def _ramp(low: int, high: int) -> list[int]:
    return [low + (high - low) * value // 255 for value in range(256)]


def _textured(image: Image.Image, dice: random.Random) -> Image.Image:
    """Soft texture over the lower half: grass, cloth, leaves."""
    width, height = image.size
    coarse = gauss_noise((width // 2, height // 4), 14, dice)
    texture = coarse.resize((width, height // 2), Image.Resampling.BICUBIC)
    lower = (0, height - texture.height, width, height)
    patch = image.crop(lower)
    image.paste(ImageChops.add(patch, Image.merge("RGB", [texture] * 3), 1, -128), lower[:2])
    return image


def gauss_noise(size: tuple[int, int], sigma: float, dice: random.Random) -> Image.Image:
    """White noise of deviation `sigma` around 128, as "L"."""
    count = size[0] * size[1]
    values = (dice.gauss(128, sigma) for _ in range(count))
    return Image.frombytes("L", size, bytes(min(255, max(0, round(v))) for v in values))


def photos(folder: Path) -> Iterator[Image.Image]:
    """The pictures of a folder as RGB, at most `SIDE` pixels long, sides multiples of 4."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"):
            with Image.open(path) as image:
                image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
                yield image.convert("RGB").crop((0, 0, image.width // 4 * 4, image.height // 4 * 4))


# ------------------------------------------------------------------ damage


def noisy(image: Image.Image, sigma: float, seed: int = 1) -> Image.Image:
    """Independent noise in each channel."""
    dice = random.Random(seed)
    bands = [
        ImageChops.add(band, gauss_noise(image.size, sigma, dice), 1, -128)
        for band in image.split()
    ]
    return Image.merge(image.mode, bands)


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    """What is left after JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as again:
        return again.convert(image.mode)


def faded(image: Image.Image) -> Image.Image:
    """Lifted blacks, low contrast, a warm cast."""
    lines = ((0.70, 46), (0.66, 38), (0.54, 26))
    bands = [
        band.point([round(gain * value + lift) for value in range(256)])
        for band, (gain, lift) in zip(image.split(), lines, strict=True)
    ]
    return Image.merge("RGB", bands)


def scratched(image: Image.Image, seed: int = 1) -> Image.Image:
    """Thin light lines and dust."""
    dice, damaged = random.Random(seed), image.copy()
    draw = ImageDraw.Draw(damaged)
    width, height = image.size
    for _ in range(5):
        x, y = dice.uniform(0, width), dice.uniform(0, height / 2)
        draw.line((x, y, x + dice.uniform(-20, 20), y + height / 2), fill=(240, 240, 238), width=1)
    for _ in range(width * height // 2500):
        x, y, r = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(0.4, 1.2)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(238, 238, 236))
    return damaged


def blurred(image: Image.Image, sigma: float) -> Image.Image:
    """A Gaussian blur and the slight noise of any scan."""
    return noisy(image.filter(ImageFilter.GaussianBlur(sigma)), 1.0)


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
    Damage("jpeg 30", _same, 0.7, quality=30),
    Damage("jpeg 15 as png", lambda image: as_jpeg(image, 15), 0.7),
    Damage("blur 1", lambda image: blurred(image, 1), 4.2),
    Damage("blur 2", lambda image: blurred(image, 2), 2.4),
    Damage("fade", faded, 7.0),
    Damage("scratch", scratched, 4.4),
    Damage("x2", _same, 3.0, upscale=2),
    Damage("x4", _same, 1.0, upscale=4),
)


# ------------------------------------------------------------------ measuring


def psnr(first: Image.Image, second: Image.Image) -> float:
    """PSNR of luma in dB, a border left out; 99 where there is no difference."""
    inner = (BORDER, BORDER, first.width - BORDER, first.height - BORDER)
    pair = (image.convert("L").crop(inner) for image in (first, second))
    counts = ImageChops.difference(*pair).histogram()
    error = sum(value * value * count for value, count in enumerate(counts)) / sum(counts)
    return 10 * math.log10(255 * 255 / error) if error else 99.0


def restored(image: Image.Image, damage: Damage, strength: float = 1.0) -> Image.Image:
    """`image` after a round through the provider."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "input.png" if damage.quality is None else "input.jpg")
        image.save(path, quality=damage.quality or 95)
        with Image.open(run(str(path), "restoration/classic", strength, damage.upscale)) as result:
            result.load()
            return result


def measured(reference: Image.Image, damage: Damage, strength: float) -> tuple[float, float]:
    """PSNR before (plainly enlarged where it is enlarged) and after."""
    small = reference
    if damage.upscale > 1:
        size = (reference.width // damage.upscale, reference.height // damage.upscale)
        small = reference.resize(size, Image.Resampling.BICUBIC)
    spoilt = damage.apply(small)
    before = spoilt if damage.quality is None else as_jpeg(spoilt, damage.quality)
    before = before.resize(reference.size, Image.Resampling.BICUBIC)
    return psnr(reference, before), psnr(reference, restored(spoilt, damage, strength))


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 where a gain on the painted scenes is below its floor."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--photos", type=Path, help="a folder of clean photos instead of scenes")
    parser.add_argument("--strength", type=float, default=1.0)
    options = parser.parse_args(arguments)
    pictures = list(photos(options.photos)) if options.photos else [scene(n) for n in (2, 3, 4)]
    watched = options.photos is None and options.strength == 1.0
    lost = 0
    print(f"{'damage':16}{'before':>8}{'after':>8}{'gain':>8}{'least':>8}{'s/MP':>8}")
    for damage in DAMAGES:
        started = time.process_time()
        pairs = [measured(picture, damage, options.strength) for picture in pictures]
        seconds = time.process_time() - started
        before, after = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        megapixels = sum(picture.width * picture.height for picture in pictures) / 1e6
        below = watched and after - before < damage.least
        lost += below
        print(
            f"{damage.name:16}{before:8.2f}{after:8.2f}{after - before:+8.2f}{damage.least:8.1f}"
            f"{seconds / megapixels:8.2f}{'  LOSS' if below else ''}"
        )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
