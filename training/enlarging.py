"""What the enlarging networks learn from: pictures made small, as they are or as JPEG files.

Brightness alone, around 0 in units of 64 grey levels. The loss is the logarithm of each patch's
mean squared error, which is what a mean of PSNR counts: a soft picture's small errors weigh as much
as a sharp one's large ones, so that nothing is invented where there is nothing.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor, nn

from training.networks import DEVICE, Enlarger

UNIT = 64.0  # grey levels
CHANNELS, HIDDEN = 16, 3  # planes inside the network, and convolutions between the ends
PATCH = 40  # px of the small picture
BATCH = 16
FLOOR = (0.6 / UNIT) ** 2  # squared error below which nobody sees a difference
SIDES = (420, 520, 700, 1000)  # px, the longest of the pictures that patches are cut from
QUALITIES = (45, 92)  # of the JPEG files
HELD_OUT = 9  # every so many photographs are for validation alone


Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """A small picture's brightness and what its Lanczos enlargement lacks, in grey levels."""

    small: Array
    missing: Array
    plain: Array


class Enlarging:
    """Trains `Enlarger` on one kind of small picture."""

    rate = 1e-3

    def __init__(self, paths: list[Path], jpeg: bool, seed: int) -> None:
        self.name = "enlarge-jpeg" if jpeg else "enlarge"
        torch.manual_seed(seed)
        model = Enlarger(CHANNELS, HIDDEN).to(DEVICE)
        self.model: nn.Module = model
        self.order = model.order
        self._margin = model.margin
        self._seed = seed
        dice = np.random.default_rng(seed)
        self._pairs = [
            pair
            for number, path in enumerate(paths)
            if number % HELD_OUT
            for pair in _pairs(path, jpeg, dice)
        ]
        for _ in range(12):
            self._pairs.append(_pair(_drawing(dice), jpeg, dice, Image.Resampling.BICUBIC))
        self._weights = np.array([pair.small.size for pair in self._pairs], float) ** 0.5
        self._weights /= self._weights.sum()
        quality = np.random.default_rng(1)
        self._held = [
            _pair(_at_side(path, 480), jpeg, quality, Image.Resampling.BICUBIC, 60)
            for path in paths[::HELD_OUT]
        ]

    def loss(self, step: int) -> Tensor:
        """The mean logarithm of the patches' squared errors."""
        dice = np.random.default_rng([self._seed, step])
        small, missing = self._batch(dice)
        error = (self.model(small) - missing).square().mean(dim=(1, 2, 3))
        return torch.log(error + FLOOR).mean()

    def _batch(self, dice: np.random.Generator) -> tuple[Tensor, Tensor]:
        inner = PATCH - 2 * self._margin
        small: Array = np.empty((BATCH, PATCH, PATCH), np.float32)
        missing: Array = np.empty((BATCH, 2 * inner, 2 * inner), np.float32)
        for k, number in enumerate(dice.choice(len(self._pairs), BATCH, p=self._weights)):
            pair = self._pairs[number]
            top = dice.integers(0, pair.small.shape[0] - PATCH + 1)
            left = dice.integers(0, pair.small.shape[1] - PATCH + 1)
            turn, flip = int(dice.integers(0, 4)), int(dice.integers(0, 2))
            a = pair.small[top : top + PATCH, left : left + PATCH]
            y, x = 2 * (top + self._margin), 2 * (left + self._margin)
            b = pair.missing[y : y + 2 * inner, x : x + 2 * inner]
            small[k] = np.rot90(a[:, ::-1] if flip else a, turn)
            missing[k] = np.rot90(b[:, ::-1] if flip else b, turn)
        return (
            torch.from_numpy(small / UNIT)[:, None].to(DEVICE),
            torch.from_numpy(missing / UNIT)[:, None].to(DEVICE),
        )

    def validate(self, model: nn.Module) -> tuple[float, str]:
        """Mean gain in dB over plain Lanczos on photographs that were never trained on."""
        gains = []
        for pair in self._held:
            planes = torch.from_numpy(pair.small.astype(np.float32) / UNIT)[None, None]
            made = model(planes.to(DEVICE))[0, 0].cpu().numpy() * UNIT
            m = 2 * self._margin
            missing = pair.missing[m:-m, m:-m].astype(np.float32)
            plain = pair.plain[m:-m, m:-m].astype(np.float32) + 128
            result = np.clip(np.rint(plain + made), 0, 255)
            before = np.square(np.clip(np.rint(plain), 0, 255) - (plain + missing)).mean()
            after = np.square(result - (plain + missing)).mean()
            gains.append(10 * np.log10(before / after))
        told = " ".join(f"{gain:+.2f}" for gain in gains)
        return float(np.mean(gains)), f"gain over Lanczos {np.mean(gains):+.3f} dB: {told}"


