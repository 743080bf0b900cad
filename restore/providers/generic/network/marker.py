"""The network that finds marks: for each pixel, how likely it belongs to a scratch, crack or grain.

It looks at brightness and colourfulness at three sizes: half (as the phases of 2 x 2 pixels), a
quarter and an eighth. What the smaller sizes saw is enlarged and added on the way back, so that a
broad scratch is seen whole and a thin one keeps its edges.
"""

import math
from itertools import pairwise

from PIL import Image

from restore.providers.generic.colour import Channels, luma
from restore.providers.generic.network.layers import (
    SCALE,
    Convolution,
    Planes,
    added,
    doubled,
    fixed,
    halved,
    interleaved,
    phases,
    rectified,
)
from restore.providers.generic.network.weights import Layer, Weights, WeightsError
from restore.providers.generic.planes import Plane

UNIT, MIDDLE = 64.0, 128.0  # grey levels: of 1.0, and brightness of 0.0
GRID = 8  # px: a window's place and sides are multiples of it
HALO = 56  # px of a window that count for nothing: as far as its edge reaches in
_STEPS_PER_LOGIT = 16  # of a byte: logits from -8 to 8

_PROBABILITY = [
    round(255 / (1 + math.exp(-(byte - 128) / _STEPS_PER_LOGIT))) for byte in range(256)
]


class MarkingNetwork:
    """Weights made ready."""

    def __init__(self, weights: Weights) -> None:
        if len(weights.layers) != 11 or not _fit(weights.layers):
            raise WeightsError("layers that are no network of marks")
        ready = [Convolution(layer) for layer in weights.layers]
        self._half, self._quarter, self._eighth = ready[0:2], ready[2:4], ready[4:6]
        self._up_quarter, self._on_quarter, self._up_half, self._on_half, self._last = ready[6:]

    def __call__(self, channels: Channels) -> Image.Image:
        """The probability (0..255 as "L") of each pixel of a window of grey or RGB planes.

        The window's sides are multiples of GRID. Its outermost HALO pixels are of no use.
        """
        first = _through(self._half, _phases(channels))
        second = _through(self._quarter, halved(first))
        third = _through(self._eighth, halved(second))
        second = self._joined(second, third, self._up_quarter, self._on_quarter)
        first = self._joined(first, second, self._up_half, self._on_half)
        logits = Plane(interleaved(self._last(first)))
        return logits.scaled(_STEPS_PER_LOGIT / SCALE, 128.0).to_bytes().point(_PROBABILITY)

    @staticmethod
    def _joined(fine: Planes, coarse: Planes, up: Convolution, on: Convolution) -> Planes:
        sums = [plane.convert("F") for plane in fine]
        return rectified(on(rectified(added(sums, doubled(up(coarse))))))


def _fit(layers: tuple[Layer, ...]) -> bool:
    """Whether each layer takes what comes before it, and the ways back meet the ways down."""
    straight = all(a.outputs == b.inputs for a, b in pairwise(layers))
    half, quarter = layers[1].outputs, layers[3].outputs
    back = layers[6].outputs == quarter and layers[8].outputs == half
    return straight and back and layers[0].inputs == 8 and layers[-1].outputs == 4


def _through(convolutions: list[Convolution], planes: Planes) -> Planes:
    for convolution in convolutions:
        planes = rectified(convolution(planes))
    return planes


def _phases(channels: Channels) -> Planes:
    """Brightness and colourfulness of a window, as eight fixed-point planes of half its size."""
    bright = fixed(luma(channels).image, UNIT, MIDDLE)
    if len(channels) == 1:
        return phases(bright) + [Image.new("I", (bright.width // 2, bright.height // 2), 0)] * 4
    red, green, blue = channels
    most, least = red.maximum(green).maximum(blue), red.minimum(green).minimum(blue)
    return phases(bright) + phases(fixed((most - least).image, UNIT, 0.0))
