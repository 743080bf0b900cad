"""What the network of marks learns from: photographs and drawn things, aged and then damaged.

A patch is made by its number and the seed alone. Patches are used a few times, turned and
mirrored, since drawing one takes as long as learning from it: at each step a few new ones take the
place of the oldest.
"""

import random
from collections import OrderedDict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageChops, ImageFilter
from torch import Tensor, nn
from torch.nn import functional

from training import damage
from training.negatives import shade, sky, with_things
from training.networks import DEVICE, Marker

UNIT = 64.0  # grey levels
CHANNELS = (12, 24, 32)  # planes at half, a quarter and an eighth of the size
PATCH = 144  # px
MARGIN = 8  # px that count for nothing: beyond the patch the network sees zeros
BATCH = 8
POOL = 600  # patches that are kept
FRESH = 2  # patches that are new at each step
HELD_OUT = 9  # every so many photographs are for validation alone
VALIDATION = 150  # patches
PRECISE = 0.8  # of what is found: recall is scored at the first probability that reaches it
HARM_COST = 100.0  # of recall for each share of an unmarked patch that is taken for a mark
NEGATIVE_WEIGHT = 2.0  # of a pixel of a patch without any marks

Array: TypeAlias = npt.NDArray[Any]


class Marking:
    """Trains `Marker`."""

    name = "marks"
    rate = 1.5e-3

    def __init__(self, paths: list[Path], seed: int) -> None:
        torch.manual_seed(seed)
        self.model: nn.Module = Marker(*CHANNELS).to(DEVICE)
        self.order = list(Marker.ORDER)
        self._seed = seed
        self._photos = [_opened(p) for n, p in enumerate(paths) if n % HELD_OUT]
        held = [_opened(p) for p in paths[::HELD_OUT]]
        self._pool: OrderedDict[int, tuple[Array, Array]] = OrderedDict()
        self._held = [patch(held, random.Random(f"held {n}")) for n in range(VALIDATION)]

    def loss(self, step: int) -> Tensor:
        """Cross entropy, weighted by pixel."""
        planes, wanted, weight = self._batch(step)
        logits = self.model(planes)
        loss = functional.binary_cross_entropy_with_logits(logits, wanted, weight, reduction="sum")
        return loss / weight.sum()

    def _batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        dice = np.random.default_rng([self._seed, step])
        first = step * FRESH
        for number in range(first, first + POOL):
            if number not in self._pool:
                self._pool[number] = patch(self._photos, random.Random(f"{self._seed} {number}"))
        while len(self._pool) > POOL:
            self._pool.popitem(last=False)
        numbers = list(self._pool)
        planes, labels = [], []
        for k in dice.choice(len(numbers), BATCH, replace=False):
            a, b = self._pool[numbers[k]]
            turn, flip = int(dice.integers(0, 4)), int(dice.integers(0, 2))
            planes.append(np.rot90(a[:, :, ::-1] if flip else a, turn, (1, 2)))
            labels.append(np.rot90(b[:, ::-1] if flip else b, turn))
        return _tensors(np.stack(planes), np.stack(labels))

    def validate(self, model: nn.Module) -> tuple[float, str]:
        """The best recall over drawn marks at PRECISE, less the cost of what is found of none."""
        found, true, harm = np.zeros(100), np.zeros(100), np.zeros(100)
        marks = clean = 0
        for planes, label in self._held:
            given, wanted, weight = _tensors(planes[None], label[None])
            p = torch.sigmoid(model(given))
            bins = (p * 99.99).long().flatten().cpu().numpy()
            use = weight.flatten().cpu().numpy() > 0
            hit = wanted.flatten().cpu().numpy() > 0.5
            if label.max() == 0:
                harm += np.bincount(bins[use], minlength=100)
                clean += int(use.sum())
            else:
                found += np.bincount(bins[use], minlength=100)
                true += np.bincount(bins[use & hit], minlength=100)
                marks += int((use & hit).sum())
        found, true, harm = (np.cumsum(v[::-1])[::-1] for v in (found, true, harm))
        precision, recall = true / np.maximum(found, 1), true / max(1, marks)
        harmed = harm / max(1, clean)
        score = (recall - HARM_COST * harmed)[precision >= PRECISE].max(initial=-1.0)
        told = " ".join(
            f"p>.{k}: {recall[k]:.2f}/{precision[k]:.2f}/{harmed[k]:.3%}" for k in (30, 50, 70, 90)
        )
        return float(score), f"score {score:.3f}; recall/precision/harm {told}"


