"""Removing noise and grain: shrinkage of sliding 4x4 DCTs on two or three scales.

Brightness gets a hard-threshold pass as pilot and an empirical Wiener pass on it; the two colour
differences are smoother, so the pilot alone does, on one scale more. The low band of each result
is replaced by the denoised half-size plane (Pierazzo, Morel and Facciolo 2017).

Grain is softened, not wiped: a part of what was taken from brightness is given back, or skin and
felt turn to plastic. White noise has nothing of the photo in it, and goes as a whole.
"""

from PIL import Image

from restore.providers.generic import colour, tuning
from restore.providers.generic.colour import Channels, luma
from restore.providers.generic.dct import BlockDct
from restore.providers.generic.estimators.noise import Noise, halved
from restore.providers.generic.planes import Plane
from restore.providers.generic.shrinkage import Table, hard, two_pass

_DCT = BlockDct(4, 1)


def denoised(channels: Channels, noise: Noise) -> Channels:
    """Grey or RGB `channels` without `noise`, or with its grain softened; sides multiples of 8."""
    clean = _cleaned(channels, noise)
    if not is_grain(noise):
        return clean
    kept = (luma(channels) - luma(clean)).scaled(tuning.GRAIN_KEPT)
    return [plane + kept for plane in clean]


def is_grain(noise: Noise) -> bool:
    """Whether noise is coarser than white noise, which has half of its deviation at half size."""
    fine, half = noise.planes[0][:2]
    return half > tuning.GRAIN_COARSENESS * fine


def _cleaned(channels: Channels, noise: Noise) -> Channels:
    if len(channels) == 1:
        return [_brightness(channels[0], noise.planes[0])]
    mean, first, second = colour.opponent(channels)
    return colour.from_opponent(
        [
            _brightness(mean, noise.planes[0]),
            _difference(first, noise.planes[1]),
            _difference(second, noise.planes[2]),
        ]
    )


def _brightness(plane: Plane, sigmas: tuple[float, ...]) -> Plane:
    """Both passes on two scales; `sigmas` by scale, finest first."""
    fine = two_pass(plane, _DCT, _table(sigmas), tuning.HARD_THRESHOLD)
    coarse = two_pass(halved(plane), _DCT, _table(sigmas[1:]), tuning.HARD_THRESHOLD)
    return _with_low_band(fine, coarse)


def _difference(plane: Plane, sigmas: tuple[float, ...]) -> Plane:
    """One pass on as many scales as `sigmas` has, finest first.

    In strong noise hardly anything of the finest scale survives, and it is left out unseen: half
    the time, and no loss at sigma 10 and 25.
    """
    if max(sigmas) < tuning.NOISE_NEGLIGIBLE:
        return plane
    half = halved(plane)
    coarse = _difference(half, sigmas[1:]) if len(sigmas) > 1 else None
    if coarse and sigmas[0] >= tuning.COLOUR_COARSE_ABOVE:
        return coarse.resized(plane.size, Image.Resampling.BICUBIC)
    fine = hard(plane, _DCT, _table(sigmas, tuning.HARD_THRESHOLD))
    return _with_low_band(fine, coarse) if coarse else fine


def _table(sigmas: tuple[float, ...], factor: float = 1.0) -> Table:
    """Deviation for each 4x4 coefficient: grain is coarser than white noise.

    Grain is white noise seen through a Gaussian, so its spectrum falls as one. It was measured near
    the highest frequency, at this scale, and at half of it, on the next one: s(f) = s0 exp(-a f^2)
    through both. For white noise all are the same.
    """
    high, middle = sigmas[0], 2 * sigmas[1] if len(sigmas) > 1 else sigmas[0]
    ratio = max(1.0, middle / max(high, tuning.GRAIN_LEAST_SIGMA))
    lowest = middle * min(tuning.GRAIN_MOST_RISE, ratio ** (1 / 3))
    fall = min(1.0, high / max(lowest, tuning.GRAIN_LEAST_SIGMA))
    return [[factor * lowest * fall ** ((u * u + v * v) / 18) for u in range(4)] for v in range(4)]


def _with_low_band(fine: Plane, coarse: Plane) -> Plane:
    """`fine` with the low band of `coarse`, which is half its size."""
    correction = coarse - halved(fine)
    return fine + correction.resized(fine.size, Image.Resampling.BICUBIC)
