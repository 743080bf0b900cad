"""Clean pictures of the kinds that restorers harm, each drawn whole from a seed.

Things come from `training.negatives`, which draws them over photos to teach the network; here they
are the picture: a page, a plan, a sky with birds. None has damage, so nothing of any may change.
"""

import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from training import negatives
from training.damage import FINE, Canvas, grainy

SIZE = (480, 360)
Size = tuple[int, int]
Drawer = Callable[[Size, random.Random], Image.Image]
Thing = Callable[[ImageDraw.ImageDraw, Canvas], None]
PAPER, NIGHT = (255, 255, 255), (14, 18, 34)
WORDS = (
    *("the", "old", "house", "by", "the", "river", "was", "sold", "in", "1931", "for"),
    *("4,250.75", "and", "stood", "empty", "till", "2", "May"),
)


def text(size: Size, dice: random.Random) -> Image.Image:
    """A page of small letters, black on white."""
    page, pen = _page(size)
    height = dice.randint(12, 16)
    font, y = ImageFont.load_default(height), 20.0
    while y < size[1] - 20:
        x = 20.0
        while x < size[0] - 70:
            word = dice.choice(WORDS)
            pen.text((x, y), word, (20, 20, 20), font)
            x += pen.textlength(word + " ", font)
        y += height * 1.8
    return page


def sheet(size: Size, dice: random.Random) -> Image.Image:
    """A table of figures, as a screen shows it."""
    page, pen = _page(size)
    font, cell = ImageFont.load_default(10), (dice.randint(56, 80), dice.randint(18, 26))
    for x in range(0, size[0], cell[0]):
        pen.line((x, 0, x, size[1]), (208, 208, 208))
        for y in range(0, size[1], cell[1]):
            pen.line((0, y, size[0], y), (208, 208, 208))
            pen.text((x + 5, y + 5), str(dice.randint(0, 99_999)), (30, 30, 30), font)
    return page


def plan(size: Size, dice: random.Random) -> Image.Image:
    """Rooms, doors, stairs and their measures in one thin pen."""

    def draw(pen: ImageDraw.ImageDraw) -> None:
        x, y = dice.randint(150, 330), dice.randint(120, 240)
        for box in ((20, 20, 460, 340), (20, 20, x, y), (x, 20, 460, y), (20, y, x + 60, 340)):
            pen.rectangle([v * FINE for v in box], outline=(10, 10, 10), width=int(1.5 * FINE))
            middle = ((box[0] + box[2]) / 2 * FINE, (box[1] + box[3]) / 2 * FINE)
            name = f"{dice.uniform(5, 40):.2f} m2"
            pen.text(middle, name, (10, 10, 10), ImageFont.load_default(15 * FINE))
        pen.arc([v * FINE for v in (x - 60, y - 60, x + 60, y + 60)], 0, 90, (10, 10, 10), FINE)
        for step in range(12):
            at = (x + 80 + step * 8) * FINE
            pen.line((at, (y + 20) * FINE, at, 330 * FINE), (10, 10, 10), FINE)

    return _fine(Image.new("RGB", size, PAPER), draw)


def chart(size: Size, dice: random.Random) -> Image.Image:
    """Axes, grid and curves of one pixel and a half."""

    def draw(pen: ImageDraw.ImageDraw) -> None:
        for step in range(11):
            y = (20 + step * 30) * FINE
            pen.line((40 * FINE, y, 460 * FINE, y), (215, 215, 215), FINE)
        pen.line([v * FINE for v in (40, 20, 40, 320, 460, 320)], (20, 20, 20), int(1.5 * FINE))
        for colour in ((31, 119, 180), (255, 127, 14), (44, 160, 44)):
            points = [((40 + 14 * k) * FINE, dice.uniform(30, 310) * FINE) for k in range(31)]
            pen.line(points, colour, int(1.5 * FINE))

    return _fine(Image.new("RGB", size, PAPER), draw)


def code(size: Size, dice: random.Random) -> Image.Image:
    """A square code of black and white modules, edges as hard as pixels are."""
    count, side = 33, dice.randint(7, 8)
    bits = bytes(dice.choices((0, 255), k=count**2))
    modules = Image.frombytes("L", (count, count), bits)
    large = modules.resize((count * side, count * side), Image.Resampling.NEAREST)
    page, _ = _page(size)
    page.paste(large.convert("RGB"), (40, 40))
    return page


def stars(size: Size, dice: random.Random) -> Image.Image:
    """A night sky: points of light, all soft alike, over a dark hill."""
    sky = Image.new("RGB", size, NIGHT)
    lights = Image.new("L", size, 0)
    for _ in range(400):
        at = dice.randrange(size[0]), dice.randrange(int(size[1] * 0.85))
        lights.putpixel(at, min(255, round(60 / (dice.random() ** 0.8 + 0.05))))
    soft = lights.filter(ImageFilter.GaussianBlur(0.7)).point([min(255, 3 * v) for v in range(256)])
    sky = ImageChops.add(sky, Image.merge("RGB", [soft] * 3))
    sky.paste((6, 7, 9), (0, int(size[1] * 0.88), *size))
    return grainy(sky, 1.5, 0.6, dice)


