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
from restore.providers.generic.estimators.frame import inside_of
from restore.providers.generic.tiles import Box


@dataclass(frozen=True, slots=True)
class Levels:
    """`value * gain + offset` for each channel; `one_hue`: for brightness, colour kept."""

    gains: tuple[float, ...]
    offsets: tuple[float, ...]
    one_hue: bool


@dataclass(frozen=True, slots=True)
class Print:
    """What speaks of a faded print: the `levels` that would undo it, the box `inside` frames.

    `levels` is None where the tones show no fading; the signs stand beside it. `inside` is in
    pixels of the picture. `tones` are its darkest and brightest grey levels.
    """

    levels: Levels | None
    inside: Box
    is_framed: bool
    is_one_hue: bool
    has_cast: bool
    has_ends: bool
    has_dull_white: bool
    tones: tuple[int, int] = (0, 255)


def print_of(picture: Image.Image) -> Print:
    """What an "L" or "RGB" picture shows of a print and its fading."""
    factor, small = _copy_factor(picture), small_copy(picture)
    box = inside_of(small.convert("L"))
    framed = box != (0, 0, *small.size)
    inside = (box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor)
    if not framed:
        inside = (0, 0, *picture.size)
    small = small.crop(box)
    bright = small.convert("L")
    if min(bright.size) < tuning.FADE_LEAST_SHORT_SIDE:
        return Print(None, (0, 0, *picture.size), *(False,) * 5)
    ends = [_ends(channel) for channel in small.split()]
    low, high = _ends(bright)
    one_hue = len(ends) == 1 or is_one_hue(small)
    return Print(
        _levels(ends, low, high, one_hue),
        inside,
        framed,
        one_hue,
        _has_cast(ends),
        _has_ends(bright, low, high),
        _has_dull_white(bright, low, high),
        (low, high),
    )


def _levels(ends: list[tuple[int, int]], low: int, high: int, one_hue: bool) -> Levels | None:
    """The straight lines that undo fading, in proportion to what is missing at both ends."""
    share = _share(low, tuning.FADE_LIFT) * _share(-high, tuning.FADE_WHITE)
    share *= _share(min(pair[0] for pair in ends), tuning.FADE_CHANNEL_LIFT)
    common = min(tuning.FADE_MOST_GAIN, _gain(low, high))
    if share * (common - 1) < tuning.FADE_LEAST_GAIN:
        return None
    lines = _toned(ends, low, high, common) if one_hue else _balanced(ends, common)
    steepest = max(gain for gain, _ in lines)
    if one_hue and (not _has_cast(ends) or steepest > tuning.FADE_STEEPEST * common):
        return Levels((1 + share * (common - 1),), (share * _offset(low, common),), True)
    return Levels(
        tuple(1 + share * (gain - 1) for gain, _ in lines),
        tuple(share * offset for _, offset in lines),
        False,
    )


def _balanced(ends: list[tuple[int, int]], common: float) -> list[tuple[float, float]]:
    """Gain and offset of each channel: its own ends put right, near the common gain."""
    least, most = tuning.FADE_CHANNEL_RATIO
    gains = [min(max(_gain(*pair), least * common), most * common) for pair in ends]
    return [(gain, _offset(pair[0], gain)) for pair, gain in zip(ends, gains, strict=True)]


def small_copy(picture: Image.Image) -> Image.Image:
    """The picture reduced to a few hundred pixels, without its finest dust."""
    factor = _copy_factor(picture)
    small = picture.reduce(factor) if factor > 1 else picture
    return small.filter(ImageFilter.MedianFilter(3))


