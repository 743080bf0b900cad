"""Whether marks look like wear: specks and a few long lines, of both sides of grey, at random.

What belongs to a picture comes in families. Text is strokes between speck and line in number; a
plan, a court, wires, twigs, rain and a lattice are lines and hardly a speck; stars, snow and birds
are specks and hardly a line. Wear is both at once: for each long scratch several to a few dozen
specks, without colour of their own, and where chance put them: beads, rivets and lamps stand in
rows, each nearer to the next than chance has it (Clark and Evans 1954). Anything else is doubt.
"""

import math
from collections.abc import Iterable
from itertools import combinations

from restore.providers.generic import tuning
from restore.providers.generic.estimators.components import Component


class Pattern:
    """Counts what a picture's marks are."""

    def __init__(self) -> None:
        self.lines = self.specks = self.others = self.bright_specks = self.coloured = 0
        self._apart = self._apart_by_chance = 0.0

    def add(self, parts: Iterable[Component], pixels: int) -> None:
        """Count in the connected marks of one sample of so many pixels."""
        places = []
        for part in parts:
            if part.extent <= tuning.SPECK_MOST:
                self.specks += 1
                self.bright_specks += 2 * part.bright >= part.area
                places.append((part.left, part.top))
            elif part.is_line:
                self.lines += 1
            else:
                self.others += 1
            self.coloured += 2 * part.coloured >= part.area
        if 1 < len(places) <= tuning.SPECKS_MOST_PLACED:
            self._apart += sum(_to_nearest(places))
            self._apart_by_chance += 0.5 * math.sqrt(pixels * len(places))

    @property
    def is_wear(self) -> bool:
        """Specks and lines in the numbers that wear has them, and grey: proof by itself."""
        low, high = tuning.WEAR_SPECKS_PER_LINE
        return (
            self.specks >= tuning.WEAR_FEWEST_SPECKS
            and low * self.lines <= self.specks <= high * self.lines
            and self._is_scattered
        )

    @property
    def is_dust(self) -> bool:
        """Specks both brighter and darker than the picture: proof on what is a print already."""
        return self.is_specked and self._is_mixed

    @property
    def has_lines_among_specks(self) -> bool:
        """Specks and a line at least, grey or not: wear where grain or a border tells a print."""
        return self.lines > 0 and self.specks >= max(tuning.WEAR_FEWEST_SPECKS, self.lines)

    @property
    def is_specked(self) -> bool:
        """Specks of any kind, and little else: of dust or flakes, but of snow and stars too."""
        return (
            self.specks >= tuning.WEAR_FEWEST_SPECKS
            and self.lines <= self.specks
            and self._is_scattered
        )

    @property
    def _is_scattered(self) -> bool:
        """Mostly specks or lines, at random; grey, unless both lighter and darker than around."""
        if self._apart < tuning.SPECKS_LEAST_APART * self._apart_by_chance:
            return False
        count = self.specks + self.lines + self.others
        is_grey = self.coloured <= tuning.WEAR_MOST_COLOURED * count
        return self.others <= tuning.WEAR_MOST_OTHERS * self.specks and (is_grey or self._is_mixed)

    @property
    def _is_mixed(self) -> bool:
        rarer = min(self.bright_specks, self.specks - self.bright_specks)
        return rarer >= tuning.DUST_RARER_SHARE * self.specks


def _to_nearest(places: list[tuple[int, int]]) -> list[float]:
    """How far it is from each place to the next one, in pixels."""
    nearest = [math.inf] * len(places)
    for (first, one), (second, other) in combinations(enumerate(places), 2):
        apart = math.dist(one, other)
        nearest[first] = min(nearest[first], apart)
        nearest[second] = min(nearest[second], apart)
    return nearest
