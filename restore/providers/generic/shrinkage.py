"""Shrinkage of sliding-DCT coefficients: what is kept of each block, and how blocks are weighed.

Every function takes the deviation of the damage for each coefficient (`Table`, [v][u], in the
unit of the plane), so that white noise, grain and JPEG's quantization are one thing.
"""

from collections.abc import Sequence

from restore.providers.generic.dct import BlockDct, Coefficients, Phases, join, split, total
from restore.providers.generic.planes import Plane

Table = Sequence[Sequence[float]]


def hard(plane: Plane, dct: BlockDct, thresholds: Table) -> Plane:
    """`plane` without the coefficients below `thresholds`; each block's mean is kept.

    A block weighs 1 / (1 + kept coefficients): sparse blocks are believed more.
    Coifman and Donoho 1995; Yu and Sapiro 2011 (IPOL).
    """
    noisy = dct.forward(split(plane, dct.stride))
    keep = []
    for v, row in enumerate(noisy):
        for u, values in enumerate(row):
            level = thresholds[v][u] / dct.norm(v, u) if v or u else -1.0
            keep.append(abs(values).above(Plane.filled(values.size, level)))
    return _aggregated(dct, noisy, keep, total(keep))


def wiener(plane: Plane, pilot: Plane, dct: BlockDct, sigmas: Table) -> Plane:
    """`plane` through the empirical Wiener filter p^2 / (p^2 + sigma^2), p from `pilot`.

    A block weighs 1 / (sum of its squared gains). Ghael, Sayeed and Baraniuk 1997.
    """
    noisy = dct.forward(split(plane, dct.stride))
    clean = dct.forward(split(pilot, dct.stride))
    gains = []
    for v, row in enumerate(clean):
        for u, values in enumerate(row):
            power = values * values
            noise = (sigmas[v][u] / dct.norm(v, u)) ** 2
            gains.append(power / power.scaled(1.0, noise))
    gains[0] = Plane.filled(gains[0].size, 1.0)
    return _aggregated(dct, noisy, gains, total([gain * gain for gain in gains]))


def _aggregated(dct: BlockDct, noisy: Coefficients, gains: list[Plane], complexity: Plane) -> Plane:
    """All blocks put back with their `gains`, each weighing 1 / `complexity`."""
    weights = Plane.filled(complexity.size, 1.0) / complexity
    n = dct.n
    kept = [[noisy[v][u] * (gains[v * n + u] * weights) for u in range(n)] for v in range(n)]
    cover = dct.covered(weights)
    inverse_cover = Plane.filled(cover.size, 1.0 / dct.gain) / cover
    return join([[part * inverse_cover for part in row] for row in dct.inverse(kept)])
