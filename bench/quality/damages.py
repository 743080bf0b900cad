"""Ways to spoil a picture, each in a known amount. Marks of wear are `training.damage`'s."""

import io
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from bench.quality.pictures import gauss_noise


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


def faded_print(image: Image.Image, seed: int = 3) -> Image.Image:
    """The same as a scan shows it: with slight noise, and specks both white and black."""
    dice, scan = random.Random(seed), noisy(faded(image), 1.5)
    for _ in range(image.width * image.height * 6 // 10_000):
        tone = 250 if dice.random() < 0.6 else 8
        scan.putpixel((dice.randrange(image.width), dice.randrange(image.height)), (tone,) * 3)
    return scan


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