def _copy_factor(picture: Image.Image) -> int:
    return max(1, max(picture.size) // tuning.FADE_COPY_SIDE)


def _toned(
    ends: list[tuple[int, int]], low: int, high: int, common: float
) -> list[tuple[float, float]]:
    """The same where all is one yellowed hue: the veil goes by a share, the rest is its tone."""
    offset, kept = _offset(low, common), 1 - tuning.FADE_VEIL_SHARE
    black, white = low * common + offset, high * common + offset
    lines = []
    for darkest, brightest in ends:
        first, last = black + kept * (darkest - low), white + kept * (brightest - high)
        gain = (last - first) / max(1, brightest - darkest)
        lines.append((gain, first - gain * darkest))
    return lines


def _share(value: float, ramp: tuple[float, float]) -> float:
    """0..1 as `value` goes through `ramp`: no picture near a limit jumps."""
    return min(1.0, max(0.0, (value - ramp[0]) / (ramp[1] - ramp[0])))


def _has_ends(bright: Image.Image, low: int, high: int) -> bool:
    """Whether both ends lie close together all over, as where light met shade before it faded.

    A fog, a dusk or a ramp is of one tone at each place; a page is of one tone at most.
    """
    histogram = bright.histogram()
    band = tuning.ENDS_TONE_WIDTH
    commonest = max(sum(histogram[start : start + band]) for start in range(256 - band))
    if commonest > tuning.ENDS_MOST_OF_ONE_TONE * sum(histogram):
        return False
    block = tuning.ENDS_BLOCK
    tile = bright.crop((0, 0, bright.width // block * block, bright.height // block * block))
    size = (bright.width // block, bright.height // block)
    if min(size) < 2:
        return False
    wide = 0
    for y in range(size[1]):
        for x in range(size[0]):
            part = tile.crop((x * block, y * block, (x + 1) * block, (y + 1) * block))
            darkest, brightest = ImageStat.Stat(part).extrema[0]
            wide += brightest - darkest >= tuning.ENDS_LOCAL_RANGE * (high - low)
    return wide >= tuning.ENDS_LEAST_BLOCKS * size[0] * size[1]


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


def _has_dull_white(bright: Image.Image, low: int, high: int) -> bool:
    """Whether grey is the brightest there is: much of it at the very top, or hardly any range."""
    if high > tuning.FADE_MOST_WHITE_NEUTRAL or max(bright.size) < tuning.FADE_LEAST_SIDE:
        return False
    histogram = bright.histogram()
    top = sum(histogram[max(0, high - tuning.FADE_PLATEAU_DEPTH) :]) / sum(histogram)
    return top >= tuning.FADE_PLATEAU_SHARE or high - low <= tuning.FADE_NEUTRAL_RANGE


def _has_cast(ends: list[tuple[int, int]]) -> bool:
    """Whether white has yellowed, as ageing paper and dyes do: red most, blue least."""
    whites = [pair[1] for pair in ends]
    yellowed = whites == sorted(whites, reverse=True)
    return yellowed and whites[-1] <= tuning.FADE_CAST * whites[0]


def _gain(low: int, high: int) -> float:
    black, white = tuning.FADE_TARGETS
    return (white - black) / max(1, high - min(low, tuning.FADE_MOST_LIFT))


def _offset(low: int, gain: float) -> float:
    return tuning.FADE_TARGETS[0] - gain * min(low, tuning.FADE_MOST_LIFT)


def is_one_hue(small: Image.Image) -> bool:
    """Whether colour is a function of brightness alone, as in a grey, sepia or blue print.

    The colour differences of the pixels of each brightness scatter around one value.
    """
    bright = small.convert("L")
    scatter = 0.0
    for channel in (0, 2):
        apart = ImageChops.subtract(small.getchannel(channel), bright, 1, 128)
        scatter = max(scatter, _scatter_within(apart, bright))
    return scatter <= tuning.FADE_ONE_HUE


def _scatter_within(values: Image.Image, bright: Image.Image) -> float:
    """The deviation of `values` from their mean in each of 16 ranges of `bright`."""
    total = 0.0
    for step in range(0, 256, 16):
        mask = bright.point([255 if step <= value < step + 16 else 0 for value in range(256)])
        count = mask.histogram()[255]
        if count:
            total += ImageStat.Stat(values, mask).var[0] * count
    return math.sqrt(total / (bright.width * bright.height))
