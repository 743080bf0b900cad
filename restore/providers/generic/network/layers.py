"""The layers of a network on Pillow alone: 3 x 3 convolution, ReLU, pooling, phases.

Values are fixed-point: images of mode "I" that hold `SCALE` for 1.0. Pillow convolves those with
nine floats in one pass (`ImageFilter.Kernel`), in a sixth of the time that nine shifted, scaled and
added float planes take. It clips what is negative to zero, so each product is computed `OFFSET`
too high, and the products of a sum are added and, of the negated kernel, subtracted by turns: the
offsets cancel, and the sum stays small enough for a float to hold exactly.

At the edge of an image a convolution gives nothing of use, one pixel deep: who calls sees to it
that a halo as deep as its convolutions is cut off, and so no seam shows. A value beyond OFFSET /
SCALE is cut off; 8-bit pictures have at most 4.0, and trained networks stay below 100.

Costs on one core (Pillow 13.0, x86-64, 2026-11-28), ms a megapixel: a product 1.7, its sum 0.9.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from PIL import Image, ImageFilter, ImageMath

from restore.providers.generic.network.weights import Kernel, Layer, Weights, WeightsError

SCALE = 8192.0  # of 1.0: steps of 1/128 grey level where 1.0 is 64 levels
OFFSET = float(1 << 22)  # 512.0: far above what any product comes to

Planes = list[Image.Image]
Products = tuple[tuple[ImageFilter.Kernel, ...], ...]


class Convolution:
    """A `Layer` made ready: applied to fixed-point planes it gives one sum for each output."""

    def __init__(self, layer: Layer) -> None:
        self._kernels: Products = tuple(
            tuple(_kernel(kernel, number % 2 == 1) for number, kernel in enumerate(row))
            for row in layer.kernels
        )
        rest = OFFSET if layer.inputs % 2 else 0.0
        self._biases = [bias * SCALE - rest for bias in layer.biases]

    def __call__(self, planes: Planes) -> Planes:
        """The sums as float images, in units of 1 / SCALE; their outermost ring is of no use."""
        return [
            _summed(planes, row, bias)
            for row, bias in zip(self._kernels, self._biases, strict=True)
        ]


class Chain:
    """Convolutions with ReLU between them, whose last four planes are a picture's phases."""

    def __init__(self, weights: Weights, inputs: int) -> None:
        """Raises WeightsError for layers that don't meet, or don't take `inputs` planes."""
        layers = weights.layers
        joints = all(a.outputs == b.inputs for a, b in pairwise(layers))
        if not joints or layers[0].inputs != inputs or layers[-1].outputs != 4:
            raise WeightsError("layers of another network")
        *self._hidden, self._last = [Convolution(layer) for layer in layers]
        self.reach = len(layers)

    def __call__(self, planes: Planes) -> Image.Image:
        """The float image, in units of 1 / SCALE, of twice the size of the fixed-point `planes`."""
        for convolution in self._hidden:
            planes = rectified(convolution(planes))
        return interleaved(self._last(planes))


def _kernel(taps: Kernel, negated: bool) -> ImageFilter.Kernel:
    """Pillow's filter for nine taps; it reads the rows from the bottom up."""
    sign = -1.0 if negated else 1.0
    rows = [value * sign for start in (6, 3, 0) for value in taps[start : start + 3]]
    return ImageFilter.Kernel((3, 3), rows, scale=1, offset=OFFSET)


def _add(v: dict[str, Any]) -> Any:
    return v["a"] + v["b"]


def _summed(planes: Planes, kernels: Sequence[ImageFilter.Kernel], bias: float) -> Image.Image:
    total = planes[0].filter(kernels[0]).convert("F")
    for number in range(1, len(planes)):
        product = planes[number].filter(kernels[number]).convert("F")
        turn = (lambda v: v["a"] - v["b"]) if number % 2 else _add
        total = ImageMath.lambda_eval(turn, a=total, b=product)
    return total.point(lambda value: value * 1.0 + bias)


def added(first: Planes, second: Planes) -> Planes:
    """The sums of float images, one by one."""
    return [ImageMath.lambda_eval(_add, a=a, b=b) for a, b in zip(first, second, strict=True)]


def rectified(sums: Planes) -> Planes:
    """ReLU: float images in, fixed-point planes out, rounded."""
    zero = Image.new("F", sums[0].size, 0.0)
    return [
        ImageMath.lambda_eval(lambda v: v["max"](v["a"], v["b"]), a=plane, b=zero).convert("I")
        for plane in sums
    ]


def fixed(plane: Image.Image, unit: float, zero: float) -> Image.Image:
    """A float image as a fixed-point plane: `zero` becomes 0.0, `unit` more 1.0."""
    factor = SCALE / unit
    return plane.point(lambda value: value * factor - zero * factor).convert("I")


def halved(planes: Planes) -> Planes:
    """The means of 2 x 2 pixels (average pooling); sides must be even."""
    return [plane.reduce(2) for plane in planes]


def doubled(planes: Planes) -> Planes:
    """Each pixel four times."""
    return [
        plane.resize((plane.width * 2, plane.height * 2), Image.Resampling.NEAREST)
        for plane in planes
    ]


def phases(plane: Image.Image) -> Planes:
    """Pixel unshuffle: the four half-size images of every second pixel; sides must be even."""
    half, method = (plane.width // 2, plane.height // 2), Image.Resampling.NEAREST
    return [
        plane.transform(half, Image.Transform.AFFINE, (2, 0, dx - 1, 0, 2, dy - 1), method)
        for dy in (0, 1)
        for dx in (0, 1)
    ]


def interleaved(four: Planes) -> Image.Image:
    """Pixel shuffle: the inverse of `phases`."""
    large = doubled(four)
    result = large[0].copy()
    for plane, mask in zip(large[1:], _every_second(result.size), strict=True):
        result.paste(plane, (0, 0), mask)
    return result


@cache
def _every_second(size: tuple[int, int]) -> tuple[Image.Image, ...]:
    """Where the second, third and fourth phase lie, as masks of mode "1"; sides are even."""
    (width, height), masks = size, []
    for dx, dy in ((1, 0), (0, 1), (1, 1)):
        lit, dark = bytes((255 * (1 - dx), 255 * dx)) * (width // 2), bytes(width)
        rows = dark + lit if dy else lit + dark
        masks.append(Image.frombytes("L", size, rows * (height // 2)).convert("1"))
    return tuple(masks)
