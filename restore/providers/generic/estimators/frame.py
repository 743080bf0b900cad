"""What lies round a print: paper border, mount, album page, scanner lid; at any brightness.

Each is a band of one tone along a side, and they lie within each other: so flat rows and columns
are peeled off all sides by turns until none is left. A sky is flat along the top too, but it is no
frame: a frame goes round at least three sides and ends at once.
"""

from PIL import Image, ImageStat

from restore.providers.generic import tuning
from restore.providers.generic.tiles import Box


def inside_of(bright: Image.Image) -> Box:
    """The box inside all frames of the "L" image; the whole image where there is none."""
    whole = (0, 0, bright.width, bright.height)
    box, sides = whole, set[int]()
    for _ in range(tuning.FRAME_MOST_LAYERS):
        peeled = _peeled(bright, box, sides)
        if peeled == box:
            break
        box = peeled
    if len(sides) < tuning.FRAME_FEWEST_SIDES:
        return whole
    left, top, right, bottom = box
    return left + (0 in sides), top + (1 in sides), right - (2 in sides), bottom - (3 in sides)


def _peeled(bright: Image.Image, box: Box, sides: set[int]) -> Box:
    """`box` without the flat band at each of its sides; `sides` hears which had one."""
    edges = list(box)
    for side in range(4):
        part = bright.crop((edges[0], edges[1], edges[2], edges[3]))
        if side in (1, 3):
            part = part.transpose(Image.Transpose.TRANSPOSE)
        if side in (2, 3):
            part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        width = _flat_columns(part)
        if width:
            sides.add(side)
            edges[side] += width if side < 2 else -width
    return edges[0], edges[1], edges[2], edges[3]


def _flat_columns(part: Image.Image) -> int:
    """How many columns from the left are one flat band that ends at once; 0 if none is."""
    first = _column(part, 0)
    for x in range(part.width // 3):
        mean, deviation = _column(part, x)
        if deviation <= tuning.FRAME_FLAT and abs(mean - first[0]) <= tuning.FRAME_FLAT:
            continue
        return x if x >= tuning.FRAME_LEAST_WIDTH and _ends_here(part, x, first[0]) else 0
    return 0


def _ends_here(part: Image.Image, x: int, tone: float) -> bool:
    """Whether most of the picture behind the band is of another tone, at once and further in."""
    apart = [255 if abs(value - tone) >= tuning.FRAME_LEAST_STEP else 0 for value in range(256)]
    for behind in tuning.FRAME_BEHIND:
        column = part.crop((x + behind, 0, x + behind + 1, part.height)).point(apart)
        if column.histogram()[255] < tuning.FRAME_LEAST_APART * part.height:
            return False
    return True


def _column(part: Image.Image, x: int) -> tuple[float, float]:
    """Mean and deviation of a column, its ends left out, where the median has mixed corners."""
    spare = min(tuning.FRAME_CORNER, (part.height - 1) // 2)
    found = ImageStat.Stat(part.crop((x, spare, x + 1, part.height - spare)))
    return found.mean[0], found.stddev[0]
