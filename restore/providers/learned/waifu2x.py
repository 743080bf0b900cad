"""waifu2x for photos (UpConv-7): seven 3 x 3 convolutions and a deconvolution that doubles.

Pictures are RGB, 0.0..1.0. "Noise levels" are how much JPEG damage a file of weights was trained to
remove: 0 least, 3 most; nagadomi 2015, after Dong et al. 2014 (SRCNN).
"""

from functools import lru_cache

import numpy as np

from restore.providers.arrays import Array, Tiling, tiled
from restore.providers.learned.runtime import NcnnNetwork
from restore.providers.learned.weights import description

HALO = 7  # px that the seven convolutions see beyond each side, and don't give back
HALO_TWICE = 11  # px of the small picture that the second doubling's halo reaches into: 7 + 7 / 2

_CORE = 72  # px: 25 MB of layers; 144 took 100 MB and as long, though less of it is halo
_CACHED = 3  # networks in one child: one a noise level that came up


def doubled(picture: Array, noise: int, threads: int) -> Array:
    """`picture` at twice its size, with the network of `noise` level (one of NOISE_LEVELS)."""
    made = tiled(_network(noise, threads), picture, Tiling(_CORE, HALO, trimmed=HALO), 2)
    return np.clip(made, 0.0, 1.0)


def enlarged(picture: Array, factor: int, noise: int, threads: int) -> Array:
    """`picture` at `factor` 2 or 4 times its size; damage is removed in the first doubling."""
    large = doubled(picture, noise, threads)
    return large if factor == 2 else doubled(large, 0, threads)


def cleaned(picture: Array, noise: int, threads: int) -> Array:
    """`picture` at its own size without JPEG damage: doubled, then the mean of 2 x 2 pixels."""
    height, width, channels = picture.shape
    large = doubled(picture, noise, threads)
    mean: Array = large.reshape(height, 2, width, 2, channels).mean(axis=(1, 3), dtype=np.float32)
    return mean


@lru_cache(maxsize=_CACHED)
def _network(noise: int, threads: int) -> NcnnNetwork:
    return NcnnNetwork(description(noise), threads)
