"""Draws what ages a print: scratches, cracks, fibres, dust, flakes, tone and grain.

On Pillow and the standard library alone, so that the benchmark of marks draws with the same hand.
Shapes are drawn at four times the size and averaged down, so that edges are as soft as a scan's.
`marked()` tells which pixels it marked, as far as anyone could see them.
"""

import io
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter

FINE = 4  # times the size that shapes are drawn at
SEEN_ALPHA = 0.3  # of a mark's cover: below it is only an edge
SEEN_CHANGE = 14  # grey levels: below nobody sees a mark
Point = tuple[float, float]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """One kind of marks: how they are drawn, how wide (px), how many on a square of 128 px."""

    draw: Callable[[ImageDraw.ImageDraw, "Canvas", float], None]
    widths: tuple[float, float]
    most: int


@dataclass(frozen=True, slots=True)
class Canvas:
    """The size that is drawn on, in pixels of the picture, and the dice."""

    size: tuple[int, int]
    dice: random.Random

    def point(self) -> Point:
        """Anywhere on the canvas."""
        return self.dice.uniform(0, self.size[0]), self.dice.uniform(0, self.size[1])


def stroke(draw: ImageDraw.ImageDraw, points: Sequence[Point], width: float, fill: int) -> None:
    """A line through `points`, in pixels of the picture, with round joints where it is wide."""
    fine = [(x * FINE, y * FINE) for x, y in points]
    thick = max(1, round(width * FINE))
    draw.line(fine, fill=fill, width=thick, joint="curve" if thick > 6 else None)


def path(
    canvas: Canvas, start: Point, angle: float, length: float, bend: float, jitter: float
) -> list[Point]:
    """Points every few pixels from `start`: turning by `bend` a pixel, trembling by `jitter`."""
    (x, y), points = start, [start]
    step = max(2.0, length / 40)
    for _ in range(max(1, int(length / step))):
        angle += bend * step + canvas.dice.gauss(0, jitter)
        x, y = x + math.cos(angle) * step, y + math.sin(angle) * step
        points.append((x, y))
    return points


def scratch(draw: ImageDraw.ImageDraw, canvas: Canvas, width: float) -> None:
    """A long line, straight, curved or trembling; one in three is broken."""
    dice = canvas.dice
    angle = dice.gauss(math.pi / 2, 0.25) if dice.random() < 0.5 else dice.uniform(0, math.pi)
    length = dice.uniform(20, 1.6 * max(canvas.size))
    kind = dice.random()
    bend = dice.gauss(0, 0.006) if kind < 0.5 else 0.0
    jitter = dice.uniform(0.03, 0.25) if kind > 0.75 else 0.0
    points = path(canvas, _back(canvas.point(), angle, length / 2), angle, length, bend, jitter)
    fill = dice.randint(140, 255)
    if dice.random() > 0.35:
        stroke(draw, points, width, fill)
        return
    place = 0
    while place < len(points):
        run = dice.randint(2, 12)
        stroke(draw, points[place : place + run + 1], width * dice.uniform(0.7, 1.2), fill)
        place += run + dice.randint(1, 6)


def crack(draw: ImageDraw.ImageDraw, canvas: Canvas, width: float) -> None:
    """A ragged line whose width changes, with branches."""
    dice = canvas.dice
    ends = [(canvas.point(), dice.uniform(0, 2 * math.pi), width, dice.uniform(30, 160))]
    for _ in range(dice.randint(1, 5)):
        start, angle, wide, length = ends.pop(0)
        points = path(canvas, start, angle, length, 0.0, dice.uniform(0.15, 0.45))
        for first, second in pairwise(points):
            stroke(draw, (first, second), wide * dice.uniform(0.5, 1.2), dice.randint(190, 255))
            if dice.random() < 0.06:
                turn = angle + dice.choice((-1, 1)) * dice.uniform(0.5, 1.4)
                ends.append((second, turn, wide * 0.7, length * dice.uniform(0.2, 0.6)))
        if not ends:
            return


