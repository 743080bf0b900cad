"""The pictures that are measured on: painted scenes, the same in every run, or a folder of photos.

Scenes are easier than photos: compare figures of scenes with each other, never with photos'.
"""

import random
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIDE = 320  # px of a scene, and the longest of a photo
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


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


def photos(folder: Path, side: int = SIDE) -> Iterator[Image.Image]:
    """The pictures of a folder as RGB, at most `side` pixels long, sides multiples of 4."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            with Image.open(path) as image:
                image.thumbnail((side, side), Image.Resampling.LANCZOS)
                yield image.convert("RGB").crop((0, 0, image.width // 4 * 4, image.height // 4 * 4))
