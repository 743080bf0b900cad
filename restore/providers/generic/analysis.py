"""Analyse first: what is wrong with a picture, all of it told before any step is taken.

Noise, blur, JPEG and marks are judged on at most 16 samples spread over the picture (all of a
picture up to 4 megapixels), fading on a small copy of the whole.
"""

from collections.abc import Callable
from dataclasses import dataclass

from restore.providers.generic import tuning
from restore.providers.generic.colour import luma, opponent
from restore.providers.generic.estimators.blur import BlurMeter
from restore.providers.generic.estimators.fading import (
    Levels,
    fading_of,
    is_one_hue,
    small_copy,
)
from restore.providers.generic.estimators.jpeg import (
    JpegDamage,
    blockiness,
    damage_of_tables,
    ghost_of,
)
from restore.providers.generic.estimators.marks import MarkMeter, Marks
from restore.providers.generic.estimators.noise import Noise, NoiseMeter
from restore.providers.generic.estimators.surface import Surface, SurfaceMeter
from restore.providers.generic.estimators.wear import Wear, wear_of
from restore.providers.generic.evidence import Evidence, Kind, Sign, evidence_of, is_drawn
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
    boxes = sample_boxes(picture.size)
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
    marks = MarkMeter(noise.grain)
    for number, box in enumerate(boxes if max(picture.size) >= tuning.MARK_LEAST_SIDE else ()):
        marks.add(picture.channels(box))
        advance(0.5 + (number + 1) / len(boxes) / 2)
    fading = fading_of(picture.eight_bit())
    evidence = evidence_of(_signs(picture, surface.surface(), noise, fading), (0, 0, *picture.size))
    return Findings(
        evidence,
        noise,
        blur.sigma(),
        (damage_of_tables(picture.tables) if picture.is_jpeg else None) or ghost,
        marks.marks(),
        _wear(picture, evidence),
        fading,
    )


def _wear(picture: Picture, evidence: Evidence) -> Wear | None:
    """What the network sees, of pictures that are prints or, at least, of one hue as most are."""
    if evidence.kind in (Kind.CAMERA, Kind.GRAPHIC):
        return None
    small = small_copy(picture.eight_bit())
    if evidence.is_print:
        return wear_of(picture, tuning.WEAR_FEWEST_ON_PRINTS)
    if small.mode == "L" or is_one_hue(small, tuning.WEAR_ONE_HUE):
        return wear_of(picture, tuning.WEAR_FEWEST)
    return None


def _signs(
    picture: Picture, surface: Surface, noise: Noise, fading: Levels | None
) -> frozenset[Sign]:
    seen = {
        Sign.EXPOSURE: picture.is_exposed,
        Sign.FEW_TONES: is_drawn(surface),
        Sign.GRAIN: noise.strongest >= tuning.NOISE_ACT_ABOVE,
        Sign.ONE_HUE: fading is not None and fading.one_hue,
        Sign.CAST: fading is not None and not fading.one_hue,
    }
    return frozenset(sign for sign, is_seen in seen.items() if is_seen)


def sample_boxes(size: tuple[int, int]) -> list[Box]:
    """Where to look: the whole of a small picture, evenly spread tiles of a large one."""
    return [
        (left, top, right, bottom)
        for top, bottom in _spread(size[1])
        for left, right in _spread(size[0])
    ]


def _spread(length: int) -> list[tuple[int, int]]:
    side, most = tuning.SAMPLE_SIDE, tuning.SAMPLES_PER_SIDE
    if length <= side * most:
        return [(start, min(start + side, length)) for start in range(0, length, side)]
    step = (length - side) / (most - 1)
    starts = [round(k * step) // 8 * 8 for k in range(most)]  # on JPEG's grid
    return [(start, start + side) for start in starts]


def _usable(picture: Picture, box: Box, bright: Plane) -> Plane:
    """1.0 where a pixel is seen, and neither black nor white, where noise would be cut off."""
    low, high = tuning.NOISE_UNCLIPPED_RANGE
    inside = [1 if low < value < high else 0 for value in range(256)]
    unclipped = Plane(bright.to_bytes().point(inside))
    visible = picture.visible(box)
    return unclipped * visible if visible else unclipped
