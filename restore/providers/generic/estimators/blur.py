"""How blurred a picture is: the deviation, in pixels, of the Gaussian that its sharpest edges show.

Zhuo and Sim 2011: an edge blurred once more, with a known Gaussian of one pixel, loses gradient by
a ratio R that tells its own width: sigma = 1 / sqrt(R^2 - 1). The strongest gradients are looked
at; a high quantile of their ratios says whether anything is in focus, a lower one how wide the blur
is.
"""

import math
from collections.abc import Iterable

from PIL import Image, ImageMath

from restore.providers.generic import tuning
from restore.providers.generic.filters.gauss import blurred
from restore.providers.generic.planes import Plane


class BlurMeter:
    """Gathers the edges of samples, then says how wide they are.

    Kept as bytes: the gradient, and the squared inverse of its ratio (0..1 as 0..255).
    """

    def __init__(self) -> None:
        self._samples: list[tuple[Image.Image, Image.Image]] = []

    def add(self, bright: Plane) -> None:
        """Count in the edges of one sample of brightness."""
        if min(bright.size) < 3:
            return
        strong, weak = _squared_gradient(bright), _squared_gradient(blurred(bright, 1.0))
        ratio = (weak / strong).scaled(255.0)
        self._samples.append((_root(strong).to_bytes(), ratio.to_bytes()))

    def sigma(self) -> float | None:
        """Pixels; None where the picture is sharp, or no edge is strong enough to tell."""
        if not self._samples:
            return None
        gradients = _summed(gradient.histogram() for gradient, _ in self._samples)
        if _quantile(gradients, 1 - tuning.BLUR_STRONGEST_SHARE) < tuning.BLUR_WEAKEST_EDGE:
            return None
        least = _quantile(gradients, 1 - tuning.BLUR_EDGE_SHARE)
        strong = [255 if value >= least else 0 for value in range(256)]
        ratios = _summed(ratio.histogram(edges.point(strong)) for edges, ratio in self._samples)
        sharpest = _width(_quantile(ratios, 1 - tuning.BLUR_FOCUS_QUANTILE))
        if not tuning.BLUR_ACT_ABOVE <= sharpest <= tuning.BLUR_ACT_BELOW:
            return None
        typical = _width(_quantile(ratios, 1 - tuning.BLUR_WIDTH_QUANTILE))
        return math.sqrt(max(0.0, typical * typical - tuning.BLUR_OF_SHARP_PHOTOS**2))


def _squared_gradient(plane: Plane) -> Plane:
    """Squared central differences; one pixel less on each side."""
    width, height = plane.size
    across = plane.window(2, 1, width, height - 1) - plane.window(0, 1, width - 2, height - 1)
    down = plane.window(1, 2, width - 1, height) - plane.window(1, 0, width - 1, height - 2)
    return (across * across + down * down).scaled(0.25)


def _root(plane: Plane) -> Plane:
    return Plane(ImageMath.lambda_eval(lambda v: v["a"] ** 0.5, a=plane.image))


def _width(squared_ratio: int) -> float:
    """Pixels of blur, from 255 / R^2."""
    share = min(squared_ratio, 250) / 255
    return math.sqrt(share / (1 - share))


def _summed(histograms: Iterable[list[int]]) -> list[int]:
    return [sum(counts) for counts in zip(*histograms, strict=True)]


def _quantile(histogram: list[int], share: float) -> int:
    """The lowest value that at least `share` of the counted are at or below."""
    wanted, seen = share * sum(histogram), 0
    for value, count in enumerate(histogram):
        seen += count
        if seen >= wanted:
            return value
    return 255
