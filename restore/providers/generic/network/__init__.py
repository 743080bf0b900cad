"""Small networks of our own, run on Pillow's planes: no framework, no dependency.

It may not know what a picture is for, where it came from, or when a network should be asked: that
is decided by the plan.

- `weights`: the file of numbers, and what proves it whole
- `layers`: what a network is made of
- `enlarger`: twice and four times as large

How the weights came about: `training/`, and docs/MODELS.md for what they can and can't do.
"""

from functools import cache
from importlib.resources import files

from restore.providers.generic.network.enlarger import EnlargingNetwork
from restore.providers.generic.network.weights import Weights, WeightsError, unpacked

__all__ = ["EnlargingNetwork", "Weights", "WeightsError", "enlarging_network", "weights_named"]


def weights_named(name: str) -> Weights:
    """The weights that ship under `name`; raises WeightsError where they are damaged."""
    data = files(__name__).joinpath(f"{name}.weights").read_bytes()
    weights = unpacked(data)
    if weights.header.get("name") != name:
        raise WeightsError(f"weights of another network than {name}")
    return weights


@cache
def enlarging_network(jpeg: bool) -> EnlargingNetwork:
    """The network for JPEG files, or for pictures without their damage; loaded once a process."""
    return EnlargingNetwork(weights_named("enlarge-jpeg" if jpeg else "enlarge"))
