"""Small networks of our own, run on Pillow's planes: no framework, no dependency.

It may not know what a picture is for, where it came from, or when a network should be asked: that
is decided by the plan.

- `weights`: the file of numbers, and what proves it whole
- `layers`: what a network is made of
- `enlarger`: twice and four times as large
- `cleaner`: JPEG's damage taken off brightness
- `marker`: the probability of each pixel to be a scratch, crack, fibre or dust

How the weights came about: `training/`, and docs/MODELS.md for what they can and can't do.
"""

from functools import cache
from importlib.resources import files

from restore.providers.generic.network.cleaner import CleaningNetwork
from restore.providers.generic.network.enlarger import EnlargingNetwork
from restore.providers.generic.network.marker import GRID as MARK_GRID
from restore.providers.generic.network.marker import HALO as MARK_HALO
from restore.providers.generic.network.marker import MarkingNetwork
from restore.providers.generic.network.weights import Weights, WeightsError, unpacked

__all__ = [
    "MARK_GRID",
    "MARK_HALO",
    "CleaningNetwork",
    "EnlargingNetwork",
    "MarkingNetwork",
    "Weights",
    "WeightsError",
    "cleaning_network",
    "enlarging_network",
    "marking_network",
    "weights_named",
]


def weights_named(name: str) -> Weights:
    """The weights that ship under `name`; raises WeightsError where they are damaged."""
    data = files(__name__).joinpath(f"{name}.weights").read_bytes()
    weights = unpacked(data)
    if weights.header.get("name") != name:
        raise WeightsError(f"weights of another network than {name}")
    return weights


@cache
def cleaning_network() -> CleaningNetwork:
    """The network of JPEG clean-up; loaded once a process."""
    return CleaningNetwork(weights_named("clean-jpeg"))


@cache
def enlarging_network(jpeg: bool) -> EnlargingNetwork:
    """The network for JPEG files, or for pictures without their damage; loaded once a process."""
    return EnlargingNetwork(weights_named("enlarge-jpeg" if jpeg else "enlarge"))


@cache
def marking_network() -> MarkingNetwork:
    """The network of marks; loaded once a process."""
    return MarkingNetwork(weights_named("marks"))
