"""Enlarging: Lanczos, then detail that the small picture does not contradict.

Alternates two projections: DCT shrinkage with a falling threshold (a photo is sparse: Guleryuz
2006) and iterative back projection (made small again it must be the small picture: Irani and Peleg
1991). Brightness alone gets them; every channel is given the gain of its brightness.
"""

from collections.abc import Sequence

from PIL import Image

from restore.providers.generic.dct import BlockDct
from restore.providers.generic.planes import Plane
from restore.providers.generic.shrinkage import hard

_DCT = BlockDct(4, 1)


def lanczos(plane: Plane, factor: int) -> Plane:
    """`plane` plainly enlarged by the whole number `factor`; itself at 1."""
    if factor == 1:
        return plane
    width, height = plane.size
    return plane.resized((width * factor, height * factor), Image.Resampling.LANCZOS)


def enlarged(plane: Plane, plain: Plane, thresholds: Sequence[float]) -> Plane:
    """`plane` at the size of `plain`, its Lanczos enlargement; one round for each threshold."""
    large = _back_projected(plain, plane)
    for threshold in thresholds:
        sparse = hard(large, _DCT, [[threshold] * _DCT.n] * _DCT.n)
        large = _back_projected(sparse, plane)
    return large


def _back_projected(large: Plane, small: Plane) -> Plane:
    missing = small - large.resized(small.size, Image.Resampling.BICUBIC)
    return large + missing.resized(large.size, Image.Resampling.LANCZOS)
