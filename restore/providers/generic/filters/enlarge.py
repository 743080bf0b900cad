"""Enlarging: Lanczos, and the detail of brightness that a network adds to it.

Every channel is given the gain of its brightness. The networks learnt on soft pictures as well as
sharp ones, and add next to nothing where nothing was lost between the pixels.
"""

from PIL import Image

from restore.providers.generic.network import enlarging_network
from restore.providers.generic.planes import Plane


def lanczos(plane: Plane, factor: int) -> Plane:
    """`plane` plainly enlarged by the whole number `factor`; itself at 1."""
    if factor == 1:
        return plane
    width, height = plane.size
    return plane.resized((width * factor, height * factor), Image.Resampling.LANCZOS)


def gained(bright: Plane, factor: int, jpeg: bool) -> Plane:
    """What enlarging by 2 or 4 gains over Lanczos; `jpeg` where its blocks are still in `bright`.

    Up to `tuning.ENLARGE_HALO` pixels from its edge, what is said of `bright` is of no use.
    """
    return enlarging_network(jpeg)(bright, factor) - lanczos(bright, factor)