def fibre(draw: ImageDraw.ImageDraw, canvas: Canvas, width: float) -> None:
    """A hair or lint: short, thin, curled."""
    dice = canvas.dice
    length, bend = dice.uniform(10, 70), dice.gauss(0, 0.05)
    points = path(canvas, canvas.point(), dice.uniform(0, 6.3), length, bend, 0.12)
    stroke(draw, points, min(width, 2.5), dice.randint(150, 255))


def dust(draw: ImageDraw.ImageDraw, canvas: Canvas, width: float) -> None:
    """A grain, round or ragged, `width` px across."""
    dice = canvas.dice
    (x, y), corners = canvas.point(), dice.choice((5, 6, 8, 12))
    round_one, squeeze = dice.random() < 0.5, dice.uniform(0.5, 1.0)
    turn, points = dice.uniform(0, 6.3), []
    for k in range(corners if not round_one else 12):
        angle = 2 * math.pi * k / (corners if not round_one else 12)
        reach = width / 2 * (1 if round_one else dice.uniform(0.55, 1.25))
        a, b = reach * math.cos(angle), reach * math.sin(angle) * squeeze
        points.append(
            (
                x + a * math.cos(turn) - b * math.sin(turn),
                y + a * math.sin(turn) + b * math.cos(turn),
            )
        )
    draw.polygon([(px * FINE, py * FINE) for px, py in points], fill=dice.randint(150, 255))


def flake(draw: ImageDraw.ImageDraw, canvas: Canvas, width: float) -> None:
    """A patch where the emulsion came off: dust, only larger, and in groups."""
    for _ in range(canvas.dice.randint(1, 3)):
        dust(draw, canvas, width * canvas.dice.uniform(1.0, 1.8))


KINDS = {
    "scratch": Mark(scratch, (0.7, 6.0), 5),
    "broad scratch": Mark(scratch, (4.0, 14.0), 2),
    "crack": Mark(crack, (0.7, 5.0), 3),
    "fibre": Mark(fibre, (0.7, 2.5), 6),
    "dust": Mark(dust, (1.0, 7.0), 25),
    "broad dust": Mark(dust, (6.0, 13.0), 4),
    "flake": Mark(flake, (3.0, 10.0), 4),
}


def _back(point: Point, angle: float, way: float) -> Point:
    return point[0] - math.cos(angle) * way, point[1] - math.sin(angle) * way


def cover(kind: Mark, canvas: Canvas, count: int, widths: tuple[float, float]) -> Image.Image:
    """How far `count` marks of a kind cover each pixel, as "L"."""
    large = Image.new("L", (canvas.size[0] * FINE, canvas.size[1] * FINE), 0)
    draw = ImageDraw.Draw(large)
    for _ in range(count):
        low, high = widths
        kind.draw(draw, canvas, low * (high / low) ** canvas.dice.random())
    return large.reduce(FINE)


def tone(dice: random.Random) -> Colour:
    """A mark's colour: paper showing through, dirt, or any."""
    kind = dice.random()
    if kind < 0.5:
        level, warm = dice.randint(190, 255), dice.randint(0, 30)
        return level, max(0, level - warm // 2), max(0, level - warm)
    if kind < 0.87:
        level = dice.randint(0, 60)
        return level + dice.randint(0, 15), level + dice.randint(0, 8), level
    return dice.randint(0, 255), dice.randint(0, 255), dice.randint(0, 255)


def laid(
    picture: Image.Image, alpha: Image.Image, colour: Colour | None, shift: int
) -> Image.Image:
    """`picture` under a cover of one colour, or (without) made lighter or darker by `shift`."""
    if colour is None:
        top = picture.point([min(255, max(0, v + shift)) for v in range(256)] * 3)
    else:
        top = Image.new("RGB", picture.size, colour)
    return Image.composite(top, picture, alpha)


def marked(
    picture: Image.Image, dice: random.Random, plenty: float = 1.0
) -> tuple[Image.Image, Image.Image]:
    """`picture` (RGB) with marks of one to four kinds, and those that can be seen, as "L", 255.

    `plenty` scales how many there are.
    """
    canvas, seen = Canvas(picture.size, dice), Image.new("L", picture.size, 0)
    area = picture.width * picture.height / 128**2
    for name in dice.sample(sorted(KINDS), dice.randint(1, 4)):
        kind = KINDS[name]
        count = max(1, round(dice.uniform(0.1, 1.0) * kind.most * area * plenty))
        alpha = cover(kind, canvas, count, kind.widths)
        if dice.random() < 0.5:
            alpha = alpha.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 1.1)))
        opacity = 1.0 - 0.5 * dice.random() ** 1.5
        colour = None if dice.random() < 0.12 else tone(dice)
        shift = dice.choice((-1, 1)) * dice.randint(35, 110)
        before = picture
        if name in ("crack", "flake") and dice.random() < 0.3:
            picture = _shadowed(picture, alpha, dice)
        picture = laid(picture, alpha.point([v * opacity for v in range(256)]), colour, shift)
        seen = ImageChops.lighter(seen, visible(before, picture, alpha))
    return picture, seen


