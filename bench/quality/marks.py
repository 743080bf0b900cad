"""What the provider finds of drawn scratches and dust, and how well it fills what it found.

By width, by tone (light, dark, coloured) and by ground (as it is, after JPEG, with grain). It is
measured from outside, so that one finder can be compared with another: a marked pixel is *found*
where the result is nearer to the clean picture than half way; a pixel counts as *taken for a mark*
where the result differs from the input by more than the ground explains, and rightly so within two
pixels of a drawn mark. The hole's PSNR is that of the marked pixels, before and after.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from PIL import Image, ImageChops, ImageFilter

from bench.quality.damages import as_jpeg
from bench.quality.measures import difference, psnr_within, restored
from training import damage

SCRATCHES, DUST = 6, 30  # marks a picture
WIDTHS = {"scratch": (1, 2, 3, 5, 8, 12), "dust": (2, 3, 4, 6, 8, 12)}
TONES = {"light": (240, 238, 232), "dark": (20, 18, 16), "coloured": (30, 130, 130)}
NEAR = 5  # px: the window of what lies within two pixels of a mark
GRAIN = 8.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What a scan does to print and marks; `explained`: levels that its removal may move pixels."""

    laid: Callable[[Image.Image, random.Random], Image.Image]
    explained: int


def _as_is(picture: Image.Image, _dice: random.Random) -> Image.Image:
    return picture


def _jpeg(picture: Image.Image, _dice: random.Random) -> Image.Image:
    return as_jpeg(picture, 60)


def _grain(picture: Image.Image, dice: random.Random) -> Image.Image:
    return as_jpeg(damage.grainy(picture, GRAIN, 0.0, dice), 88)


GROUNDS = {"as is": Ground(_as_is, 14), "JPEG": Ground(_jpeg, 20), "grain": Ground(_grain, 36)}


@dataclass(slots=True)
class Tally:
    """Counts of pixels, and the hole's PSNR of each picture, before and after."""

    marked: int = 0
    found: int = 0
    taken: int = 0
    rightly: int = 0
    holes: list[tuple[float, float]] = field(default_factory=list)

    def line(self) -> str:
        recall = self.found / max(1, self.marked)
        right = f"{self.rightly / self.taken:10.2f}" if self.taken else f"{'-':>10}"
        before, after = (fmean(column) for column in zip(*self.holes, strict=True))
        return f"{recall:8.3f}{right}{before:9.2f}{after:9.2f}{after - before:+8.2f}"


def table(pictures: Sequence[Image.Image]) -> None:
    """Draw all kinds on all `pictures` (RGB), restore them and print the table."""
    widths = [f"{kind} {width:2} px" for kind in WIDTHS for width in WIDTHS[kind]]
    others = [*(f"tone {tone}" for tone in TONES), *(f"ground {ground}" for ground in GROUNDS)]
    tallies = {row: Tally() for row in (*widths, *others, "all")}
    for number, picture in enumerate(pictures):
        for kind, width, tone, ground in _kinds():
            dice = random.Random(f"{number} {kind} {width} {tone} {ground}")
            rows = (f"{kind} {width:2} px", f"tone {tone}", f"ground {ground}", "all")
            _measure(picture, kind, width, tone, ground, dice, [tallies[row] for row in rows])
    print(f"{'':18}{'recall':>8}{'precision':>10}{'hole':>9}{'filled':>9}{'gain':>8}")
    for row, tally in tallies.items():
        print(f"{row:18}{tally.line()}")


def _kinds() -> Iterator[tuple[str, int, str, str]]:
    for kind, widths in WIDTHS.items():
        for width in widths:
            for tone in TONES:
                for ground in GROUNDS:
                    yield kind, width, tone, ground


def _measure(
    clean: Image.Image,
    kind: str,
    width: int,
    tone: str,
    ground: str,
    dice: random.Random,
    tallies: Sequence[Tally],
) -> None:
    """Mark one picture, restore it, and count it in each of `tallies`."""
    canvas, count = damage.Canvas(clean.size, dice), SCRATCHES if kind == "scratch" else DUST
    alpha = damage.cover(damage.KINDS[kind], canvas, count, (width, width))
    opacity = dice.uniform(0.65, 1.0)
    alpha = alpha.point([round(v * opacity) for v in range(256)])
    marked = damage.laid(clean, alpha, TONES[tone], 0)
    seen = damage.visible(clean, marked, alpha)
    given = GROUNDS[ground].laid(marked, dice)
    result = restored(given)
    half = difference(given, clean).point([v // 2 for v in range(256)])
    found = ImageChops.subtract(half, difference(result, clean)).point([0] + [255] * 255)
    moved = difference(given, result)
    explained = GROUNDS[ground].explained
    taken = moved.point([255 * (v > explained) for v in range(256)])
    near = alpha.point([255 * (v > 0) for v in range(256)]).filter(ImageFilter.MaxFilter(NEAR))
    hole = psnr_within(given, clean, seen), psnr_within(result, clean, seen)
    for tally in tallies:
        tally.marked += _count(seen)
        tally.found += _count(ImageChops.darker(found, seen))
        tally.taken += _count(taken)
        tally.rightly += _count(ImageChops.darker(taken, near))
        tally.holes.append(hole)


def _count(mask: Image.Image) -> int:
    return mask.histogram()[255]