def _at_side(path: Path, side: int) -> Image.Image:
    """The picture's brightness with `side` as its longest side, sides multiples of 4."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    scale = side / max(picture.size)
    if scale < 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture.crop((0, 0, picture.width // 4 * 4, picture.height // 4 * 4))


def _pairs(path: Path, jpeg: bool, dice: np.random.Generator) -> list[Pair]:
    """One photograph at several sizes: mostly as sharp as it is, one time in six softer."""
    pairs = []
    with Image.open(path) as image:
        longest = max(image.size)
    for side in SIDES:
        if side > longest * 1.05:
            continue
        picture = _at_side(path, side)
        if dice.random() < 1 / 6:
            picture = picture.filter(ImageFilter.GaussianBlur(dice.uniform(0.5, 1.8)))
        method = Image.Resampling.BICUBIC
        if dice.random() < 0.12:
            method = Image.Resampling.BOX if dice.random() < 0.5 else Image.Resampling.LANCZOS
        for _ in range(3 if jpeg else 1):
            if min(picture.size) // 2 >= PATCH:
                pairs.append(_pair(picture, jpeg, dice, method))
    return pairs


def _pair(
    picture: Image.Image,
    jpeg: bool,
    dice: np.random.Generator,
    method: Image.Resampling,
    quality: int | None = None,
) -> Pair:
    small = picture.resize((picture.width // 2, picture.height // 2), method)
    if jpeg:
        memory = io.BytesIO()
        quality = quality or int(dice.integers(*QUALITIES))
        small.save(memory, "JPEG", quality=quality, subsampling=int(dice.choice([0, 2, 2])))
        with Image.open(memory) as image:
            small = image.convert("RGB")
    bright = _luma(small)
    plain = np.asarray(Image.fromarray(bright).resize(picture.size, Image.Resampling.LANCZOS))
    missing = _luma(picture) - plain
    return Pair(bright.astype(np.float16), missing.astype(np.float16), plain.astype(np.float16))


def _luma(picture: Image.Image) -> Array:
    """Rec. 601 brightness around 0: float32, -128..127."""
    levels = np.asarray(picture, np.float32)
    return levels @ np.array([0.299, 0.587, 0.114], np.float32) - 128


def _drawing(dice: np.random.Generator) -> Image.Image:
    """Bars, steps, lattices and strokes on flat grounds: what must stay what it is."""
    image = Image.new("RGB", (960, 960), tuple(dice.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = dice.uniform(0, 960, 2)
        w, h = dice.uniform(6, 240, 2)
        colour = tuple(dice.integers(0, 256, 3).tolist())
        kind = dice.integers(0, 4)
        if kind == 0:
            draw.rectangle((x, y, x + w, y + h), fill=colour)
        elif kind == 1:
            draw.ellipse((x, y, x + w, y + h), fill=colour, outline=(0, 0, 0))
        elif kind == 2:
            draw.line(
                (x, y, x + w - 120, y + h - 120), fill=colour, width=int(dice.integers(2, 12))
            )
        else:
            step = dice.uniform(4, 16)
            for k in range(int(w / step)):
                draw.line((x + k * step, y, x + k * step, y + h), fill=colour, width=int(step / 2))
    return image.resize((480, 480), Image.Resampling.BOX)
