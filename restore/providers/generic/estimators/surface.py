"""How exact a picture's ground is: what a screen or a drawing has, and no lens or paper.

A photographed surface has grain or texture; a drawn one has neighbours of exactly one value, and
most of its pixels share a handful of tones.
"""

from dataclasses import dataclass

from PIL import Image, ImageChops

from restore.providers.generic import tuning


@dataclass(frozen=True, slots=True)
class Surface:
    """Shares of all pixels, 0..1.

    `flat`: exactly like the neighbour to the right and the one below. `few_tones`: of one of the
    commonest grey tones.
    """

    flat: float
    few_tones: float


class SurfaceMeter:
    """Gathers samples of brightness as "L" images, then says how exact they are."""

    def __init__(self) -> None:
        self._flat = self._pixels = 0
        self._tones = [0] * 256

    def add(self, bright: Image.Image) -> None:
        """Count in one sample."""
        width, height = bright.size
        across = ImageChops.difference(bright, bright.crop((1, 0, width + 1, height)))
        down = ImageChops.difference(bright, bright.crop((0, 1, width, height + 1)))
        inner = ImageChops.lighter(across, down).crop((0, 0, max(1, width - 1), max(1, height - 1)))
        self._flat += inner.histogram()[0]
        self._pixels += inner.width * inner.height
        self._tones = [a + b for a, b in zip(self._tones, bright.histogram(), strict=True)]

    def surface(self) -> Surface:
        """All samples together; nothing is flat where none was added."""
        if not self._pixels:
            return Surface(0.0, 0.0)
        commonest = sorted(self._tones)[-tuning.GRAPHIC_TONES :]
        return Surface(self._flat / self._pixels, sum(commonest) / sum(self._tones))
