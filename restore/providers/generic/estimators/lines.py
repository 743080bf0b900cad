"""Long scratches followed whole: through the gaps between their proven pieces, and to their ends.

A scratch lies over whatever is beneath it, so its pieces stand out on smooth ground alone; between
them it is still lighter (or darker) than both its sides. From each long thin piece that is proven
it is followed both ways, a few pixels at a time, as long as it stands out by a share of what the
piece does; a gap is bridged only where it goes on behind. Nothing begins here: what no piece proves
stays, and so does an edge, whose sides differ all along. Points are complex numbers, x + iy.
"""

import cmath
import math
from dataclasses import replace
from operator import itemgetter
from statistics import fmean

from PIL import Image, ImageDraw

from restore.providers.generic import tuning
from restore.providers.generic.estimators.components import components_of
from restore.providers.generic.estimators.marks import Marks, marks_in
from restore.providers.generic.picture import Picture
from restore.providers.generic.planes import Plane
from restore.providers.generic.tiles import GRID, mirrored_window, tiles


def lines_of(picture: Picture, marks: Marks) -> Image.Image:
    """255 on the whole lines of a picture that is known to have `marks`, as "L", of its size.

    A large scan is looked at half as large, or a quarter: a line that nobody sees then is none.
    """
    scale = 1
    while max(picture.size) / scale > tuning.WEAR_MOST_SIDE:
        scale *= 2
    small, known = picture.eight_bit().reduce(scale), replace(marks, grain=marks.grain / scale)
    pieces, found = Image.new("L", small.size), Image.new("L", small.size)
    for tile in tiles(small.size, tuning.TILE_CORE, tuning.TILE_HALO, GRID):
        channels = [Plane(band) for band in mirrored_window(small, tile.window).split()]
        part = marks_in(channels, known)
        x, y = tile.inset
        pieces.paste(part.crop((x, y, x + tile.size[0], y + tile.size[1])), tile.core[:2])
    pen, follower = ImageDraw.Draw(found), _Follower(small.convert("L"), known.grain)
    parts = sorted(components_of(pieces, found, found), key=lambda part: -part.extent)
    for piece in [part for part in parts if part.is_line][: tuning.LINES_MOST]:
        line = [(at.real, at.imag) for at in follower.line(*piece.ends)]
        pen.line(line, 255, max(1, round(piece.deviations[0] * math.sqrt(12))))
    large = found.resize((found.width * scale, found.height * scale), Image.Resampling.NEAREST)
    return large.crop((0, 0, *picture.size))


class _Follower:
    """Follows lines over one picture."""

    def __init__(self, bright: Image.Image, grain: float) -> None:
        self._pixels, (self._width, self._height) = bright.tobytes(), bright.size
        self._grain = grain

    def line(self, first: complex, last: complex) -> list[complex]:
        """The points of the whole line whose piece has these ends; [] where it is none."""
        length = abs(last - first)
        towards = (last - first) / length
        steps = [first + k * towards for k in range(round(length) + 1)]
        seen = {tone: [self._across(at, towards, tone) for at in steps] for tone in (1, -1)}
        tone = max(seen, key=lambda tone: sum(ridge for ridge, _ in seen[tone]))
        ridge, lean = (fmean(column) for column in zip(*seen[tone], strict=True))
        if ridge < tuning.MARK_LEAST or abs(lean) > tuning.LINE_MOST_LEAN * ridge:
            return []
        least = max(tuning.LINE_KEPT * ridge, tuning.LINE_PER_GRAIN * self._grain)
        back = self._walked(first, -towards, tone, least)
        return [*reversed(back), *self._walked(last, towards, tone, least)]

    def _walked(self, at: complex, towards: complex, tone: int, least: float) -> list[complex]:
        """Where the line goes on to from `at`: the best of a few ways each time, over gaps."""
        points, gap = [at], 0
        while gap <= tuning.LINE_GAP:
            ways = [towards * cmath.rect(1, turn) for turn in tuning.LINE_TURNS]
            start = points[-1] + gap * towards
            ridge, way = max(
                ((self._stride(start, way, tone), way) for way in ways), key=itemgetter(0)
            )
            end = start + tuning.LINE_STRIDE * way
            if not (0 <= end.real < self._width and 0 <= end.imag < self._height):
                break
            if ridge < least:
                gap += tuning.LINE_STRIDE // 2
                continue
            points, gap = [*points, end], 0
            behind = points[max(0, len(points) - 6)]
            towards = (end - behind) / abs(end - behind)
        return points

    def _stride(self, start: complex, way: complex, tone: int) -> float:
        steps = range(1, tuning.LINE_STRIDE + 1)
        return fmean(self._across(start + k * way, way, tone)[0] for k in steps)

    def _across(self, at: complex, towards: complex, tone: int) -> tuple[float, float]:
        """Grey levels: above (tone 1) or below (-1) the nearer side; from one side to the other."""
        values = []
        for place in (at + 1j * k * towards for k in (-4, -3, -1, 0, 1, 3, 4)):
            column = min(max(round(place.real), 0), self._width - 1)
            row = min(max(round(place.imag), 0), self._height - 1)
            values.append(tone * self._pixels[row * self._width + column])
        left, right = (values[0] + values[1]) / 2, (values[5] + values[6]) / 2
        middle = (max(values[2:5]) + values[3]) / 2  # the best way is the one amid the line
        return middle - max(left, right), left - right
