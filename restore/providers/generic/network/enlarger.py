"""The network that enlarges: brightness in, what its Lanczos enlargement lacks out.

Convolutions and ReLUs on the small picture, whose last four planes are the phases of a picture
twice as large. There are two sets of weights: for pictures as they are, and for JPEG files, whose
blocks the first would sharpen. Four times as large is twice as large, twice.
"""

from PIL import Image

from restore.providers.generic.network.layers import SCALE, Chain, fixed
from restore.providers.generic.network.weights import Weights
from restore.providers.generic.planes import Plane

UNIT, MIDDLE = 64.0, 128.0  # grey levels: of 1.0, and of 0.0


class EnlargingNetwork:
    """Weights made ready; a pixel depends on those within `reach` pixels of it."""

    def __init__(self, weights: Weights) -> None:
        self._chain = Chain(weights, 1)
        self.reach = self._chain.reach

    def __call__(self, plane: Plane, factor: int) -> Plane:
        """`plane` (0..255 floats) at `factor` (2 or 4) times its width and height.

        Of the result `reach` times `factor` pixels and `reach` more at the edge are of no use.
        """
        for _ in range(factor.bit_length() - 1):
            missing = Plane(self._chain([fixed(plane.image, UNIT, MIDDLE)])).scaled(UNIT / SCALE)
            plane = plane.resized(missing.size, Image.Resampling.LANCZOS) + missing
        return plane
