"""The sliding (translation-invariant) block DCT as arithmetic on whole planes.

Every n x n block at every `stride`-th pixel is transformed at once: one plane holds one
coefficient of all blocks. A picture is split into stride x stride *phases* (each `stride`-th pixel
both ways), so that block sample k is phase k % stride shifted by k // stride, and every operation
runs on planes 1/stride^2 the size of the picture.

The 8-point transform is the scaled one of Arai, Agui and Nakajima (1988): 5 products and 29 sums;
its coefficients are the orthonormal ones divided by `norm`, and inverse after forward multiplies by
8 in each direction; the 4-point one follows the same rule by a factor of 4. Callers divide that
out where they normalise anyway (`gain`).

What it does not: decide what to keep. That is `shrinkage`.
"""

import math
from dataclasses import dataclass

from PIL import Image

from restore.providers.generic.planes import Plane

Phases = list[list[Plane]]
Coefficients = list[list[Plane]]

_TAN = math.tan(math.pi / 8)
_ODD4 = 1 + 1 / math.sqrt(2)
_NORM4 = (0.5, math.cos(math.pi / 8) / math.sqrt(2), 0.5, math.cos(math.pi / 8) / math.sqrt(2))
_NORM8 = tuple(
    1 / (math.sqrt(8) * (1.0 if k == 0 else math.sqrt(2) * math.cos(k * math.pi / 16)))
    for k in range(8)
)


def _forward4(x: list[Plane]) -> list[Plane]:
    s0, s1, d0, d1 = x[0] + x[3], x[1] + x[2], x[0] - x[3], x[1] - x[2]
    return [s0 + s1, d0 + d1.scaled(_TAN), s0 - s1, d0.scaled(_TAN) - d1]


def _inverse4(y: list[Plane]) -> list[Plane]:
    even0, even1 = y[0] + y[2], y[0] - y[2]
    y1, y3 = y[1].scaled(_ODD4), y[3].scaled(_ODD4)
    odd0, odd1 = y1 + y3.scaled(_TAN), y1.scaled(_TAN) - y3
    return [even0 + odd0, even1 + odd1, even1 - odd1, even0 - odd0]


def _forward8(x: list[Plane]) -> list[Plane]:
    s0, s1, s2, s3 = x[0] + x[7], x[1] + x[6], x[2] + x[5], x[3] + x[4]
    d0, d1, d2, d3 = x[0] - x[7], x[1] - x[6], x[2] - x[5], x[3] - x[4]
    a, b, c, d = s0 + s3, s1 + s2, s0 - s3, s1 - s2
    z = (c + d).scaled(0.7071067811865476)
    p, q, r = d3 + d2, d2 + d1, d1 + d0
    z5 = (p - r).scaled(0.3826834323650898)
    z2, z4 = p.scaled(0.5411961001461970) + z5, r.scaled(1.3065629648763766) + z5
    z3 = q.scaled(0.7071067811865476)
    e, f = d0 + z3, d0 - z3
    return [a + b, e + z4, c + z, f - z2, a - b, f + z2, c - z, e - z4]


def _inverse8(y: list[Plane]) -> list[Plane]:
    a, b, c = y[0] + y[4], y[0] - y[4], y[2] + y[6]
    d = (y[2] - y[6]).scaled(1.4142135623730951) - c
    e0, e1, e2, e3 = a + c, b + d, b - d, a - c
    p, q, r, s = y[5] + y[3], y[5] - y[3], y[1] + y[7], y[1] - y[7]
    o0 = r + p
    z5 = (q + s).scaled(1.8477590650225735)
    o1 = z5 - q.scaled(2.6131259297527530) - o0
    o2 = (r - p).scaled(1.4142135623730951) - o1
    o3 = s.scaled(1.0823922002923940) - z5 + o2
    return [e0 + o0, e1 + o1, e2 + o2, e3 - o3, e3 + o3, e2 - o2, e1 - o1, e0 - o0]


