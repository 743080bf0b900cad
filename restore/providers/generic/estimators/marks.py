"""Scratches and dust: thin lonely pixels far off the median of their neighbourhood.

A mark must stand out by more than the picture around it does: by the mean deviation from the median
(squared, for texture's outliers grow faster than its mean), by how many pixels near it stand out
too, and by the gradient beneath it; colour that stands out with it speaks against it, since a
scratch is grey. Tuned on drawings of scratches on 12 photos (2026-11-22).

A mark has a core that stands out enough, and continues from it along pixels that stand out weakly:
against its severest pixels alone, that found half as much again, with 2 to 4 % of it wrong (on 12
photos, 24 drawings, 2026-11-22).

Whether a picture *has* marks is told by two thresholds for cores: real marks are found by both,
false ones multiply as the threshold falls; then only the severest cores are believed.
"""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter

from restore.providers.generic import tuning
from restore.providers.generic.colour import Channels, luma
from restore.providers.generic.estimators.components import Component, components_of
from restore.providers.generic.estimators.noise import halved
from restore.providers.generic.estimators.pattern import Pattern
from restore.providers.generic.filters.around import highest_around, lowest_around
from restore.providers.generic.filters.median import median5
from restore.providers.generic.planes import Plane

_FINE = 8.0  # grey levels of a byte for one of the deviation, so that its mean keeps fractions
_UNCROWDED = [255 * (share <= 255 * tuning.BEYOND_MOST) for share in range(256)]


@dataclass(frozen=True, slots=True)
class Marks:
    """Share of marked pixels (0..1), the severity that a mark's core must have, and the grain.

    `tones` are the darkest and the brightest of a faded print: nothing beyond them is its own.
    """

    share: float
    severity: float
    grain: float
    tones: tuple[int, int] | None = None


class MarkMeter:
    """Gathers the marks of samples at two severities, then says whether they are scratched."""

    def __init__(self, grain: float, tones: tuple[int, int] | None = None) -> None:
        self._grain, self._tones = grain, tones
        self._cores = self._strict = self._loose = self._pixels = 0
        self.pattern = Pattern()

    def add(self, channels: Channels) -> None:
        """Count in one sample."""
        severity = mark_severity(channels, self._grain)
        self._pixels += severity.size[0] * severity.size[1]
        self._cores += _count(_above(severity, tuning.MARK_SURE))
        self._strict += _count(marked(severity, tuning.MARK_SURE, self._grain))
        loose = marked(severity, 1.0, self._grain)
        self._loose += _count(loose)
        if loose.getbbox() and _count(loose) <= 2 * tuning.MARK_MOST * self._pixels:
            self.pattern.add(_parts(loose, channels), loose.width * loose.height)

    def marks(self) -> Marks | None:
        """None where there are too few, or so many that they are the picture."""
        if not self._pixels:
            return None
        fewest, growth = tuning.MARK_FEWEST, tuning.MARK_GROWTH
        if self._grain:
            fewest, growth = tuning.MARK_FEWEST_IN_GRAIN, tuning.MARK_GROWTH_IN_GRAIN
        strict, loose = self._strict / self._pixels, self._loose / self._pixels
        if self._cores < fewest * self._pixels or strict > tuning.MARK_MOST:
            return None
        if loose <= growth * strict:
            return Marks(loose, 1.0, self._grain, self._tones)
        return Marks(strict, tuning.MARK_SURE, self._grain, self._tones)


def _parts(mask: Image.Image, channels: Channels) -> list[Component]:
    """The connected marks, with how many of their pixels are bright and how many coloured."""
    bright = luma(channels)
    lighter = bright.above(median5(bright)).scaled(255.0).to_bytes()
    if len(channels) == 1:
        return components_of(mask, lighter, Image.new("L", mask.size))
    red, green, blue = channels
    chroma = red.maximum(green).maximum(blue) - red.minimum(green).minimum(blue)
    return components_of(mask, lighter, _above(chroma, tuning.MARK_COLOURED))


def marked(severity: Plane, core: float, grain: float) -> Image.Image:
    """255 on each mark, as "L": from pixels above `core` along neighbours that are weakly marked.

    Hysteresis (Canny 1986): a scratch is a faint line with some severe pixels, and few textures
    have even one. `grain` raises what counts as weak, since grain stands out weakly all over.
    """
    need = tuning.MARK_LEAST + tuning.MARK_PER_GRAIN * grain
    weak = _above(severity, tuning.MARK_WEAK + tuning.MARK_WEAK_PER_GRAIN * grain / need)
    marks = _above(severity, core)
    for _ in range(tuning.MARK_REACH if marks.getbbox() else 0):
        marks = ImageChops.darker(grown(marks), weak)
    return marks


def grown(marks: Image.Image) -> Image.Image:
    """`marks`, 0 and 255, one pixel wider each way.

    8 ms a megapixel; Pillow's MaxFilter takes 70 (13.0, 2026-11-22).
    """
    return marks.filter(ImageFilter.BoxBlur(1)).point([0] + [255] * 255)


def marks_in(channels: Channels, marks: Marks) -> Image.Image:
    """255 on all marks in `channels` of a picture that is known to have `marks`, as "L".

    Dust of three to seven pixels, which no median of five sees, is looked for at half size, but
    only on grainy prints that have thin marks too: on clean photos, whose eyes and buttons are as
    round, it cost up to 6.5 dB and gained 0.9 at best (4 photos, 16 drawings, 2026-11-22).
    """
    found = marked(mark_severity(channels, marks.grain), marks.severity, marks.grain)
    if not marks.grain:
        return found
    small, grain = [halved(plane) for plane in channels], marks.grain / 2
    wide = marked(mark_severity(small, grain), tuning.MARK_SURE, grain)
    if marks.tones and marks.grain >= tuning.GRAIN_OF_PRINTS:
        wide = ImageChops.lighter(wide, grown(_beyond(small, grain, marks.tones)))
    return ImageChops.lighter(found, wide.resize(found.size, Image.Resampling.NEAREST))


def _beyond(channels: Channels, grain: float, tones: tuple[int, int]) -> Image.Image:
    """255 on specks that are darker or brighter than all of a faded print, as "L".

    On quiet ground, that is; far brighter ones wherever they are alone.
    """
    bright = luma(channels)
    coarse = median5(halved(bright))
    spread = highest_around(coarse, 2) - lowest_around(coarse, 2)
    ground, spread = (
        plane.resized(bright.size, Image.Resampling.BILINEAR) for plane in (coarse, spread)
    )
    black, white = (Plane.filled(bright.size, tone) for tone in tones)
    outside = (black - bright).maximum(bright - white).scaled(1.0, -tuning.BEYOND_LEAST)
    apart = abs(bright - ground).scaled(1.0, -tuning.BEYOND_APART * grain)
    quiet = spread.scaled(-1.0, tuning.BEYOND_QUIET * grain)
    far = _above(outside.minimum(apart), tuning.BEYOND_FAR)
    near = _above(outside, 0.0).filter(ImageFilter.BoxBlur(6))
    lonely = near.point(_UNCROWDED)
    return ImageChops.lighter(
        _above(outside.minimum(apart).minimum(quiet), 0.0), ImageChops.darker(far, lonely)
    )


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


def _above(plane: Plane, level: float) -> Image.Image:
    return plane.above(Plane.filled(plane.size, level)).scaled(255.0).to_bytes()


def _count(mask: Image.Image) -> int:
    return mask.histogram()[255]
