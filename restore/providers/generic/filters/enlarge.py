"""Enlarging: Lanczos, and the detail that an enlarger adds where some was lost.

Where a picture is soft nothing was lost between its pixels: Lanczos is exact there, and whatever is
added is wrong. So an enlarger's addition counts as far as the picture reaches up to the highest
frequency that its pixels can hold (`lost`). Only brightness is enlarged so; every channel is given
the gain of its brightness.

`Enlarger` is the door for whoever knows better. The one that is here, `sparse`, alternates two
projections: DCT shrinkage with a falling threshold (a photo is sparse: Guleryuz 2006) and iterative
back projection (made small again it must be the small picture: Irani and Peleg 1991).
"""

from collections.abc import Callable, Sequence

from PIL import Image

from restore.providers.generic import tuning
from restore.providers.generic.dct import BlockDct
from restore.providers.generic.planes import Plane
from restore.providers.generic.shrinkage import hard

Enlarger = Callable[[Plane, int], Plane]
"""Brightness (0..255 floats) and 2 or 4 in, the same at so many times its width and height out, on
the grid of `lanczos`. Called for parts of a picture, with tuning.ENLARGE_HALO pixels around what
counts: the result there must not depend on what lies further away."""

_DCT = BlockDct(4, 1)


def lanczos(plane: Plane, factor: int) -> Plane:
    """`plane` plainly enlarged by the whole number `factor`; itself at 1."""
    if factor == 1:
        return plane
    width, height = plane.size
    return plane.resized((width * factor, height * factor), Image.Resampling.LANCZOS)


def gained(plane: Plane, factor: int, enlarger: Enlarger) -> Plane:
    """What `enlarger` adds to the Lanczos enlargement of `plane`, where detail was lost."""
    coarse = lanczos(plane, factor)
    share = lost(plane, factor).resized(coarse.size, Image.Resampling.BILINEAR)
    return (enlarger(plane, factor) - coarse) * share


def lost(plane: Plane, factor: int) -> Plane:
    """0..1 for each pixel: how far the detail around reaches up to the pixels' highest frequency.

    Detail seen once and twice through a high-pass: of sharp edges half of its energy is left, of
    soft ones, wherever their softness comes from, less than a fifth. Within that, enlarging gains
    nothing or loses (31 soft pictures: up to -4.2 dB at 2, -9.3 at 4; so weighed none below -0.3).
    """
    detail = plane - _smoothed(plane)
    fine = detail - _smoothed(detail)
    ratio = _around(fine * fine) / _around(detail * detail).scaled(1.0, tuning.ENLARGE_LEAST_DETAIL)
    low, high = tuning.ENLARGE_FINENESS[factor]
    return ratio.scaled(1 / (high - low), -low / (high - low)).clamped(0.0, 1.0)


def sparse(thresholds: Sequence[float]) -> Enlarger:
    """The enlarger of one round of projections for each of the `thresholds`, in grey levels."""

    def enlarged(plane: Plane, factor: int) -> Plane:
        large = _back_projected(lanczos(plane, factor), plane)
        for threshold in thresholds:
            shrunk = hard(large, _DCT, [[threshold] * _DCT.n] * _DCT.n)
            large = _back_projected(shrunk, plane)
        return large

    return enlarged


def _back_projected(large: Plane, small: Plane) -> Plane:
    missing = small - large.resized(small.size, Image.Resampling.BICUBIC)
    return large + missing.resized(large.size, Image.Resampling.LANCZOS)


def _smoothed(plane: Plane) -> Plane:
    """`plane` seen through 1 2 1 in both directions; zeros lie beyond it."""
    width, height = plane.size
    across = plane.scaled(0.5) + (
        plane.window(-1, 0, width - 1, height) + plane.window(1, 0, width + 1, height)
    ).scaled(0.25)
    return across.scaled(0.5) + (
        across.window(0, -1, width, height - 1) + across.window(0, 1, width, height + 1)
    ).scaled(0.25)


def _around(plane: Plane) -> Plane:
    """The mean of the 16 x 16 pixels around each, by sums of doubling reach."""
    width, height = plane.size
    for dx, dy in ((1, 0), (0, 1)):
        plane = plane.window(-7 * dx, -7 * dy, width + 8 * dx, height + 8 * dy)
        for reach in (1, 2, 4, 8):
            plane = plane + plane.shifted(reach * dx, reach * dy)
        plane = plane.window(0, 0, width, height)
    return plane.scaled(1 / 256)
