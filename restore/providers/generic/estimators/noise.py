"""How much noise a picture has: its deviation in each opponent plane, on three scales.

Immerkaer 1996: the difference of two Laplacians, blind to flat and sloping areas, its mean absolute
value over 16 x 16 blocks. Texture only ever adds to it, so the quiet blocks tell the noise.

Three kinds are told apart. *Sensor noise* stands in the colour differences too, where photos have
hardly any texture: there it is certain, and there it is measured. *White noise* of a grey picture
halves from scale to scale. *Grain* does not; it passes as noise only where its values are spread
like a Gauss curve and evenly over the picture, since fine texture is neither.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from restore.providers.generic import tuning
from restore.providers.generic.planes import Plane

_BLOCK = 16
_TO_SIGMA = math.sqrt(math.pi / 2) / 6
SCALES = 3


@dataclass(frozen=True, slots=True)
class Noise:
    """Deviations in grey levels of 255: for each opponent plane, for each scale, finest first."""

    planes: tuple[tuple[float, ...], ...]

    @property
    def sigma(self) -> float:
        """The deviation of brightness at full size."""
        return self.planes[0][0]

    @property
    def strongest(self) -> float:
        """The deviation of brightness on the scale where it is strongest."""
        return max(self.planes[0])

    @property
    def is_coarse(self) -> bool:
        """Whether brightness has grain: noise that does not halve from scale to scale."""
        fine, half = self.planes[0][:2]
        return half >= tuning.NOISE_WHITE_RATIO * fine > 0

    @property
    def grain(self) -> float:
        """About the deviation of luma, of noise of all scales together."""
        return tuning.NOISE_IN_LUMA * max(self.planes[0][0], 2 * self.planes[0][1])


@dataclass(slots=True)
class BlockActivity:
    """What the mask says of each whole, unclipped 16 x 16 block of one plane at one scale."""

    sigmas: list[float]
    gaussness: list[float]

    def quantile(self, share: float) -> float:
        """The deviation that `share` of the blocks stay below; 0 of no block."""
        ordered = sorted(self.sigmas)
        return ordered[int(len(ordered) * share)] if ordered else 0.0

    def add(self, plane: Plane, valid: Plane) -> None:
        """Count in the blocks of one more sample; `valid` is 1.0 where pixels are not clipped."""
        width, height = plane.size
        if width < _BLOCK + 2 or height < _BLOCK + 2:
            return
        across = plane + plane.shifted(2, 0) - plane.shifted(1, 0).scaled(2.0)
        both = across + across.shifted(0, 2) - across.shifted(0, 1).scaled(2.0)
        means = _block_means(abs(both))
        squares = _block_means(both * both)
        usable = _block_means(valid.window(0, 0, width - 2, height - 2))
        for mean, square, share in zip(means, squares, usable, strict=True):
            if share >= tuning.NOISE_UNCLIPPED_SHARE:
                self.sigmas.append(mean * _TO_SIGMA)
                self.gaussness.append(mean * mean / square if square else 0.0)

    def quiet_gaussness(self) -> float:
        """(E|x|)^2 / E x^2 in the quietest fifth of the blocks: 2/pi for a Gauss curve, else less.

        0 of no block.
        """
        order = sorted(range(len(self.sigmas)), key=self.sigmas.__getitem__)
        quiet = order[: max(1, len(order) // 5)]
        return sum(self.gaussness[i] for i in quiet) / len(quiet) if quiet else 0.0


class NoiseMeter:
    """Gathers the activity of samples, then says what noise they have."""

    def __init__(self, planes: int) -> None:
        self._activity = [[BlockActivity([], []) for _ in range(SCALES)] for _ in range(planes)]

    def add(self, planes: Sequence[Plane], valid: Plane) -> None:
        """Count in the opponent planes (or the one grey plane) of one sample."""
        for plane, scales in zip(planes, self._activity, strict=True):
            usable = valid
            for scale in scales:
                scale.add(plane, usable)
                plane, usable = halved(plane), halved(usable)

    @property
    def floor(self) -> float:
        """The deviation of brightness in the quietest blocks, be it noise or texture."""
        return self._level(self._activity[0][0])

    def noise(self, from_jpeg: bool) -> Noise:
        """What was found; all zeros where nothing passes for noise."""
        levels = [[self._level(activity) for activity in scales] for scales in self._activity]
        colour = self._colour_noise(levels)
        if colour >= tuning.NOISE_ACT_ABOVE:
            return _sensor_noise(levels, colour)
        bright, nothing = levels[0], Noise(((0.0,) * SCALES,) * len(levels))
        if len(self._activity[0][0].sigmas) < tuning.NOISE_FEWEST_BLOCKS_GREY:
            return nothing
        if self._is_white(bright) or self._is_grain(bright, from_jpeg):
            return Noise(tuple(tuple(scales) for scales in [_at_least_white(bright), *levels[1:]]))
        return nothing

    def _level(self, activity: BlockActivity) -> float:
        if len(activity.sigmas) < tuning.NOISE_FEWEST_BLOCKS:
            return 0.0
        return activity.quantile(tuning.NOISE_QUANTILE) * tuning.NOISE_CORRECTION

    def _colour_noise(self, levels: list[list[float]]) -> float:
        """The deviation that both colour differences agree on; 0 of grey pictures."""
        if len(levels) == 1:
            return 0.0
        low, high = sorted((levels[1][0], levels[2][0]))
        return high if low >= tuning.NOISE_COLOURS_AGREE * high else 0.0

    def _is_white(self, bright: list[float]) -> bool:
        return (
            bright[0] >= tuning.NOISE_ACT_ABOVE
            and bright[1] <= tuning.NOISE_WHITE_RATIO * bright[0]
            and self._activity[0][0].quiet_gaussness() >= tuning.NOISE_WHITE_GAUSSNESS
        )

    def _is_grain(self, bright: list[float], from_jpeg: bool) -> bool:
        half = self._activity[0][1]
        least = tuning.GRAIN_GAUSSNESS_JPEG if from_jpeg else tuning.GRAIN_GAUSSNESS
        widest = tuning.GRAIN_SPREAD_JPEG if from_jpeg else tuning.GRAIN_SPREAD
        return (
            max(bright[0], bright[1]) >= tuning.NOISE_ACT_ABOVE
            and half.quiet_gaussness() >= least
            and half.quantile(0.2) <= widest * half.quantile(0.03)
        )


def _sensor_noise(levels: list[list[float]], colour: float) -> Noise:
    """Brightness has about the noise of the colour differences: what is above that is texture."""
    low, high = tuning.NOISE_BRIGHT_TO_COLOUR
    bright = [min(max(level, low * colour), high * colour) for level in levels[0][:1]]
    for level, first, second in zip(*(scales[1:] for scales in levels), strict=True):
        bright.append(max(bright[-1] / 2, min(level, high * max(first, second))))
    differences = [tuple(_at_least_white(scales)) for scales in levels[1:]]
    return Noise((tuple(bright), *differences))


def _at_least_white(bright: list[float]) -> list[float]:
    """No scale has less than half the noise of the finer one."""
    result = bright[:1]
    for level in bright[1:]:
        result.append(max(level, result[-1] / 2))
    return result


def halved(plane: Plane) -> Plane:
    """`plane` at half its size, each pixel the mean of four."""
    width, height = plane.size
    return plane.resized((max(1, width // 2), max(1, height // 2)), Image.Resampling.BOX)


def _block_means(plane: Plane) -> list[float]:
    width, height = plane.size
    columns, rows = width // _BLOCK, height // _BLOCK
    whole = plane.window(0, 0, columns * _BLOCK, rows * _BLOCK)
    return whole.resized((columns, rows), Image.Resampling.BOX).values()