def snow(size: Size, dice: random.Random) -> Image.Image:
    """Flakes of many sizes before dark woods."""
    flakes = Image.new("L", (size[0] * FINE, size[1] * FINE), 0)
    pen = ImageDraw.Draw(flakes)
    for _ in range(260):
        x, y, r = dice.uniform(0, size[0]), dice.uniform(0, size[1]), dice.uniform(0.6, 3.2)
        pen.ellipse([v * FINE for v in (x - r, y - r, x + r, y + r)], dice.randint(120, 230))
    alpha = flakes.filter(ImageFilter.GaussianBlur(0.8 * FINE)).reduce(FINE)
    woods = _ground(size, (52, 60, 66), (24, 30, 32), dice)
    return Image.composite(Image.new("RGB", size, (240, 243, 248)), woods, alpha)


def fog(size: Size, dice: random.Random) -> Image.Image:
    """Ridges one behind the other, each paler: no tone of the picture is dark or bright."""
    picture = _ground(size, (200, 204, 208), (178, 182, 186), dice)
    pen = ImageDraw.Draw(picture)
    for number, level in enumerate((170, 146, 118, 92)):
        y, points = size[1] * (0.4 + 0.14 * number), [(0.0, float(size[1]))]
        for x in range(0, size[0] + 8, 8):
            y += dice.gauss(0, 3)
            points.append((float(x), y))
        pen.polygon([*points, (size[0], size[1])], (level, level + 2, level + 3))
    return grainy(picture.filter(ImageFilter.GaussianBlur(0.6)), 2.0, 0.6, dice)


def court(size: Size, dice: random.Random) -> Image.Image:
    """White lines of two pixels on a lawn."""

    def draw(pen: ImageDraw.ImageDraw) -> None:
        lean = dice.randint(20, 60)
        for line in (
            (lean + 30, 40, 450 - lean, 40),
            (20, 330, 460, 330),
            (lean + 30, 40, 20, 330),
            (450 - lean, 40, 460, 330),
            (60, 140, 420, 140),
            (45, 240, 435, 240),
            (240, 140, 240, 240),
        ):
            pen.line([v * FINE for v in line], (240, 242, 240), 2 * FINE)

    return _fine(grainy(_ground(size, (56, 96, 78), (48, 88, 70), dice), 3.0, 0.9, dice), draw)


def screen(size: Size, dice: random.Random) -> Image.Image:
    """A dark app: grey cards, grey letters, nothing black or white."""
    picture = Image.new("RGB", size, (48, 48, 48))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, size[0], 40), (100, 181, 246))
    for y in range(56, size[1], 60):
        pen.rectangle((12, y, size[0] - 12, y + 48), (66, 66, 66))
        pen.rectangle((20, y + 8, 52, y + 40), tuple(dice.randint(60, 200) for _ in range(3)))
        message = f"Message {dice.randint(10, 99)} of {dice.randint(100, 999)}"
        pen.text((64, y + 14), message, (189, 189, 189), ImageFont.load_default(16))
    return picture


def _things(
    thing: Thing, count: int, top: tuple[int, int, int], bottom: tuple[int, int, int]
) -> Drawer:
    """Pictures of `count` things of one sort before a smooth ground with a camera's fine noise."""

    def drawn(size: Size, dice: random.Random) -> Image.Image:
        def draw(pen: ImageDraw.ImageDraw) -> None:
            for _ in range(count):
                thing(pen, Canvas(size, dice))

        return grainy(_fine(_ground(size, top, bottom, dice), draw), 1.5, 0.6, dice)

    return drawn


def _ground(
    size: Size, top: tuple[int, int, int], bottom: tuple[int, int, int], dice: random.Random
) -> Image.Image:
    """One colour running into another, with a little of a camera's noise."""
    ramp = Image.linear_gradient("L").resize(size, Image.Resampling.BILINEAR)
    ground = Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)
    return grainy(ground, 1.5, 0.6, dice)


def _page(size: Size) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("RGB", size, PAPER)
    return page, ImageDraw.Draw(page)


def _fine(ground: Image.Image, draw: Callable[[ImageDraw.ImageDraw], None]) -> Image.Image:
    """What `draw` draws at FINE times the size, averaged down over `ground`."""
    large = ground.resize((ground.width * FINE, ground.height * FINE), Image.Resampling.BILINEAR)
    draw(ImageDraw.Draw(large))
    return large.reduce(FINE)


SKY = ((96, 148, 208), (205, 222, 238))
ROOM = ((150, 130, 112), (92, 78, 70))
KINDS: dict[str, Drawer] = {
    "text": text,
    "table": sheet,
    "plan": plan,
    "chart": chart,
    "code": code,
    "screen": screen,
    "stars": stars,
    "snow": snow,
    "fog": fog,
    "court": court,
    "wires": _things(negatives.wires, 1, *SKY),
    "birds": _things(negatives.birds, 2, *SKY),
    "rigging": _things(negatives.rigging, 4, *SKY),
    "branches": _things(negatives.branches, 2, *SKY),
    "lace": _things(negatives.lace, 6, *ROOM),
    "whiskers": _things(negatives.whiskers, 4, *ROOM),
    "jewellery": _things(negatives.beads, 8, *ROOM),
    "bars": _things(negatives.bars, 2, *ROOM),
}