def _shadowed(picture: Image.Image, alpha: Image.Image, dice: random.Random) -> Image.Image:
    """The dark edge of a crack whose paper stands up, on one side."""
    edge = ImageChops.offset(alpha, dice.choice((-1, 1, 2)), dice.choice((-1, 1)))
    return laid(picture, edge.point([v * 0.6 for v in range(256)]), (20, 16, 12), 0)


def visible(before: Image.Image, after: Image.Image, alpha: Image.Image) -> Image.Image:
    """255 where a mark covers a pixel and has changed it so that it can be seen."""
    changed = ImageChops.difference(before, after).split()
    most = ImageChops.lighter(ImageChops.lighter(changed[0], changed[1]), changed[2])
    strong = most.point([255 * (v >= SEEN_CHANGE) for v in range(256)])
    covered = alpha.point([255 * (v >= SEEN_ALPHA * 255) for v in range(256)])
    return ImageChops.darker(strong, covered)


# ------------------------------------------------------------------ the print itself


def printed(picture: Image.Image, dice: random.Random) -> Image.Image:
    """`picture` as a print: often of one hue, softer, faded, with grain."""
    if dice.random() < 0.6:
        picture = _one_hue(picture, dice)
    if dice.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 1.5)))
    if dice.random() < 0.6:
        low, high = dice.randint(0, 70), dice.randint(170, 255)
        picture = picture.point([low + (high - low) * v // 255 for v in range(256)] * 3)
    if dice.random() < 0.4:
        picture = grainy(picture, dice.uniform(1, 13), dice.choice((0.0, 0.6, 0.9)), dice)
    return picture


def _one_hue(picture: Image.Image, dice: random.Random) -> Image.Image:
    grey = picture.convert("L")
    if dice.random() < 0.45:
        return Image.merge("RGB", [grey] * 3)
    red, blue = dice.uniform(0.98, 1.12), dice.uniform(0.6, 0.98)
    bands = [grey.point([min(255, v * k) for v in range(256)]) for k in (red, 1.0, blue)]
    return Image.merge("RGB", bands)


def grainy(picture: Image.Image, sigma: float, softness: float, dice: random.Random) -> Image.Image:
    """`picture` with grain of `sigma` grey levels' deviation, blurred by `softness` px."""
    noise = Image.frombytes("L", picture.size, dice.randbytes(picture.width * picture.height))
    if softness:
        noise = noise.filter(ImageFilter.GaussianBlur(softness))
    spread = sigma / {0.0: 73.9, 0.6: 38.0, 0.9: 26.0}[softness]
    grain = noise.point([round(128 + (v - 127.5) * spread) for v in range(256)])
    return ImageChops.add(picture, Image.merge("RGB", [grain] * 3), 1, -128)


def scanned(picture: Image.Image, dice: random.Random) -> Image.Image:
    """What a scanner and a file do to a print and its marks: blur, noise, JPEG."""
    if dice.random() < 0.4:
        picture = picture.filter(ImageFilter.GaussianBlur(dice.uniform(0.2, 0.8)))
    if dice.random() < 0.3:
        picture = grainy(picture, dice.uniform(0.5, 3), 0.0, dice)
    if dice.random() < 0.6:
        picture = jpeg(picture, dice.randint(50, 95))
    return picture


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    """`picture` after a JPEG file of `quality`."""
    memory = io.BytesIO()
    picture.save(memory, "JPEG", quality=quality)
    with Image.open(memory) as image:
        return image.convert("RGB")
