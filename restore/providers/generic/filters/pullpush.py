"""Filling holes of any width from what lies around them: pull-push over a pyramid.

Going down, every pixel of a level is the weighted mean of four of the finer one; going up, a pixel
without any weight is taken from the coarser level. A hole is thus filled from its rim, smoothly,
however wide it is, in a third more than one pass over the picture. Gortler, Grzeszczuk, Szeliski
and Cohen 1996, section 3.6.
"""

from PIL import Image

from restore.providers.generic.planes import Plane

_NOTHING = 1e-6  # of a weight, beside rounding


def pulled_pushed(values: Plane, weight: Plane) -> Plane:
    """`values` where `weight` is above 0, else carried in from around; zeros if it never is.

    `values` are already multiplied by `weight`, which is 0..1: a sum and what it counts. The result
    is the mean itself, of the same size.
    """
    nothing = Plane.filled(weight.size, _NOTHING)
    known = weight.above(nothing)
    mean = (values / weight.maximum(nothing)) * known
    if max(values.size) == 1:
        return mean
    coarse = pulled_pushed(Plane(values.image.reduce(2)), Plane(weight.image.reduce(2)))
    carried = coarse.resized(values.size, Image.Resampling.BILINEAR)
    return mean + carried * known.scaled(-1.0, 1.0)
