"""The network that enlarges: brightness in, what its Lanczos enlargement lacks out.

Convolutions and ReLUs on the small picture, whose last four planes are the phases of a picture
twice as large. There are two sets of weights: for pictures as they are, and for JPEG files, whose
blocks the first would sharpen. Four times as large is twice as large, twice.
"""

from itertools import pairwise

from PIL import Image

from restore.providers.generic.network.layers import (
    SCALE,
    Convolution,
    fixed,
    interleaved,
    rectified,
)
from restore.providers.generic.network.weights import Weights, WeightsError
from restore.providers.generic.planes import Plane

UNIT, MIDDLE = 64.0, 128.0  # grey levels: of 1.0, and of 0.0


class EnlargingNetwork:
    """Weights made ready; a pixel depends on those within `reach` pixels of it."""

    def __init__(self, weights: Weights) -> None:
        layers = weights.layers
        joints = [a.outputs == b.inputs for a, b in pairwise(layers)]
        if not all(joints) or layers[0].inputs != 1 or layers[-1].outputs != 4:
            raise WeightsError("layers that are no enlarging network")
        self._convolutions = [Convolution(layer) for layer in layers]
        self.reach = len(layers)

    def __call__(self, plane: Plane, factor: int) -> Plane:
        """`plane` (0..255 floats) at `factor` (2 or 4) times its width and height.

        Of the result `reach` times `factor` pixels and `reach` more at the edge are of no use.
        """
        for _ in range(factor.bit_length() - 1):
            plane = self._doubled(plane)
        return plane

    def _doubled(self, plane: Plane) -> Plane:
        planes = [fixed(plane.image, UNIT, MIDDLE)]
        for convolution in self._convolutions[:-1]:
            planes = rectified(convolution(planes))
        missing = Plane(interleaved(self._convolutions[-1](planes))).scaled(UNIT / SCALE)
        return plane.resized(missing.size, Image.Resampling.LANCZOS) + missing
