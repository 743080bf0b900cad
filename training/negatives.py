"""Draws what looks like damage and is not: what the network of marks must leave alone.

Text, plans, wires, rigging, whiskers and hair, lace, courts, stars, snow, birds, charts, codes,
beads and highlights, window bars and rims; each with the regularity that tells it from wear:
families of like strokes, even spacing, ends that meet something.
"""

import math
import random
from collections.abc import Callable
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from training.damage import FINE, Canvas, Colour, path

Pen = ImageDraw.ImageDraw
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:-/()&"


def _ink(dice: random.Random) -> Colour:
    level = dice.choice((dice.randint(0, 60), dice.randint(0, 60), dice.randint(190, 255)))
    spread = dice.choice((0, 0, 12, 70))
    return tuple(min(255, max(0, level + dice.randint(-spread, spread))) for _ in range(3))  # type: ignore[return-value]


def _line(pen: Pen, points: list[tuple[float, float]], width: float, ink: Colour) -> None:
    pen.line([(x * FINE, y * FINE) for x, y in points], ink, max(1, round(width * FINE)))


def text(pen: Pen, canvas: Canvas) -> None:
    """Lines of letters, one size and one ink."""
    dice, ink = canvas.dice, _ink(canvas.dice)
    size = 6 * (6.0 ** dice.random())
    font = ImageFont.load_default(size * FINE)
    left, top = dice.uniform(-20, canvas.size[0] / 2), dice.uniform(0, canvas.size[1])
    for _ in range(dice.randint(1, 9)):
        line = "".join(dice.choice(_LETTERS) for _ in range(dice.randint(2, 30)))
        pen.text((left * FINE, top * FINE), line, ink, font=font)
        top += size * 1.3


def plan(pen: Pen, canvas: Canvas) -> None:
    """Right angles and arcs in one thin pen."""
    dice, ink, width = canvas.dice, _ink(canvas.dice), canvas.dice.uniform(0.7, 3)
    for _ in range(dice.randint(4, 20)):
        x, y = canvas.point()
        w, h = dice.uniform(8, 90), dice.uniform(8, 90)
        kind = dice.random()
        if kind < 0.5:
            _line(pen, [(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)], width, ink)
        elif kind < 0.8:
            _line(pen, [(x, y), (x + w, y) if dice.random() < 0.5 else (x, y + h)], width, ink)
        else:
            box = [v * FINE for v in (x, y, x + w, y + w)]
            pen.arc(box, dice.uniform(0, 360), dice.uniform(0, 360), ink, max(1, int(width * FINE)))


def wires(pen: Pen, canvas: Canvas) -> None:
    """Sagging lines side by side from edge to edge, often with a mast."""
    dice, ink = canvas.dice, _ink(canvas.dice)
    width, gap = dice.uniform(0.6, 3.0), dice.uniform(5, 25)
    y0, slope, sag = dice.uniform(-20, canvas.size[1]), dice.gauss(0, 0.3), dice.uniform(0, 0.2)
    far = canvas.size[0]
    for k in range(dice.randint(2, 7)):
        points = []
        for step in range(17):
            t = step / 16
            points.append((t * far, y0 + k * gap + slope * t * far + sag * far * 4 * t * (1 - t)))
        _line(pen, points, width, ink)
    if dice.random() < 0.5:
        x = dice.uniform(0, far)
        _line(pen, [(x, y0 - 30), (x, canvas.size[1])], dice.uniform(3, 9), ink)


def rigging(pen: Pen, canvas: Canvas) -> None:
    """Ropes from one mast top to points of the deck, with rungs."""
    dice, ink, width = canvas.dice, _ink(canvas.dice), canvas.dice.uniform(0.6, 2.2)
    top = canvas.point()
    foot, gap = dice.uniform(0, canvas.size[0]), dice.uniform(6, 20)
    count, low = dice.randint(3, 8), top[1] + dice.uniform(50, 150)
    feet = [(foot + k * gap, low) for k in range(count)]
    for end in feet:
        _line(pen, [top, end], width, ink)
    for k in range(1, dice.randint(1, 9)):
        t = k / 9
        ends = [(top[0] + (f[0] - top[0]) * t, top[1] + (f[1] - top[1]) * t) for f in feet]
        _line(pen, ends, width * 0.8, ink)


