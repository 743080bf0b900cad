"""How exact a picture's ground is: what a screen or a drawing has, and no lens or paper.

A photographed surface has grain or texture; a drawn one has neighbours of exactly one value, and
most of its pixels share a handful of tones.
"""

from PIL import Image, ImageChops

from restore.providers.generic import tuning


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

    @property
    def is_drawn(self) -> bool:
        """Whether most pixels are of few tones and exactly like those to the right and below."""
        flat = self._flat >= tuning.GRAPHIC_LEAST_FLAT * self._pixels > 0
        commonest = sum(sorted(self._tones)[-tuning.GRAPHIC_TONES :])
        return flat and commonest >= tuning.GRAPHIC_LEAST_TONES * sum(self._tones)
