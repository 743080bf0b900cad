"""The Gaussian blur of a float plane, as sums of shifted planes: Pillow's own takes bytes alone."""

import math

from PIL import Image

from restore.providers.generic.planes import Plane


def blurred(plane: Plane, sigma: float) -> Plane:
    """`plane` convolved with a Gaussian of `sigma` pixels; its edge pixels continue outwards."""
    turn = Image.Transpose.TRANSPOSE
    kernel = _half_kernel(sigma)
    across = Plane(_convolved_rows(plane, kernel).image.transpose(turn))
    return Plane(_convolved_rows(across, kernel).image.transpose(turn))


def _half_kernel(sigma: float) -> list[float]:
    """The weights at distance 0, 1, 2, …; the whole kernel sums to 1."""
    radius = max(1, math.ceil(2.7 * sigma))
    weights = [math.exp(-k * k / (2 * sigma * sigma)) for k in range(radius + 1)]
    scale = weights[0] + 2 * sum(weights[1:])
    return [weight / scale for weight in weights]


def _convolved_rows(plane: Plane, kernel: list[float]) -> Plane:
    radius = len(kernel) - 1
    width, height = plane.size
    wide = _extended_rows(plane, radius)
    result = plane.scaled(kernel[0])
    for distance, weight in enumerate(kernel[1:], 1):
        left, right = radius - distance, radius + distance
        before = wide.window(left, 0, left + width, height)
        after = wide.window(right, 0, right + width, height)
        result = result + (before + after).scaled(weight)
    return result


def _extended_rows(plane: Plane, radius: int) -> Plane:
    """`plane` with its first and last column repeated `radius` times."""
    width, height = plane.size
    wide = plane.window(-radius, 0, width + radius, height).image
    for column, place in ((0, 0), (width - 1, width + radius)):
        edge = plane.image.crop((column, 0, column + 1, height))
        wide.paste(edge.resize((radius, height), Image.Resampling.NEAREST), (place, 0))
    return Plane(wide)
