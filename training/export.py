"""Writes a network's best weights as the file that the provider loads."""

from pathlib import Path

import torch

from restore.providers.generic.network.weights import Layer
from training.packing import packed

LICENCE = "MIT"


def exported(weights: dict[str, torch.Tensor], order: list[str], about: dict[str, object]) -> bytes:
    """The file of the convolutions named in `order`, as they run."""
    layers = []
    for name in order:
        kernels = weights[f"{name}.weight"].tolist()
        rows = tuple(
            tuple(tuple(value for line in kernel for value in line) for kernel in row)
            for row in kernels
        )
        layers.append(Layer(rows, tuple(weights[f"{name}.bias"].tolist())))
    return packed(layers, {**about, "licence": LICENCE})


def written(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step."""
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(data)
    fresh.replace(path)
