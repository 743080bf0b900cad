"""Writes the file of weights that `restore/providers/generic/network/weights.py` reads."""

import hashlib
import json
import struct
from collections.abc import Sequence
from typing import Any

from restore.providers.generic.network.weights import MAGIC, TAPS, Layer


def packed(layers: Sequence[Layer], about: dict[str, Any]) -> bytes:
    """The file of `layers`; `about` is what its header tells besides shapes and sum."""
    numbers = b"".join(
        struct.pack(f"<{layer.inputs * layer.outputs * TAPS + layer.outputs}e", *_numbers(layer))
        for layer in layers
    )
    header = {
        **about,
        "layers": [[layer.inputs, layer.outputs] for layer in layers],
        "sha256": hashlib.sha256(numbers).hexdigest(),
    }
    text = json.dumps(header, indent=1).encode()
    return MAGIC + len(text).to_bytes(4, "big") + text + numbers


def _numbers(layer: Layer) -> list[float]:
    taps = [value for row in layer.kernels for kernel in row for value in kernel]
    return [*taps, *layer.biases]