@dataclass(frozen=True, slots=True)
class BlockDct:
    """The transform of n x n blocks (n = 4 or 8) at each `stride`-th pixel (1, 2 or 4)."""

    n: int
    stride: int

    @property
    def gain(self) -> float:
        """What forward and inverse together multiply a sample by, for each block over it."""
        return float(self.n * self.n)

    def norm(self, v: int, u: int) -> float:
        """Coefficient (v, u) times this is the orthonormal one."""
        table = _NORM8 if self.n == 8 else _NORM4
        return table[v] * table[u]

    def forward(self, phases: Phases) -> Coefficients:
        """All coefficients [v][u] of all blocks; each plane n / stride - 1 smaller than a phase."""
        transform = _forward8 if self.n == 8 else _forward4
        taps, stride = range(self.n), self.stride
        rows = [
            transform([row[k % stride].shifted(k // stride, 0) for k in taps]) for row in phases
        ]
        columns = [
            transform([rows[k % stride][u].shifted(0, k // stride) for k in taps]) for u in taps
        ]
        return [[columns[u][v] for u in taps] for v in taps]

    def inverse(self, coefficients: Coefficients) -> Phases:
        """The sum over all blocks of what each says of a pixel, times `gain`."""
        transform = _inverse8 if self.n == 8 else _inverse4
        taps = range(self.n)
        columns = []
        for u in taps:
            samples = transform([coefficients[v][u] for v in taps])
            columns.append(self._gathered(samples, 0, 1))
        return [
            self._gathered(transform([columns[u][phase] for u in taps]), 1, 0)
            for phase in range(self.stride)
        ]

    def covered(self, weights: Plane) -> Plane:
        """For each pixel the sum of the weights of the blocks over it (the same in each phase)."""
        reach = self.n // self.stride
        for dx, dy in ((1, 0), (0, 1)):
            width, height = weights.size
            right, bottom = width + dx * (reach - 1), height + dy * (reach - 1)
            parts = [
                weights.window(-dx * k, -dy * k, right - dx * k, bottom - dy * k)
                for k in range(reach)
            ]
            weights = total(parts)
        return weights

    def _gathered(self, samples: list[Plane], dx: int, dy: int) -> list[Plane]:
        """Sample planes of blocks, added where they fall: one plane for each phase."""
        reach = self.n // self.stride - 1
        right, bottom = samples[0].size[0] + dx * reach, samples[0].size[1] + dy * reach
        placed = [
            plane.window(-dx * k, -dy * k, right - dx * k, bottom - dy * k)
            for k, plane in ((k // self.stride, plane) for k, plane in enumerate(samples))
        ]
        return [total(placed[phase :: self.stride]) for phase in range(self.stride)]


def total(planes: list[Plane]) -> Plane:
    """The sum of at least one plane."""
    result = planes[0]
    for plane in planes[1:]:
        result = result + plane
    return result


def split(plane: Plane, stride: int) -> Phases:
    """The phases [y][x] of a plane whose sides are multiples of `stride`."""
    width, height = plane.size
    if stride == 1:
        return [[plane]]
    size = (width // stride, height // stride)
    nearest = Image.Resampling.NEAREST
    centre = stride // 2  # NEAREST takes the sample in the middle of each stride x stride cell
    return [
        [
            plane.window(x - centre, y - centre, x - centre + width, y - centre + height).resized(
                size, nearest
            )
            for x in range(stride)
        ]
        for y in range(stride)
    ]


def join(phases: Phases) -> Plane:
    """The plane whose phases these are."""
    stride = len(phases)
    if stride == 1:
        return phases[0][0]
    width, height = phases[0][0].size
    size = (width * stride, height * stride)
    comb = _comb((size[0] + stride, size[1] + stride), stride)
    parts = [
        phases[y][x].resized(size, Image.Resampling.NEAREST)
        * comb.window(stride - x, stride - y, stride - x + size[0], stride - y + size[1])
        for y in range(stride)
        for x in range(stride)
    ]
    return total(parts)


def _comb(size: tuple[int, int], stride: int) -> Plane:
    """1.0 at each `stride`-th pixel both ways, else 0.0; `size` is of multiples of it."""
    width, height = size
    row = (b"\1" + bytes(stride - 1)) * (width // stride)
    rows = (row + bytes(width * (stride - 1))) * (height // stride)
    return Plane(Image.frombytes("L", size, rows))
