"""Scratches and dust: thin lonely pixels far off the median of their neighbourhood.

A mark must stand out by more than the picture around it does: by the mean deviation from the median
(squared, for texture's outliers grow faster than its mean), by how many pixels near it stand out
too, and by the gradient beneath it; colour that stands out with it speaks against it, since a
scratch is grey. Tuned on 24 drawings of scratches on 12 photos (2026-11-22).

Whether a picture *has* marks is told by two thresholds: real marks are found by both, false ones
multiply as the threshold falls; then only the severest are believed.
"""

from dataclasses import dataclass

from PIL import ImageFilter

from restore.providers.generic import tuning
from restore.providers.generic.colour import Channels, luma
from restore.providers.generic.filters.median import median5
from restore.providers.generic.planes import Plane

_FINE = 8.0  # grey levels of a byte for one of the deviation, so that its mean keeps fractions


@dataclass(frozen=True, slots=True)
class Marks:
    """Share of marked pixels (0..1), the severity above which a pixel is one, and the grain."""

    share: float
    severity: float
    grain: float


class MarkMeter:
    """Gathers the severity of samples, then says whether they are scratched."""

    def __init__(self, grain: float) -> None:
        self._grain = grain
        self._strict = self._loose = self._pixels = 0.0

    def add(self, channels: Channels) -> None:
        """Count in one sample."""
        severity = mark_severity(channels, self._grain)
        pixels = severity.size[0] * severity.size[1]
        self._pixels += pixels
        self._strict += pixels * _share_above(severity, 1.0)
        self._loose += pixels * _share_above(severity, tuning.MARK_LOOSE)

    def marks(self) -> Marks | None:
        """None where there are too few, or so many that they are the picture."""
        if not self._pixels:
            return None
        strict, loose = self._strict / self._pixels, self._loose / self._pixels
        if not tuning.MARK_FEWEST <= strict <= tuning.MARK_MOST:
            return None
        if loose <= tuning.MARK_GROWTH * strict:
            return Marks(loose, tuning.MARK_LOOSE, self._grain)
        return Marks(strict, tuning.MARK_SURE, self._grain)


def mark_severity(channels: Channels, grain: float) -> Plane:
    """How far each pixel stands out, in units of what a mark needs at that place.

    `grain` is the deviation of luma that noise alone gives, in grey levels.
    """
    bright = luma(channels)
    smooth = median5(bright)
    apart = abs(bright - smooth)
    need = _need(apart, smooth, grain)
    if len(channels) == 3:
        most = tuning.MARK_COLOUR_MOST
        apart = apart - _colour_apart(channels).clamped(-most, most)
    return apart / need


def _need(apart: Plane, smooth: Plane, grain: float) -> Plane:
    """Grey levels that a mark must stand out by."""
    cap = Plane.filled(apart.size, tuning.MARK_ACTIVITY_CAP + 2 * grain)
    floor = -tuning.MARK_GRAIN_ACTIVITY * grain
    mean = _box_mean(apart.minimum(cap).scaled(_FINE), tuning.MARK_RADIUS).scaled(1 / _FINE, floor)
    mean = mean.maximum(Plane.filled(mean.size, 0.0))
    least = tuning.MARK_LEAST + tuning.MARK_PER_GRAIN * grain
    crowd = apart.above(cap).scaled(255.0)
    density = _box_mean(crowd, tuning.MARK_CROWD_RADIUS).scaled(tuning.MARK_PER_DENSITY / 255)
    slope = _box_mean(_gradient(smooth), 2).scaled(tuning.MARK_PER_GRADIENT, least)
    return (mean * mean).scaled(tuning.MARK_PER_ACTIVITY) + density + slope


def _gradient(plane: Plane) -> Plane:
    """Sum of the absolute central differences; the last two rows and columns wrap to zero."""
    width, height = plane.size
    wide = plane.window(-1, -1, width + 1, height + 1)
    across = abs(wide.shifted(2, 1) - wide.shifted(0, 1)).window(0, 0, width, height)
    down = abs(wide.shifted(1, 2) - wide.shifted(1, 0)).window(0, 0, width, height)
    return (across + down).scaled(0.5)


def _colour_apart(channels: Channels) -> Plane:
    """How much more colourful each pixel is than its surroundings."""
    red, green, blue = channels
    chroma = red.maximum(green).maximum(blue) - red.minimum(green).minimum(blue)
    return chroma - median5(chroma)


def _box_mean(plane: Plane, radius: int) -> Plane:
    return Plane(plane.to_bytes().filter(ImageFilter.BoxBlur(radius)))


def _share_above(plane: Plane, level: float) -> float:
    """The share (0..1) of pixels above `level`."""
    counts = plane.above(Plane.filled(plane.size, level)).scaled(255.0).to_bytes().histogram()
    return counts[255] / sum(counts)
