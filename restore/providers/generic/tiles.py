"""Cutting a picture into tiles with a halo, so that memory is bounded and planes stay in cache.

Beyond the edge of the picture its mirror image continues it, however small the picture is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

GRID = 16  # px: three halvings, then phases of two

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Tile:
    """`core` is what a tile contributes, `window` what it looks at; both in picture pixels."""

    core: Box
    window: Box

    @property
    def inset(self) -> tuple[int, int]:
        """Where the core begins inside the window."""
        return self.core[0] - self.window[0], self.core[1] - self.window[1]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the core."""
        return self.core[2] - self.core[0], self.core[3] - self.core[1]


def tiles(size: tuple[int, int], core: int, halo: int, multiple: int) -> Iterator[Tile]:
    """Tiles that cover `size`, row by row, in cores of about equal size, `core` at most.

    Each side of a window is a multiple of `multiple`.
    """
    for top, bottom in _parts(size[1], core):
        for left, right in _parts(size[0], core):
            yield Tile(
                (left, top, right, bottom),
                (
                    left - halo,
                    top - halo,
                    left - halo + _rounded_up(right - left + 2 * halo, multiple),
                    top - halo + _rounded_up(bottom - top + 2 * halo, multiple),
                ),
            )


def mirrored_window(image: Image.Image, box: Box) -> Image.Image:
    """The pixels of `image` within `box`; what lies outside is its mirror image.

    `box` must touch the image.
    """
    width, height = image.size
    left, top, right, bottom = box
    inner = (max(0, left), max(0, top), min(width, right), min(height, bottom))
    part = image.crop(inner)
    if inner == box:
        return part
    part = _extended_sideways(part, inner[0] - left, right - inner[2])
    turn = Image.Transpose.TRANSPOSE
    part = _extended_sideways(part.transpose(turn), inner[1] - top, bottom - inner[3])
    return part.transpose(turn)


def _extended_sideways(part: Image.Image, before: int, after: int) -> Image.Image:
    """`part` with mirror images of itself as `before` and `after` more columns."""
    pair = Image.new(part.mode, (2 * part.width, part.height))
    pair.paste(part, (0, 0))
    pair.paste(part.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (part.width, 0))
    wide = Image.new(part.mode, (before + part.width + after, part.height))
    for left in range(before % pair.width - pair.width, wide.width, pair.width):
        wide.paste(pair, (left, 0))
    return wide


def _parts(length: int, most: int) -> list[tuple[int, int]]:
    """`length` cut into about equal parts of at most `most`, on one grid of `GRID` pixels.

    One grid, so that halved planes and phases of all tiles meet: else seams show.
    """
    count = -(-length // most)
    step = min(most, _rounded_up(-(-length // count), GRID))
    return list(pairwise([*range(0, length, step), length]))


def _rounded_up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
