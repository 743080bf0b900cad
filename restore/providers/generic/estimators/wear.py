"""Wear of prints as a network sees it: scratches, cracks, fibres and dust, up to a limit of width.

The network's probability for each pixel becomes a mask: sure cores, and what is weakly marked next
to them (hysteresis: Canny 1986). What is broader than a mark is taken out again: nothing could be
carried in across it, and a cigarette or a collar's tip is as pale as a flake. It is asked only
about prints: of other pictures it takes rails, rims and petals for wear.
"""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter

from restore.providers.generic import tuning
from restore.providers.generic.estimators.marks import grown
from restore.providers.generic.network import MARK_GRID, MARK_HALO, marking_network
from restore.providers.generic.picture import Picture
from restore.providers.generic.tiles import tiles


@dataclass(frozen=True, slots=True)
class Wear:
    """255 on worn pixels of the whole picture, as "L", and their share (0..1)."""

    mask: Image.Image
    share: float


def wear_of(picture: Picture, fewest: float, most_side: int) -> Wear | None:
    """The wear of a print; None where there is too little, or so much that it is the picture.

    `fewest` is the share of pixels that must be worn beyond doubt; a picture whose longer side has
    more than `most_side` px is looked at half as large, or a quarter.
    """
    scale = 1
    while max(picture.size) / scale > most_side:
        scale *= 2
    likely = probability(picture, scale)
    small, pixels = mask_of(likely), likely.width * likely.height
    surest = ImageChops.darker(small, _from(likely, tuning.WEAR_SUREST)).histogram()[255] / pixels
    share = small.histogram()[255] / pixels
    if surest < fewest or share > tuning.WEAR_MOST:
        return None
    large = small.resize((small.width * scale, small.height * scale), Image.Resampling.NEAREST)
    return Wear(large.crop((0, 0, *picture.size)), share)


def probability(picture: Picture, scale: int) -> Image.Image:
    """The network's probability (0..255 as "L") of a picture, looked at `scale` times smaller."""
    width, height = picture.size
    size = (-(-width // scale), -(-height // scale))
    found, network = Image.new("L", size), marking_network()
    for tile in tiles(size, tuning.TILE_CORE, MARK_HALO, MARK_GRID):
        left, top, right, bottom = (edge * scale for edge in tile.window)
        window = (tile.window[2] - tile.window[0], tile.window[3] - tile.window[1])
        channels = picture.channels((left, top, right, bottom))
        if scale > 1:
            channels = [plane.resized(window, Image.Resampling.BOX) for plane in channels]
        part = network(channels)
        x, y = tile.inset
        found.paste(part.crop((x, y, x + tile.size[0], y + tile.size[1])), tile.core[:2])
    return found


def mask_of(likely: Image.Image) -> Image.Image:
    """255 on wear, from the probability of each pixel."""
    weak = _from(likely, tuning.WEAR_WEAK)
    marks = _from(likely, tuning.WEAR_SURE)
    for _ in range(tuning.WEAR_REACH if marks.getbbox() else 0):
        marks = ImageChops.darker(grown(marks), weak)
    return ImageChops.subtract(marks, _broad(marks))


def _from(likely: Image.Image, least: float) -> Image.Image:
    return likely.point([255 * (level >= 255 * least) for level in range(256)])


def _broad(marks: Image.Image) -> Image.Image:
    """What of `marks` is broader than wear may be (a morphological opening, grown a little)."""
    radius = tuning.WEAR_MOST_WIDTH // 2
    inside = marks.filter(ImageFilter.BoxBlur(radius)).point([0] * 255 + [255])
    around = inside.filter(ImageFilter.BoxBlur(radius + tuning.WEAR_BROAD_MARGIN))
    return around.point([0] + [255] * 255)
