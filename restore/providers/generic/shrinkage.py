"""Shrinkage of sliding-DCT coefficients: what is kept of each block, and how blocks are weighed.

Every function takes the deviation of the damage for each coefficient (`Table`, [v][u], in the
unit of the plane), so that white noise, grain and JPEG's quantization are one thing.
"""

from collections.abc import Sequence

from restore.providers.generic.dct import BlockDct, Coefficients, join, split, total
from restore.providers.generic.planes import Plane

Table = Sequence[Sequence[float]]


def hard(plane: Plane, dct: BlockDct, thresholds: Table) -> Plane:
    """`plane` without the coefficients below `thresholds`; each block's mean is kept.

    A block weighs 1 / (1 + kept coefficients): sparse blocks are believed more.
    Coifman and Donoho 1995; Yu and Sapiro 2011 (IPOL).
    """
    return _thresholded(dct, dct.forward(split(plane, dct.stride)), thresholds)


def two_pass(plane: Plane, dct: BlockDct, sigmas: Table, factor: float) -> Plane:
    """`plane` through the empirical Wiener filter p^2 / (p^2 + sigma^2).

    p is the coefficient of a pilot, `hard` at `factor` times the `sigmas`. A block weighs
    1 / (sum of its gains). Ghael, Sayeed and Baraniuk 1997.
    """
    noisy = dct.forward(split(plane, dct.stride))
    pilot = _thresholded(dct, noisy, [[factor * sigma for sigma in row] for row in sigmas])
    gains = []
    for v, row in enumerate(dct.forward(split(pilot, dct.stride))):
        for u, values in enumerate(row):
            power = values * values
            gains.append(power / power.scaled(1.0, (sigmas[v][u] / dct.norm(v, u)) ** 2))
    gains[0] = Plane.filled(gains[0].size, 1.0)
    return _aggregated(dct, noisy, gains)


def _thresholded(dct: BlockDct, noisy: Coefficients, thresholds: Table) -> Plane:
    size = noisy[0][0].size
    levels: dict[float, Plane] = {}
    keep = [Plane.filled(size, 1.0)]
    for v, row in enumerate(noisy):
        for u, values in enumerate(row):
            if v or u:
                level = thresholds[v][u] / dct.norm(v, u)
                if level not in levels:
                    levels[level] = Plane.filled(size, level)
                keep.append(abs(values).above(levels[level]))
    return _aggregated(dct, noisy, keep)


def _aggregated(dct: BlockDct, noisy: Coefficients, gains: list[Plane]) -> Plane:
    """All blocks put back with their `gains`, each weighing 1 / (sum of its gains)."""
    complexity = total(gains)
    weights = Plane.filled(complexity.size, 1.0) / complexity
    n = dct.n
    kept = [[noisy[v][u] * (gains[v * n + u] * weights) for u in range(n)] for v in range(n)]
    cover = dct.covered(weights)
    share = Plane.filled(cover.size, 1.0 / dct.gain) / cover
    return join([[part * share for part in row] for row in dct.inverse(kept)])
