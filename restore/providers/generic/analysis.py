"""Analyse first: what is wrong with a picture, all of it told before any step is taken.

Noise, blur, JPEG and marks are judged on at most 16 samples spread over the picture (all of a
picture up to 4 megapixels), fading on a small copy of the whole.
"""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import ImageChops

from restore.providers.generic import tuning
from restore.providers.generic.colour import luma, opponent
from restore.providers.generic.estimators.blur import BlurMeter
from restore.providers.generic.estimators.fading import Levels, Print, print_of
from restore.providers.generic.estimators.jpeg import (
    JpegDamage,
    blockiness,
    coarseness_of,
    damage_of_tables,
    ghost_of,
)
from restore.providers.generic.estimators.lines import lines_of
from restore.providers.generic.estimators.marks import MarkMeter, Marks
from restore.providers.generic.estimators.noise import Noise, NoiseMeter
from restore.providers.generic.estimators.surface import SurfaceMeter
from restore.providers.generic.estimators.wear import Wear, wear_of
from restore.providers.generic.evidence import Evidence, Kind, Sign, evidence_of
from restore.providers.generic.picture import Picture
from restore.providers.generic.planes import Plane
from restore.providers.generic.tiles import Box


@dataclass(frozen=True, slots=True)
class Findings:
    """What kind of picture it is, and what each estimator said; None where it found nothing."""

    evidence: Evidence
    noise: Noise
    blur: float | None
    jpeg: JpegDamage | None
    marks: Marks | None
    wear: Wear | None
    fading: Levels | None


def analysed(picture: Picture, advance: Callable[[float], None]) -> Findings:
    """Look at `picture`; `advance` hears the fraction 0..1 done."""
    shown = print_of(picture.eight_bit())
    boxes = sample_boxes(shown.inside)
    grey = picture.image.mode in ("L", "LA", "I;16")
    noise_meter, blur, surface = NoiseMeter(1 if grey else 3), BlurMeter(), SurfaceMeter()
    ghost: JpegDamage | None = None
    for number, box in enumerate(boxes):
        channels = picture.channels(box)
        bright = luma(channels)
        noise_meter.add(channels if grey else opponent(channels), _usable(picture, box, bright))
        blur.add(bright)
        surface.add(bright.to_bytes())
        if ghost is None and blockiness(bright) >= tuning.BLOCKINESS_LEAST:
            ghost = ghost_of(bright.to_bytes())
        advance((number + 1) / len(boxes) / 2)
    noise = noise_meter.noise(picture.is_jpeg)
    marks = MarkMeter(noise.grain, shown.tones if shown.levels else None)
    for number, box in enumerate(boxes if max(picture.size) >= tuning.MARK_LEAST_SIDE else ()):
        marks.add(picture.channels(box))
        advance(0.5 + (number + 1) / len(boxes) / 2)
    signs = _signs(picture, surface, noise, shown, marks)
    evidence = evidence_of(signs, shown.inside)
    return Findings(
        evidence,
        noise,
        blur.sigma() if _may_be_blurred(picture, noise_meter.floor) else None,
        (damage_of_tables(picture.tables) if picture.is_jpeg else None) or ghost,
        marks.marks(),
        _wear(picture, evidence, marks.marks()),
        shown.levels,
    )


def _wear(picture: Picture, evidence: Evidence, marks: Marks | None) -> Wear | None:
    """What the network sees of prints, and lines whole.

    In colour it takes petals for flakes, and is asked only where paper shows. Of one hue without
    such proof bars, beads and ropes look worn to it: a print must be more so, cracked all over.
    """
    wear = None
    if evidence.is_scanned:
        wear = wear_of(picture, tuning.WEAR_FEWEST, tuning.WEAR_MOST_SIDE)
    elif Sign.ONE_HUE in evidence.signs and evidence.kind in (Kind.PRINT, Kind.DOUBT):
        wear = wear_of(picture, tuning.WEAR_FEWEST_IN_DOUBT, tuning.WEAR_MOST_SIDE_IN_DOUBT)
    if not marks or not evidence.has_marks:
        return wear
    lines = lines_of(picture, marks)
    mask = ImageChops.lighter(lines, wear.mask) if wear else lines
    return Wear(mask, mask.histogram()[255] / (mask.width * mask.height))


def _may_be_blurred(picture: Picture, floor: float) -> bool:
    """Whether softness can be told from what the lens drew, and sharpening from JPEG's own grid.

    A scan of something blurred has fine noise over it; a photo that is soft and smooth has not.
    """
    steps = [coarseness_of(table) for table in picture.tables.values()]
    return floor >= tuning.BLUR_LEAST_NOISE and max(steps, default=0.0) <= tuning.BLUR_MOST_STEP


def _signs(
    picture: Picture, surface: SurfaceMeter, noise: Noise, shown: Print, meter: MarkMeter
) -> frozenset[Sign]:
    pattern, is_marked = meter.pattern, meter.marks() is not None
    seen = {
        Sign.EXPOSURE: picture.is_exposed,
        Sign.FEW_TONES: surface.is_drawn,
        Sign.BORDER: shown.is_framed,
        Sign.GRAIN: noise.is_coarse and noise.strongest >= tuning.GRAIN_OF_PRINTS,
        Sign.ONE_HUE: shown.is_one_hue,
        Sign.CAST: shown.has_cast,
        Sign.ENDS: shown.has_ends,
        Sign.WEAR: is_marked and pattern.is_wear,
        Sign.DUST: is_marked and pattern.is_dust,
        Sign.SPECKS: pattern.is_specked and pattern.specks >= tuning.SPECKED_FEWEST,
        Sign.LINES: pattern.has_lines_among_specks,
        Sign.DULL_WHITE: shown.has_dull_white,
    }
    return frozenset(sign for sign, is_seen in seen.items() if is_seen)


def sample_boxes(inside: Box) -> list[Box]:
    """Where to look: the whole of a small picture, evenly spread tiles of a large one.

    The tiles begin on JPEG's grid, which is the picture's; a strip that is left over at the right
    or lower end counts only where nothing else is there.
    """
    left, top, right, bottom = inside
    return [
        (first, upper, last, lower)
        for upper, lower in _spread(top, bottom)
        for first, last in _spread(left, right)
    ]


def _spread(start: int, end: int) -> list[tuple[int, int]]:
    side, most = tuning.SAMPLE_SIDE, tuning.SAMPLES_PER_SIDE
    start = min(-(-start // 8) * 8, max(0, end - 1))
    if end - start <= side * most:
        cuts = [(first, min(first + side, end)) for first in range(start, end, side)]
        return [cut for cut in cuts if cut[1] - cut[0] >= tuning.SAMPLE_LEAST_SIDE] or cuts
    step = (end - start - side) / (most - 1)
    firsts = [start + round(k * step) // 8 * 8 for k in range(most)]
    return [(first, first + side) for first in firsts]


def _usable(picture: Picture, box: Box, bright: Plane) -> Plane:
    """1.0 where a pixel is seen, and neither black nor white, where noise would be cut off."""
    low, high = tuning.NOISE_UNCLIPPED_RANGE
    inside = [1 if low < value < high else 0 for value in range(256)]
    unclipped = Plane(bright.to_bytes().point(inside))
    visible = picture.visible(box)
    return unclipped * visible if visible else unclipped
