"""The connected parts of a mask: where each lies, how long, how thin, how bright, how colourful.

Built from runs of rows (Rosenfeld and Pfaltz 1966), 8-connected, in plain Python: a mask of marks
holds a few thousand pixels, and a row without any costs one look.
"""

import cmath
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image

from restore.providers.generic import tuning

_RUN = re.compile(rb"\xff+")


@dataclass(slots=True)
class Component:
    """Sums over the pixels of one connected part; lengths in pixels."""

    left: int
    top: int
    right: int
    bottom: int
    area: int = 0
    bright: int = 0
    coloured: int = 0
    _sums: list[float] = field(default_factory=lambda: [0.0] * 5)

    @property
    def extent(self) -> int:
        """The longer side of the box around it."""
        return max(self.right - self.left, self.bottom - self.top)

    @property
    def deviations(self) -> tuple[float, float]:
        """Across and along: the deviations on the principal axes."""
        _, _, xx, yy, xy = self._moments()
        middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
        return math.sqrt(max(0.0, middle - half)), math.sqrt(middle + half)

    @property
    def ends(self) -> tuple[complex, complex]:
        """Where a line of these pixels begins and ends, as x + iy."""
        x, y, xx, yy, xy = self._moments()
        way = cmath.rect(1, math.atan2(2 * xy, xx - yy) / 2)
        if abs(way.real) >= abs(way.imag):
            first, last = ((edge - x) / way.real for edge in (self.left, self.right - 1))
        else:
            first, last = ((edge - y) / way.imag for edge in (self.top, self.bottom - 1))
        return complex(x, y) + first * way, complex(x, y) + last * way

    @property
    def is_line(self) -> bool:
        """Whether it is long and thin."""
        across, along = self.deviations
        return self.extent >= tuning.LINE_LEAST and along > tuning.LINE_THINNESS * across

    def _moments(self) -> tuple[float, float, float, float, float]:
        """The middle, and the second moments around it."""
        x, y, xx, yy, xy = (total / self.area for total in self._sums)
        return x, y, xx - x * x, yy - y * y, xy - x * y

    def add_run(self, first: int, end: int, row: int) -> None:
        """Count in the pixels from `first` up to `end` of one row."""
        n = end - first
        x = n * (first + end - 1) / 2
        squares = sum(k * k for k in range(first, end))
        for index, value in enumerate((x, n * row, squares, n * row * row, x * row)):
            self._sums[index] += value
        self.area += n
        self.left, self.right = min(self.left, first), max(self.right, end)
        self.top, self.bottom = min(self.top, row), max(self.bottom, row + 1)

    def absorb(self, other: "Component") -> None:
        """Take in another part that turned out to be connected."""
        self._sums = [a + b for a, b in zip(self._sums, other._sums, strict=True)]
        self.area += other.area
        self.bright += other.bright
        self.coloured += other.coloured
        self.left, self.top = min(self.left, other.left), min(self.top, other.top)
        self.right, self.bottom = max(self.right, other.right), max(self.bottom, other.bottom)


def components_of(mask: Image.Image, bright: Image.Image, coloured: Image.Image) -> list[Component]:
    """The parts of `mask`; all three are "L" images of 0 and 255 of one size."""
    brights, colours, width = bright.tobytes(), coloured.tobytes(), mask.width
    found: dict[int, Component] = {}
    above: list[tuple[int, int, int]] = []
    for row, runs in _rows(mask):
        here: list[tuple[int, int, int]] = []
        for first, end in runs:
            part = Component(first, row, end, row + 1)
            part.add_run(first, end, row)
            start, stop = row * width + first, row * width + end
            part.bright, part.coloured = (
                brights.count(255, start, stop),
                colours.count(255, start, stop),
            )
            touched = {label for a, b, label in above if a <= end and b >= first}
            label = min(touched, default=len(found) and max(found) + 1)
            for other in touched - {label}:
                part.absorb(found.pop(other))
                above = [(a, b, label if old == other else old) for a, b, old in above]
                here = [(a, b, label if old == other else old) for a, b, old in here]
            if label in found:
                found[label].absorb(part)
            else:
                found[label] = part
            here.append((first, end, label))
        above = here
    return list(found.values())


def _rows(mask: Image.Image) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Each row's runs of 255, as (first, end)."""
    data, width = mask.tobytes(), mask.width
    for row in range(mask.height):
        line = data[row * width : (row + 1) * width]
        yield row, [match.span() for match in _RUN.finditer(line)]
