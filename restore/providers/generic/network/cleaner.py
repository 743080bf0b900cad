"""The network that cleans a JPEG file's brightness: what the file says in, what it lacks out.

It works at half size, on the phases of 2 x 2 pixels. Beside them it sees where each lies in its
block of 8 x 8, and how coarse the file's quantization is.
"""

import math
from functools import cache

from PIL import Image

from restore.providers.generic.network.layers import SCALE, Chain, Planes, fixed, phases
from restore.providers.generic.network.weights import Weights
from restore.providers.generic.planes import Plane

UNIT, MIDDLE = 64.0, 128.0  # grey levels: of 1.0, and of 0.0
_PLACES = ((1.0, 0.0, 0.0, 1.0), (1.0, 1 / 3, -1 / 3, -1.0))  # in a block: at its edge; how far on
_MEAN_LOG = 4  # log2 of the steps, in grey levels, that the network sees as 0.0


class CleaningNetwork:
    """Weights made ready; a pixel depends on those within `reach` pixels of it."""

    def __init__(self, weights: Weights) -> None:
        self._chain = Chain(weights, 9)
        self.reach = 2 * self._chain.reach

    def __call__(self, plane: Plane, coarseness: float) -> Plane:
        """`plane` (0..255 floats) cleaned; it begins on JPEG's grid, its sides multiples of 8.

        `coarseness` is the mean step of the low frequencies in grey levels. The outermost `reach`
        pixels of the result are of no use.
        """
        half = phases(fixed(plane.image, UNIT, MIDDLE))
        coarse = math.log2(max(1.0, coarseness)) - _MEAN_LOG
        told = Image.new("I", half[0].size, round(coarse * SCALE))
        missing = self._chain([*half, *_places(half[0].size), told])
        return plane + Plane(missing).scaled(UNIT / SCALE)


@cache
def _places(size: tuple[int, int]) -> Planes:
    """Where each pixel of half the size lies in its block: down, then across."""
    planes = []
    for line in ((1, size[1]), (size[0], 1)):
        for values in _PLACES:
            short = Image.new("I", line)
            short.putdata([round(values[k % 4] * SCALE) for k in range(max(line))])
            planes.append(short.resize(size, Image.Resampling.NEAREST))
    return planes
