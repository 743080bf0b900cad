"""What the network of JPEG clean-up learns from: photographs before and after a JPEG file.

Brightness alone. A patch lies on the grid of 8 x 8 pixels, of which the network is told, as it is
of how coarse the file's quantization is. The loss is that of `enlarging`.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from restore.providers.generic.estimators.jpeg import coarseness_of
from training.networks import DEVICE, Cleaner

UNIT = 64.0  # grey levels
CHANNELS, HIDDEN = 18, 3
PATCH = 64  # px
BATCH = 16
FLOOR = (0.6 / UNIT) ** 2  # squared error below which nobody sees a difference
SIDES = (420, 600, 900)  # px, the longest of the pictures that patches are cut from
QUALITIES = (8, 88)
VARIANTS = 4  # JPEG files of a picture at each size
HELD_OUT = 9  # every so many photographs are for validation alone
HELD_QUALITIES = (15, 30, 60)

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """A file's brightness and what it was before, both 0..255, and how coarse the file is."""

    given: Array
    wanted: Array
    coarse: float


class Cleaning:
    """Trains `Cleaner`."""

    name = "clean-jpeg"
    rate = 1.5e-3

    def __init__(self, paths: list[Path], seed: int) -> None:
        torch.manual_seed(seed)
        model = Cleaner(CHANNELS, HIDDEN).to(DEVICE)
        self.model: nn.Module = model
        self.order = model.order
        self._margin, self._seed = 2 * model.margin, seed
        dice = np.random.default_rng(seed)
        self._pairs = [
            pair
            for number, path in enumerate(paths)
            if number % HELD_OUT
            for pair in _pairs(path, dice)
        ]
        self._weights = np.array([pair.given.size for pair in self._pairs], float) ** 0.5
        self._weights /= self._weights.sum()
        self._held = [
            _pair(_at_side(path, 480), quality, 2)
            for path in paths[::HELD_OUT]
            for quality in HELD_QUALITIES
        ]

    def loss(self, step: int) -> Tensor:
        """The mean logarithm of the patches' squared errors."""
        dice = np.random.default_rng([self._seed, step])
        given: Array = np.empty((BATCH, PATCH, PATCH), np.float32)
        wanted: Array = np.empty((BATCH, PATCH, PATCH), np.float32)
        coarse: Array = np.empty(BATCH, np.float32)
        for k, number in enumerate(dice.choice(len(self._pairs), BATCH, p=self._weights)):
            pair = self._pairs[number]
            top = 8 * dice.integers(0, (pair.given.shape[0] - PATCH) // 8 + 1)
            left = 8 * dice.integers(0, (pair.given.shape[1] - PATCH) // 8 + 1)
            given[k] = pair.given[top : top + PATCH, left : left + PATCH]
            wanted[k] = pair.wanted[top : top + PATCH, left : left + PATCH]
            coarse[k] = pair.coarse
        m = self._margin
        missing = (wanted - given)[:, None, m:-m, m:-m] / UNIT
        made = self.model(_tensor((given - 128) / UNIT)[:, None], _tensor(coarse))
        return torch.log((made - _tensor(missing)).square().mean(dim=(1, 2, 3)) + FLOOR).mean()

    def validate(self, model: nn.Module) -> tuple[float, str]:
        """Mean gain in dB on photographs that were never trained on."""
        gains: dict[int, list[float]] = {quality: [] for quality in HELD_QUALITIES}
        m = self._margin
        for number, pair in enumerate(self._held):
            given = pair.given.astype(np.float32)
            made = model(
                _tensor((given - 128) / UNIT)[None, None], _tensor(np.array([pair.coarse]))
            )
            inner, wanted = given[m:-m, m:-m], pair.wanted[m:-m, m:-m].astype(np.float32)
            result = np.clip(np.rint(inner + made[0, 0].cpu().numpy() * UNIT), 0, 255)
            before, after = np.square(inner - wanted).mean(), np.square(result - wanted).mean()
            gain = 10 * math.log10(before / after)
            gains[HELD_QUALITIES[number % len(HELD_QUALITIES)]].append(gain)
        told = " ".join(f"q{quality} {np.mean(v):+.2f}" for quality, v in gains.items())
        mean = float(np.mean(list(gains.values())))
        return mean, f"gain {mean:+.3f} dB: {told}"


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32)).to(DEVICE)


def _at_side(path: Path, side: int) -> Image.Image:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    scale = side / max(picture.size)
    if scale < 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture.crop((0, 0, picture.width // 8 * 8, picture.height // 8 * 8))


def _pairs(path: Path, dice: np.random.Generator) -> list[Pair]:
    """One photograph at several sizes, turned, mirrored and off its grid, as several files."""
    with Image.open(path) as image:
        longest = max(image.size)
    pairs = []
    for side in SIDES:
        if side > longest * 1.05:
            continue
        picture = _at_side(path, side)
        for _ in range(VARIANTS):
            turned = picture
            if dice.random() < 0.8:
                turned = picture.transpose(Image.Transpose(int(dice.integers(0, 7))))
            left, top = (int(value) for value in dice.integers(0, 8, 2))
            right, bottom = left + turned.width - 8, top + turned.height - 8
            if min(turned.size) >= PATCH + 8:
                quality = int(dice.integers(*QUALITIES))
                subsampling = int(dice.choice([0, 2, 2]))
                pairs.append(_pair(turned.crop((left, top, right, bottom)), quality, subsampling))
    return pairs


def _pair(picture: Image.Image, quality: int, subsampling: int) -> Pair:
    memory = io.BytesIO()
    picture.save(memory, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(memory) as image:
        coarse = coarseness_of(image.quantization[0])  # type: ignore[attr-defined]
        file = image.convert("RGB")
    return Pair(
        np.asarray(file.convert("L")),
        np.asarray(picture.convert("L")),
        math.log2(max(1.0, coarse)) - 4,
    )
