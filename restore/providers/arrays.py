"""Pictures as numpy arrays, and networks run over them tile by tile: for learned models only.

A picture here is float32, (height, width, channels), 0.0..1.0 from black to white. It knows no
runtime and no file. Rule: no seam. Each tile looks at a halo around what it contributes, and beyond
the picture's edge lies the picture's mirror image.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float32]
Network: TypeAlias = Callable[[Array], Array]  # (h, w, c) to scale times h and w, any channels


@dataclass(frozen=True, slots=True)
class Tiling:
    """What size of input a network takes at once; all in px of its input.

    `core` is the side of what one run contributes, `halo` what it looks at beyond that on each
    side. Both sides of an input are a multiple of `multiple`, or exactly `fixed` (height, width)
    where a network takes nothing else. A network without padding gives `trimmed` px fewer on each
    side than it was given.
    """

    core: int
    halo: int
    multiple: int = 1
    fixed: tuple[int, int] | None = None
    trimmed: int = 0


@dataclass(frozen=True, slots=True)
class _Span:
    """One tile along one axis: it contributes start..stop of the picture, given `length` px."""

    start: int
    stop: int
    length: int


def tiled(network: Network, picture: Array, tiling: Tiling, scale: int) -> Array:
    """`network` over all of `picture`, of any size from 1 x 1; `scale` times as large.

    Raises ValueError where the network's output is not `scale` times its input.
    """
    height, width = picture.shape[:2]
    rows, row_halo = _spans(height, tiling, 0)
    columns, column_halo = _spans(width, tiling, 1)
    padded = _mirrored(picture, rows, row_halo, columns, column_halo)
    result: Array | None = None
    for row in rows:
        for column in columns:
            given = padded[
                row.start : row.start + row.length, column.start : column.start + column.length
            ]
            made = network(given)
            _check(made, given, tiling.trimmed, scale)
            if result is None:
                result = np.empty((height * scale, width * scale, made.shape[2]), np.float32)
            top, left = (halo - tiling.trimmed for halo in (row_halo, column_halo))
            result[
                row.start * scale : row.stop * scale, column.start * scale : column.stop * scale
            ] = made[
                top * scale : (top + row.stop - row.start) * scale,
                left * scale : (left + column.stop - column.start) * scale,
            ]
    assert result is not None, "a picture has at least one pixel"
    return result


def _check(made: Array, given: Array, trimmed: int, scale: int) -> None:
    expected = tuple((side - 2 * trimmed) * scale for side in given.shape[:2])
    if made.shape[:2] != expected:
        raise ValueError(f"the network made {made.shape[:2]} of {given.shape[:2]}, not {expected}")


def _spans(length: int, tiling: Tiling, axis: int) -> tuple[list[_Span], int]:
    """The tiles along an axis of `length` px, about equal ones, and the halo on each side."""
    core, halo, taken = tiling.core, tiling.halo, 0
    if tiling.fixed is not None:
        taken = tiling.fixed[axis]
        halo = min(halo, taken // 4)
        core = taken - 2 * halo
    count = -(-length // core)
    step = -(-length // count)
    spans = []
    for start in range(0, length, step):
        stop = min(length, start + step)
        needed = -(-(stop - start + 2 * halo) // tiling.multiple) * tiling.multiple
        spans.append(_Span(start, stop, taken or needed))
    return spans, halo


def _mirrored(
    picture: Array, rows: list[_Span], row_halo: int, columns: list[_Span], column_halo: int
) -> Array:
    """`picture` within its mirror images, as far as any tile looks."""
    bottom = max(span.start + span.length for span in rows) - picture.shape[0] - row_halo
    right = max(span.start + span.length for span in columns) - picture.shape[1] - column_halo
    margins = ((row_halo, max(0, bottom)), (column_halo, max(0, right)), (0, 0))
    return np.pad(picture, margins, mode="symmetric")
