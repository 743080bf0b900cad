"""The bridge from planes to arrays and back, for models that want numpy; no file of ours but the
engines of learned models imports it.
"""

import numpy as np
from PIL import Image

from restore.providers.arrays import Array, Network
from restore.providers.generic.colour import Channels
from restore.providers.generic.planes import Plane

_LUMA = (0.299, 0.587, 0.114)


def applied(network: Network, channels: Channels) -> Channels:
    """`network` over grey or RGB channels of 0..255; it sees RGB of 0..1, and may enlarge.

    Of a grey picture it sees three equal channels, and the luma of what it makes is taken.
    """
    return planes(network(array(channels)), len(channels))


def array(channels: Channels) -> Array:
    """Channels of 0..255 as (h, w, 3), 0..1 and clipped to it."""
    bands = [np.asarray(plane.image, np.float32) for plane in channels]
    stacked = np.stack(bands * (3 if len(bands) == 1 else 1), axis=-1) / np.float32(255)
    clipped: Array = np.clip(stacked, 0.0, 1.0)
    return clipped


def planes(picture: Array, count: int) -> Channels:
    """(h, w, 3) of 0..1 as `count` channels, 1 or 3, of 0..255."""
    scaled = picture * np.float32(255)
    if count == 1:
        scaled = (scaled @ np.array(_LUMA, np.float32))[..., None]
    return [
        Plane(Image.fromarray(np.ascontiguousarray(scaled[..., k]))) for k in range(scaled.shape[2])
    ]
