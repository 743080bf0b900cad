"""Faces aligned, restored, and laid back without a visible square.

A face is turned and scaled so that its five points lie where the model learnt them (the FFHQ
template), restored there, and brought back by the inverse; a mask that falls to nothing before the
square's edge blends it in. Coordinates are continuous px, as in `detector`.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from restore.providers.arrays import Array

# The five points in an aligned face, as shares of its side: the mean of the FFHQ faces.
TEMPLATE = (
    (0.37691676, 0.46864664),
    (0.62285697, 0.46912813),
    (0.50123859, 0.61331904),
    (0.39308822, 0.72541100),
    (0.61150205, 0.72490465),
)
FEATHER = 0.15  # of the side, from each edge inwards: how the mask rises from 0 to 1
Restorer = Callable[[Array], Array]  # (side, side, 3) in, the same out, 0..1


def similarity(points: Array, targets: Array) -> Array:
    """The (2, 3) turn, scaling and shift that brings `points` (n, 2) nearest to `targets`.

    Least squares without a mirror image: Umeyama 1991.
    """
    centre, target = points.mean(axis=0), targets.mean(axis=0)
    apart, wanted = points - centre, targets - target
    u, sizes, vt = np.linalg.svd(wanted.T @ apart / len(points))
    signs = np.array((1.0, 1.0 if np.linalg.det(u @ vt) >= 0 else -1.0))
    spread = max(float((apart**2).sum()) / len(points), 1e-12)
    turn = u @ np.diag(signs) @ vt * float((sizes * signs).sum()) / spread
    whole: Array = np.hstack((turn, (target - turn @ centre)[:, None])).astype(np.float32)
    return whole


def inverse(matrix: Array) -> Array:
    """The (2, 3) that undoes the (2, 3) `matrix`."""
    turn = np.linalg.inv(matrix[:, :2].astype(np.float64))
    whole: Array = np.hstack((turn, -turn @ matrix[:, 2:])).astype(np.float32)
    return whole


def mask(side: int) -> Array:
    """1.0 within, falling smoothly to 0.0 at the edges: (side, side)."""
    reach = np.minimum(np.arange(side), np.arange(side)[::-1]) / (FEATHER * side)
    ramp = np.clip(reach, 0.0, 1.0)
    smooth = ramp * ramp * (3 - 2 * ramp)
    both: Array = np.outer(smooth, smooth).astype(np.float32)
    return both


def renewed(
    region: Image.Image,
    plain: Image.Image,
    points: Array,
    side: int,
    restorer: Restorer,
    share: float,
) -> Image.Image:
    """`region`, an RGB part of a picture, with the face at `points` (5, 2) in it restored.

    `plain` is the same part before anything was done to it. What is laid over is `share` 0..1 of
    the restored face, and of `plain` the rest.
    """
    forth = similarity(points, np.array(TEMPLATE, np.float32) * side)
    made = restorer(aligned(region, inverse(forth), side))
    face = np.stack([_warped(made[..., k], forth, region.size) for k in range(3)], axis=-1)
    weight = np.clip(_warped(mask(side), forth, region.size), 0.0, 1.0)[..., None]
    under = np.asarray(region, np.float32)
    before = np.asarray(plain, np.float32)
    over = before + share * (np.clip(face, 0.0, 1.0) * 255 - before)
    mixed = under + weight * (over - under)
    return Image.fromarray(np.uint8(np.clip(mixed + 0.5, 0, 255)))


def box_of(points: Array, side: int, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The px of a picture of `size` that the face at `points` covers; None where it is out."""
    corners = _corners(inverse(similarity(points, np.array(TEMPLATE, np.float32) * side)), side)
    left, top = (max(0, int(np.floor(low))) for low in corners.min(axis=0))
    right, bottom = (
        min(limit, int(np.ceil(high)))
        for limit, high in zip(size, corners.max(axis=0), strict=True)
    )
    return (left, top, right, bottom) if left < right and top < bottom else None


def aligned(image: Image.Image, back: Array, side: int) -> Array:
    """The aligned face (side, side, 3), 0..1; beyond the picture its edge goes on."""
    corners = _corners(back, side)
    left, top = (int(np.floor(low)) - 2 for low in corners.min(axis=0))
    right, bottom = (int(np.ceil(high)) + 2 for high in corners.max(axis=0))
    columns = np.clip(np.arange(left, right), 0, image.width - 1)
    rows = np.clip(np.arange(top, bottom), 0, image.height - 1)
    inner = image.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    part = np.asarray(inner, np.float32)[rows - rows[0]][:, columns - columns[0]]
    moved = back.copy()
    moved[:, 2] -= np.array((left, top), np.float32)
    bands = [_warped(part[..., k] / 255, moved, (side, side)) for k in range(3)]
    face: Array = np.clip(np.stack(bands, axis=-1), 0.0, 1.0)
    return face


def _corners(back: Array, side: int) -> Array:
    """Where the corners of an aligned face of `side` lie in the picture."""
    edges = np.array([(0, 0), (side, 0), (0, side), (side, side)], np.float32)
    corners: Array = edges @ back[:, :2].T + back[:, 2]
    return corners


def _warped(band: Array, matrix: Array, size: tuple[int, int]) -> Array:
    """`band` as seen at `size`, where (x, y) of the result lies at `matrix` (x, y, 1) of `band`.

    What is made smaller is averaged first, so that nothing flickers; outside lie zeros.
    """
    shrink = max(1, int(np.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))))
    image = Image.fromarray(np.ascontiguousarray(band, np.float32))
    if shrink > 1:
        image = image.reduce(shrink)
        matrix = matrix / np.float32(shrink)
    made = image.transform(
        size,
        Image.Transform.AFFINE,
        tuple(matrix.astype(float).ravel()),
        Image.Resampling.BICUBIC,
    )
    return np.asarray(made, np.float32)