def whiskers(pen: Pen, canvas: Canvas) -> None:
    """Strands that leave one place in about one direction, each thinning out."""
    dice, ink = canvas.dice, _ink(canvas.dice)
    (x, y), angle, bend = canvas.point(), dice.uniform(0, 6.3), dice.gauss(0, 0.012)
    spread, root = dice.uniform(0.1, 0.7), dice.uniform(1, 16)
    width = dice.uniform(0.6, 2.0)
    for _ in range(dice.randint(5, 40)):
        start = (x + dice.gauss(0, root), y + dice.gauss(0, root))
        turn, long = angle + dice.gauss(0, spread), dice.uniform(15, 80)
        points = path(canvas, start, turn, long, bend + dice.gauss(0, 0.004), 0.02)
        for k, pair in enumerate(pairwise(points)):
            _line(pen, list(pair), width * (1 - 0.7 * k / len(points)), ink)


def lace(pen: Pen, canvas: Canvas) -> None:
    """A lattice of threads, loops or holes."""
    dice, ink, width = canvas.dice, _ink(canvas.dice), canvas.dice.uniform(0.6, 2.5)
    gap, slant = dice.uniform(4, 16), dice.choice((0.0, 1.0, 0.5))
    x0, y0 = canvas.point()
    for row in range(dice.randint(2, 14)):
        for column in range(dice.randint(2, 14)):
            x, y = x0 + column * gap + slant * (row % 2) * gap / 2, y0 + row * gap
            if slant:
                box = [v * FINE for v in (x, y, x + gap * 0.8, y + gap * 0.8)]
                pen.ellipse(box, None, ink, max(1, int(width * FINE)))
            else:
                _line(pen, [(x, y), (x + gap, y)], width, ink)
                _line(pen, [(x, y), (x, y + gap)], width, ink)


def bars(pen: Pen, canvas: Canvas) -> None:
    """Fences, blinds, courts, tracks: broad even lines side by side."""
    dice, ink = canvas.dice, _ink(canvas.dice)
    width, gap = dice.uniform(1, 8), dice.uniform(6, 40)
    angle = dice.choice((0.0, math.pi / 2, dice.uniform(0, math.pi)))
    a, b = math.cos(angle), math.sin(angle)
    x, y = canvas.point()
    long = dice.uniform(30, 200)
    for k in range(dice.randint(2, 12)):
        start = (x - b * gap * k, y + a * gap * k)
        _line(pen, [start, (start[0] + a * long, start[1] + b * long)], width, ink)


def court(pen: Pen, canvas: Canvas) -> None:
    """Lines of a court, a window or a tiled floor, seen aslant: each ends on another."""
    dice, ink, width = canvas.dice, _ink(canvas.dice), canvas.dice.uniform(1, 5)
    (x, y), far = canvas.point(), max(canvas.size)
    corners = [(x + dice.uniform(-far, far), y + dice.uniform(-far, far)) for _ in range(4)]
    for first, second in ((0, 1), (1, 2)):
        third, fourth = (second + 1) % 4, (first + 3) % 4
        for t in (0.0, *(dice.random() for _ in range(dice.randint(0, 3))), 1.0):
            ends = [
                tuple(a + (b - a) * t for a, b in zip(corners[p], corners[q], strict=True))
                for p, q in ((first, fourth), (second, third))
            ]
            _line(pen, [(ends[0][0], ends[0][1]), (ends[1][0], ends[1][1])], width, ink)


def beam(pen: Pen, canvas: Canvas) -> None:
    """One broad straight body from edge to edge: a rail, frame or mast, shaded along its sides."""
    dice, ink, width = canvas.dice, _ink(canvas.dice), canvas.dice.uniform(3, 24)
    angle, (x, y), far = dice.uniform(0, 6.3), canvas.point(), 300.0
    a, b = math.cos(angle), math.sin(angle)
    stripes = dice.randint(1, 4)
    for k in range(stripes):
        way = (k - stripes / 2) * width / stripes
        tone = tuple(min(255, max(0, v + dice.randint(-30, 30))) for v in ink)
        ends = [(x - b * way - a * t, y + a * way - b * t) for t in (-far, far)]
        _line(pen, ends, width / stripes + 0.5, (tone[0], tone[1], tone[2]))