def _tensors(planes: Array, labels: Array) -> tuple[Tensor, Tensor, Tensor]:
    """Planes, what is wanted, and the weight of each pixel; labels: 0 no, 1 mark, 2 uncertain."""
    given = planes.astype(np.float32)
    given[:, 0] -= 128
    wanted = (labels == 1).astype(np.float32)
    weight = (labels != 2).astype(np.float32)
    empty = (labels != 0).sum(axis=(1, 2)) == 0
    weight[empty] *= NEGATIVE_WEIGHT
    weight[:, :MARGIN], weight[:, -MARGIN:] = 0, 0
    weight[:, :, :MARGIN], weight[:, :, -MARGIN:] = 0, 0
    return (
        torch.from_numpy(given / UNIT).to(DEVICE),
        torch.from_numpy(wanted)[:, None].to(DEVICE),
        torch.from_numpy(weight)[:, None].to(DEVICE),
    )


def _opened(path: Path) -> list[Image.Image]:
    """A photograph at full and at smaller sizes."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    sizes = [picture]
    while max(sizes[-1].size) > 700:
        last = sizes[-1]
        size = (round(last.width * 0.6), round(last.height * 0.6))
        sizes.append(last.resize(size, Image.Resampling.LANCZOS))
    return sizes


def patch(photos: list[list[Image.Image]], dice: random.Random) -> tuple[Array, Array]:
    """Brightness and colourfulness (2 x h x w bytes) of one patch, and its labels (h x w)."""
    picture = _ground(photos, dice)
    if dice.random() < 0.45:
        picture = with_things(picture, dice)
    picture = damage.printed(picture, dice) if dice.random() < 0.8 else picture
    label = Image.new("L", picture.size, 0)
    sure = label
    if dice.random() < 0.65:
        before = picture
        picture, label = damage.marked(picture, dice, 0.3 + dice.random())
        sure = _clear(before, picture, label)
    picture = damage.scanned(picture, dice)
    levels = np.asarray(picture, np.float32)
    bright = levels @ np.array([0.299, 0.587, 0.114], np.float32)
    colourful = levels.max(axis=2) - levels.min(axis=2)
    planes = np.stack([np.rint(bright), colourful]).astype(np.uint8)
    marks = np.asarray(sure) > 0
    around = np.asarray(label.filter(_GROWN)) > 0
    return planes, np.where(marks, 1, np.where(around, 2, 0)).astype(np.uint8)


def _clear(before: Image.Image, after: Image.Image, label: Image.Image) -> Image.Image:
    """The marks that stand out of the texture they lie on; nobody could tell the others."""
    grey = before.convert("L")
    rough = ImageChops.difference(grey, grey.filter(ImageFilter.BoxBlur(3)))
    rough = rough.filter(ImageFilter.BoxBlur(6)).point([min(255, 2 * v) for v in range(256)])
    change = ImageChops.difference(after.convert("L"), grey)
    stands_out = ImageChops.subtract(change, rough).point([0] + [255] * 255)
    return ImageChops.darker(label, stands_out)


def _ground(photos: list[list[Image.Image]], dice: random.Random) -> Image.Image:
    """A piece of a photograph, mostly; else a page, a smooth ground or points of light."""
    kind, size = dice.random(), (PATCH, PATCH)
    if kind < 0.06:
        return Image.new("RGB", size, (dice.choice((255, 255, dice.randint(0, 255))),) * 3)
    if kind < 0.16:
        return shade(size, dice)
    if kind < 0.22:
        return sky(size, dice)
    sizes = dice.choice(photos)
    picture = sizes[int(len(sizes) * dice.random() ** 0.7)]
    if min(picture.size) < PATCH:
        picture = sizes[0]
    left = dice.randint(0, max(0, picture.width - PATCH))
    top = dice.randint(0, max(0, picture.height - PATCH))
    piece = picture.crop((left, top, left + PATCH, top + PATCH))
    return piece.transpose(dice.choice(list(Image.Transpose))) if dice.random() < 0.5 else piece


_GROWN = ImageFilter.MaxFilter(3)
