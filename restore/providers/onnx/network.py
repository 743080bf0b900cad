"""A model file that enlarges, or restores at the picture's own size, over a picture of any size."""

from functools import lru_cache

import numpy as np

from restore.providers.arrays import Array, Tiling, tiled
from restore.providers.model import ModelError
from restore.providers.onnx.catalog import Entry, Kind
from restore.providers.onnx.session import Session, foreign, session

TILE = 240  # px a side with its halo: memory grows with its square, and the halo's share falls
_PROBE = 64  # px a side: what a look at a network of any size costs is a second
_SCALES = (1, 2, 3, 4, 8)


def looked_at(entry: Entry, opened: Session) -> tuple[Kind, int]:
    """Kind and scale of an `opened` file, told by running it once. Raises ModelError."""
    height, width = opened.height or _PROBE, opened.width or _PROBE
    blank: Array = np.full((1, opened.channels or 3, height, width), 0.5, np.float32)
    try:
        made = opened.run(blank, entry.weight)
    except Exception as error:  # whatever the graph has that shapes did not tell
        raise ModelError(
            f"{entry.path.name} in MODELS_DIR can't be run on {width} x {height} pixels."
        ) from error
    if entry.kind is Kind.DETECTOR:
        if len(made) != 12:
            raise ModelError(f"{entry.path.name} in MODELS_DIR is no YuNet face detector.")
        return Kind.DETECTOR, 1
    scale = made[0].shape[2] / height if made[0].ndim == 4 else 0
    fits = scale in _SCALES and made[0].shape[:2] == blank.shape[:2]
    if not fits or made[0].shape[3] != width * scale:
        raise foreign(entry.path)
    kind = entry.kind
    if kind is Kind.AUTO:
        fixed = opened.height is not None and opened.height == opened.width
        # A face model given a landscape would paint it over; a restorer given faces does no harm.
        kind = Kind.UPSCALE if scale > 1 else Kind.FACE if fixed and height >= 256 else Kind.RESTORE
    if (kind is Kind.UPSCALE) != (scale > 1):
        raise ModelError(
            f"{entry.path.name} in MODELS_DIR is said to be for {kind.value}, but it makes"
            f" {scale:g} times the size."
        )
    return kind, int(scale)


@lru_cache(maxsize=8)
def settled(entry: Entry, threads: int) -> tuple[Kind, int]:
    """Kind and scale of the file, looked at once a child."""
    return looked_at(entry, session(entry.path, threads))


def run(entry: Entry, picture: Array, scale: int, threads: int) -> Array:
    """`picture` (h, w, 3), 0..1, through the file, tile by tile: `scale` times as large, 0..1."""
    opened = session(entry.path, threads)
    fixed = None
    if opened.height and opened.width:
        fixed = (opened.height, opened.width)
    tile = entry.tile or TILE
    tiling = Tiling(max(16, tile - 2 * entry.halo), entry.halo, entry.multiple, fixed)
    return tiled(lambda part: once(entry, opened, part), picture, tiling, scale)


def once(entry: Entry, opened: Session, part: Array) -> Array:
    """One run over one array (h, w, 3), 0..1. A network of one channel is given the luma."""
    given = part
    if opened.channels == 1:
        given = (part @ np.array((0.299, 0.587, 0.114), np.float32))[..., None]
    elif entry.bgr:
        given = part[..., ::-1]
    given = (given * np.float32(entry.peak) - np.float32(entry.mean)) / np.float32(entry.std)
    made = opened.run(given.transpose(2, 0, 1)[None], entry.weight)[0][0].transpose(1, 2, 0)
    made = (made * np.float32(entry.std) + np.float32(entry.mean)) / np.float32(entry.peak)
    if opened.channels == 1:
        made = _recoloured(made, part)
    elif entry.bgr:
        made = made[..., ::-1]
    clipped: Array = np.clip(np.nan_to_num(made, nan=0.5), 0.0, 1.0).astype(np.float32)
    return clipped


def _recoloured(luma: Array, part: Array) -> Array:
    """(h, w, 3) of a restored luma (h, w, 1) and the colours of `part`."""
    scale = luma.shape[0] // part.shape[0]
    large = part.repeat(scale, axis=0).repeat(scale, axis=1)
    own = (large @ np.array((0.299, 0.587, 0.114), np.float32))[..., None]
    coloured: Array = large + (luma - own)
    return coloured