def edge(pen: Pen, canvas: Canvas) -> None:
    """A body with a rim or a seam: one line that bounds two tones, as buttons and cups have."""
    dice = canvas.dice
    (x, y), w, h = canvas.point(), dice.uniform(6, 90), dice.uniform(6, 90)
    box = [v * FINE for v in (x, y, x + w, y + h)]
    rim = max(1, int(dice.uniform(0.6, 4) * FINE))
    shape = pen.ellipse if dice.random() < 0.6 else pen.rectangle
    shape(box, _ink(dice) if dice.random() < 0.8 else None, _ink(dice), rim)
    if dice.random() < 0.4:
        u, v, r = x + w * 0.35, y + h * 0.3, min(w, h) * dice.uniform(0.04, 0.12)
        light = [c * FINE for c in (u - r, v - r, u + r, v + r)]
        pen.ellipse(light, (250, 250, 246))


def stick(pen: Pen, canvas: Canvas) -> None:
    """A thing with two clean ends: a cigarette, a pencil, spectacles' bridge, a twig."""
    dice, ink = canvas.dice, _ink(canvas.dice)
    angle, long = dice.uniform(0, 6.3), dice.uniform(12, 70)
    start = canvas.point()
    width = dice.uniform(2.5, 9)
    points = path(canvas, start, angle, long, dice.choice((0.0, dice.gauss(0, 0.01))), 0.0)
    _line(pen, [(x + 1, y + width * 0.3) for x, y in points], width * 1.15, _ink(dice))
    _line(pen, points, width, ink)


def beads(pen: Pen, canvas: Canvas) -> None:
    """A string of like beads, each with its highlight: jewellery, buttons, rivets."""
    dice, ink = canvas.dice, _ink(canvas.dice)
    size, bend = dice.uniform(1.5, 9), dice.gauss(0, 0.02)
    points = path(canvas, canvas.point(), dice.uniform(0, 6.3), dice.uniform(30, 150), bend, 0)
    gap, way = size * dice.uniform(1.1, 3), 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        way += math.hypot(x1 - x0, y1 - y0)
        if way >= gap:
            way = 0.0
            box = [v * FINE for v in (x1 - size / 2, y1 - size / 2, x1 + size / 2, y1 + size / 2)]
            pen.ellipse(box, ink)
            r = size / 6
            spot = [v * FINE for v in (x1 - 2 * r, y1 - 2 * r, x1, y1)]
            pen.ellipse(spot, (252, 252, 250))


def birds(pen: Pen, canvas: Canvas) -> None:
    """Small two-winged strokes of one tone."""
    dice, ink, size = canvas.dice, _ink(canvas.dice), canvas.dice.uniform(4, 16)
    for _ in range(dice.randint(2, 14)):
        x, y = canvas.point()
        s, lift = size * dice.uniform(0.6, 1.3), dice.uniform(0.2, 0.7)
        wing = [
            (x - s, y - s * lift),
            (x - s * 0.3, y - s * 0.1),
            (x, y),
            (x + s * 0.3, y - s * 0.1),
            (x + s, y - s * lift),
        ]
        _line(pen, wing, dice.uniform(0.8, 2.5), ink)


def codes(pen: Pen, canvas: Canvas) -> None:
    """Squares or stripes on a raster: codes and boards."""
    dice, ink, cell = canvas.dice, _ink(canvas.dice), canvas.dice.uniform(1.5, 8)
    x0, y0 = canvas.point()
    striped, count = dice.random() < 0.4, dice.randint(6, 24)
    pen.rectangle([v * FINE for v in (x0, y0, x0 + cell * count, y0 + cell * count)], _ink(dice))
    for row in range(1 if striped else count):
        for column in range(count):
            if dice.random() < 0.5:
                x, y = x0 + column * cell, y0 + row * cell
                tall = cell * count if striped else cell
                pen.rectangle([v * FINE for v in (x, y, x + cell, y + tall)], ink)


