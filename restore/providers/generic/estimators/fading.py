"""Whether a print has faded, and the straight line for each channel that brings it back.

A faded print has lost both ends: its blacks are lifted in *every* channel (a sunset or a dive has
one that is dark) and its whites are dull. Judged on a small copy, median-filtered against dust,
without a paper or scanner border. What the tones were is a guess, so it is a cautious one: black
goes back by no more than fading lifts it, contrast by no more than fading takes, and each channel
stays near the common gain. A print of one hue keeps it: only its brightness is stretched.
"""

import math
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageStat

from restore.providers.generic import tuning


@dataclass(frozen=True, slots=True)
class Levels:
    """`value * gain + offset` for each channel; `one_hue`: for brightness, colour kept."""

    gains: tuple[float, ...]
    offsets: tuple[float, ...]
    one_hue: bool


def fading_of(picture: Image.Image) -> Levels | None:
    """The levels that undo the fading of an "L" or "RGB" picture; None where it is not faded."""
    small = small_copy(picture)
    bright = small.convert("L")
    border = _without_border(bright)
    small, bright = small.crop(border), bright.crop(border)
    if min(bright.size) < tuning.FADE_LEAST_SHORT_SIDE:
        return None
    ends = [_ends(channel) for channel in small.split()]
    low, high = _ends(bright)
    if not _is_faded(low, high, ends):
        return None
    if not _has_cast(ends) and not _has_dull_white(bright, low, high):
        return None
    common = min(tuning.FADE_MOST_GAIN, _gain(low, high))
    if len(ends) == 1 or is_one_hue(small):
        return Levels((common,), (_offset(low, common),), True)
    least, most = tuning.FADE_CHANNEL_RATIO
    gains = tuple(min(max(_gain(*pair), least * common), most * common) for pair in ends)
    offsets = tuple(_offset(pair[0], gain) for pair, gain in zip(ends, gains, strict=True))
    return Levels(gains, offsets, False)


def small_copy(picture: Image.Image) -> Image.Image:
    factor = max(1, max(picture.size) // tuning.FADE_COPY_SIDE)
    small = picture.reduce(factor) if factor > 1 else picture
    return small.filter(ImageFilter.MedianFilter(3))


def _ends(channel: Image.Image) -> tuple[int, int]:
    """The darkest and the brightest value, but for a share of outliers."""
    histogram = channel.histogram()
    spare = tuning.FADE_OUTLIERS * sum(histogram)
    return _first(histogram, spare), 255 - _first(histogram[::-1], spare)


def _first(histogram: list[int], spare: float) -> int:
    seen = 0
    for value, count in enumerate(histogram):
        seen += count
        if seen > spare:
            return value
    return 255


def _is_faded(low: int, high: int, ends: list[tuple[int, int]]) -> bool:
    return (
        low >= tuning.FADE_LEAST_LIFT
        and high <= tuning.FADE_MOST_WHITE
        and min(pair[0] for pair in ends) >= tuning.FADE_LEAST_CHANNEL_LIFT
    )


def _has_cast(ends: list[tuple[int, int]]) -> bool:
    """Whether white has taken a colour, as ageing paper and dyes do."""
    whites = [pair[1] for pair in ends]
    return min(whites) <= tuning.FADE_CAST * max(whites)


def _has_dull_white(bright: Image.Image, low: int, high: int) -> bool:
    """Whether grey is the brightest there is, without a colour to tell that it was white.

    Either paper white shows itself by many pixels at the very top, or hardly any range is left.
    """
    if high > tuning.FADE_MOST_WHITE_NEUTRAL or max(bright.size) < tuning.FADE_LEAST_SIDE:
        return False
    histogram = bright.histogram()
    top = sum(histogram[max(0, high - tuning.FADE_PLATEAU_DEPTH) :]) / sum(histogram)
    return top >= tuning.FADE_PLATEAU_SHARE or high - low <= tuning.FADE_NEUTRAL_RANGE


def _gain(low: int, high: int) -> float:
    black, white = tuning.FADE_TARGETS
    return (white - black) / max(1, high - min(low, tuning.FADE_MOST_LIFT))


def _offset(low: int, gain: float) -> float:
    return tuning.FADE_TARGETS[0] - gain * min(low, tuning.FADE_MOST_LIFT)


def is_one_hue(small: Image.Image, most: float = tuning.FADE_ONE_HUE) -> bool:
    """Whether colour is a function of brightness alone, as in a grey, sepia or blue print.

    The colour differences of the pixels of each brightness scatter around one value, by `most`
    grey levels.
    """
    bright = small.convert("L")
    scatter = 0.0
    for channel in (0, 2):
        apart = ImageChops.subtract(small.getchannel(channel), bright, 1, 128)
        scatter = max(scatter, _scatter_within(apart, bright))
    return scatter <= most


def _scatter_within(values: Image.Image, bright: Image.Image) -> float:
    """The deviation of `values` from their mean in each of 16 ranges of `bright`."""
    total = 0.0
    for step in range(0, 256, 16):
        mask = bright.point([255 if step <= value < step + 16 else 0 for value in range(256)])
        count = mask.histogram()[255]
        if count:
            total += ImageStat.Stat(values, mask).var[0] * count
    return math.sqrt(total / (bright.width * bright.height))


def _without_border(bright: Image.Image) -> tuple[int, int, int, int]:
    """The box inside a flat white or black frame; the whole picture if there is none."""
    turned = bright.transpose(Image.Transpose.TRANSPOSE)
    flip = Image.Transpose.FLIP_LEFT_RIGHT
    left, right = _frame_width(bright), _frame_width(bright.transpose(flip))
    top, bottom = _frame_width(turned), _frame_width(turned.transpose(flip))
    return left, top, bright.width - right, bright.height - bottom


def _frame_width(bright: Image.Image) -> int:
    """How many columns from the left are flat and white or black: 0 to a fifth of the width."""
    most = bright.width // 5
    for x in range(most):
        column = ImageStat.Stat(bright.crop((x, 0, x + 1, bright.height)))
        dark, light = tuning.FADE_BORDER_TONES
        flat = column.stddev[0] <= tuning.FADE_BORDER_FLAT
        if not flat or dark < column.mean[0] < light:
            return min(most, x + 2) if x else 0
    return 0
