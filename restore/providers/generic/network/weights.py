"""The file of a network's weights: a line of magic, a header in JSON, and numbers of 16 bits.

    b"restore weights 1\\n"   magic
    length                   4 bytes, big-endian: of the header
    header                   JSON: name, layers, sha256, licence, command, and what else tells how
    numbers                  IEEE half floats, little-endian: each layer's kernels, then its biases

A layer is [inputs, outputs]: `outputs` x `inputs` kernels of 3 x 3, row by row from the top, then
`outputs` biases. Half floats have 11 bits, which moved no result by a grey level. The file is
written by `training.packing`.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from typing import Any

MAGIC = b"restore weights 1\n"
MOST_BYTES = 1 << 20  # of a whole file
TAPS = 9

Kernel = tuple[float, ...]


class WeightsError(ValueError):
    """The bytes are no file of weights, or not those that were written."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution: `kernels[output][input]` of nine taps each, and a bias for each output."""

    kernels: tuple[tuple[Kernel, ...], ...]
    biases: tuple[float, ...]

    @property
    def inputs(self) -> int:
        """How many planes go in."""
        return len(self.kernels[0])

    @property
    def outputs(self) -> int:
        """How many planes come out."""
        return len(self.kernels)


@dataclass(frozen=True, slots=True)
class Weights:
    """A file's header and its layers, in the order in which the network runs them."""

    header: dict[str, Any]
    layers: tuple[Layer, ...]


def unpacked(data: bytes) -> Weights:
    """The weights in `data`; raises WeightsError unless every number is there and as written."""
    start = len(MAGIC) + 4
    if not data.startswith(MAGIC) or not start <= len(data) <= MOST_BYTES:
        raise WeightsError("no file of weights")
    length = int.from_bytes(data[len(MAGIC) : start], "big")
    numbers = data[start + length :]
    try:
        header = json.loads(data[start : start + length])
        shapes = [(int(inputs), int(outputs)) for inputs, outputs in header["layers"]]
        wanted = header["sha256"]
    except (ValueError, KeyError, TypeError) as problem:
        raise WeightsError("a header that can't be read") from problem
    if hashlib.sha256(numbers).hexdigest() != wanted:
        raise WeightsError("numbers that are not those the header tells of")
    count = sum(outputs * (inputs * TAPS + 1) for inputs, outputs in shapes)
    if len(numbers) != 2 * count or any(min(shape) < 1 for shape in shapes):
        raise WeightsError("more or fewer numbers than the layers have")
    values = struct.unpack(f"<{count}e", numbers)
    layers, place = [], 0
    for inputs, outputs in shapes:
        size = inputs * outputs * TAPS
        layers.append(_layer(values[place : place + size + outputs], inputs, outputs))
        place += size + outputs
    return Weights(header, tuple(layers))


def _layer(values: tuple[float, ...], inputs: int, outputs: int) -> Layer:
    size = inputs * outputs * TAPS
    kernels = [values[k : k + TAPS] for k in range(0, size, TAPS)]
    rows = [tuple(kernels[k : k + inputs]) for k in range(0, len(kernels), inputs)]
    return Layer(tuple(rows), values[size:])