def chart(pen: Pen, canvas: Canvas) -> None:
    """Axes, ticks, often a grid, and one to three jagged curves."""
    dice, ink = canvas.dice, _ink(canvas.dice)
    (x, y), w, h = canvas.point(), dice.uniform(50, 300), dice.uniform(40, 250)
    x, y = x - w / 2, y - h / 2
    for k in range(dice.choice((0, 0, 6, 10))):
        _line(pen, [(x, y + h * k / 10), (x + w, y + h * k / 10)], 1.0, _ink(dice))
    _line(pen, [(x, y), (x, y + h), (x + w, y + h)], 1.2, ink)
    for _ in range(dice.randint(1, 3)):
        count = dice.randint(8, 30)
        points = [(x + w * k / count, y + h * dice.uniform(0.1, 0.9)) for k in range(count + 1)]
        _line(pen, points, dice.uniform(0.8, 2.5), _ink(dice))
    for k in range(10):
        _line(pen, [(x + w * k / 10, y + h), (x + w * k / 10, y + h + 3)], 0.8, ink)


def branches(pen: Pen, canvas: Canvas) -> None:
    """A bare tree: a stem whose branches thin out and fork."""
    dice, ink = canvas.dice, _ink(canvas.dice)
    x, _ = canvas.point()
    todo = [((x, float(canvas.size[1])), -math.pi / 2, dice.uniform(3, 9))]
    for _ in range(70):
        if not todo:
            return
        start, angle, width = todo.pop(0)
        points = path(canvas, start, angle, dice.uniform(10, 40), dice.gauss(0, 0.01), 0.08)
        _line(pen, points, width, ink)
        if width > 0.8:
            for _ in range(2):
                todo.append((points[-1], angle + dice.gauss(0, 0.5), width * 0.68))


DRAWN: tuple[Callable[[Pen, Canvas], None], ...] = (
    text,
    text,
    plan,
    wires,
    rigging,
    whiskers,
    whiskers,
    lace,
    bars,
    bars,
    court,
    beam,
    beam,
    edge,
    edge,
    stick,
    beads,
    birds,
    codes,
    chart,
    branches,
)


def with_things(picture: Image.Image, dice: random.Random, most: int = 4) -> Image.Image:
    """`picture` (RGB) with a few of these things drawn over it, as sharp as a photo's own."""
    large = picture.resize((picture.width * FINE, picture.height * FINE), Image.Resampling.BILINEAR)
    pen, canvas = ImageDraw.Draw(large), Canvas(picture.size, dice)
    for _ in range(dice.randint(1, most)):
        dice.choice(DRAWN)(pen, canvas)
    if dice.random() < 0.4:
        large = large.filter(ImageFilter.GaussianBlur(FINE * dice.uniform(0.2, 0.9)))
    return large.reduce(FINE)


def sky(size: tuple[int, int], dice: random.Random) -> Image.Image:
    """A night sky or snow: many points of light, all soft in the same way, on a smooth ground."""
    ground = shade(size, dice)
    if dice.random() < 0.7:
        ground = ground.point([v // 5 for v in range(256)] * 3)
    lights = Image.new("L", (size[0] * FINE, size[1] * FINE), 0)
    pen, snow = ImageDraw.Draw(lights), dice.random() < 0.4
    for _ in range(dice.randint(20, 300)):
        x, y = dice.uniform(0, size[0]), dice.uniform(0, size[1])
        r = dice.uniform(0.6, 3.5) if snow else 0.4 * 6 ** (dice.random() ** 3)
        box = [v * FINE for v in (x - r, y - r, x + r, y + r)]
        pen.ellipse(box, dice.randint(60, 255) if not snow else dice.randint(120, 220))
    soft = FINE * (dice.uniform(0.5, 2.0) if snow else dice.uniform(0.3, 0.9))
    alpha = lights.filter(ImageFilter.GaussianBlur(soft)).reduce(FINE)
    light = (255, dice.randint(235, 255), dice.randint(220, 255))
    return Image.composite(Image.new("RGB", size, light), ground, alpha)


def shade(size: tuple[int, int], dice: random.Random) -> Image.Image:
    """A smooth ground: one tone running into another."""
    ramp = Image.linear_gradient("L").rotate(dice.uniform(0, 360), Image.Resampling.BILINEAR)
    ramp = ramp.crop((48, 48, 208, 208)).resize(size, Image.Resampling.BILINEAR)
    first = tuple(dice.randint(0, 255) for _ in range(3))
    second = tuple(min(255, max(0, v + dice.randint(-70, 70))) for v in first)
    return Image.composite(Image.new("RGB", size, first), Image.new("RGB", size, second), ramp)
