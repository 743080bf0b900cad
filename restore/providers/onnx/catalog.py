"""Which model files lie in MODELS_DIR, and what the `.json` beside each says. It opens no model.

Every entry is worked out from names and `.json` files alone, so that a job needs to open only the
files that it uses.
"""

import json
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from restore.providers.model import ModelError


class Kind(Enum):
    """What a file is for. AUTO is settled by the shapes of its input and output."""

    AUTO = "auto"
    UPSCALE = "upscale"
    RESTORE = "restore"
    FACE = "face"
    DETECTOR = "detector"


@dataclass(frozen=True, slots=True)
class Entry:
    """One model file. A pixel is given as (value * `peak` - `mean`) / `std`, for value 0..1.

    `tile` is the px a side that a network of any size is given (0: a default), `halo` those of them
    on each side that overlap; `multiple` what both sides must be a multiple of; `bgr` the order of
    its channels; `weight` what a second input of that name gets.
    """

    name: str
    path: Path
    kind: Kind
    licence: str
    about: str = ""
    mean: float = 0.0
    std: float = 1.0
    peak: float = 1.0
    tile: int = 0
    halo: int = 16
    multiple: int = 4
    bgr: bool = False
    weight: float = 0.5

    @property
    def model_id(self) -> str:
        """The id that clients ask for."""
        return f"restoration/{self.name}"


_LICENCES = (  # what the makers say of weights under these names
    (r"codeformer", "S-Lab 1.0: non-commercial only"),
    (r"gpen", "non-commercial only"),
    (r"gfpgan", "Apache-2.0, parts under NVIDIA's terms and CC BY-NC-SA: not plainly commercial"),
    (r"restoreformer", "Apache-2.0"),
    (r"real.?esrgan|realesr", "BSD-3-Clause"),
    (r"yunet", "MIT"),
)
_UNKNOWN = "unknown: see where the file came from"
_FACES = re.compile(r"gfpgan|codeformer|gpen|restoreformer")
_NUMBERS: dict[str, tuple[float, float]] = {
    "mean": (-1000, 1000),
    "std": (1e-6, 1000),
    "peak": (1e-6, 65535),
    "weight": (0, 1),
}
_WHOLE = {"tile": (32, 1024), "halo": (0, 128), "multiple": (1, 64)}  # px
_LARGEST_JSON = 65536  # bytes


def entries(folder: str) -> list[Entry]:
    """The models in `folder`, by name; raises ModelError, whose text names the file."""
    place = Path(folder)
    try:
        files = sorted(path for path in place.iterdir() if path.suffix.lower() == ".onnx")
    except OSError as error:
        raise ModelError(f"MODELS_DIR={folder} can't be read: {error.strerror}.") from None
    found: dict[str, Entry] = {}
    for path in files:
        entry = _entry(path)
        if entry.name in found:
            other = found[entry.name].path.name
            raise ModelError(f"MODELS_DIR: {other} and {path.name} have the same name for clients.")
        found[entry.name] = entry
    return list(found.values())


def _entry(path: Path) -> Entry:
    name = _named(path)
    said = _described(path)
    licence = next((text for pattern, text in _LICENCES if re.search(pattern, name)), _UNKNOWN)
    kind = Kind.FACE if _FACES.search(name) else Kind.AUTO
    kind = Kind.DETECTOR if "yunet" in name else kind
    values: dict[str, Any] = {"licence": licence, "kind": kind}
    if kind is Kind.FACE:
        values |= {"mean": 0.5, "std": 0.5}
    for key, value in said.items():
        values[key] = _checked(path, key, value)
    return Entry(name=name, path=path, **values)


def _named(path: Path) -> str:
    """`GFPGANv1.4.onnx` and `gfpgan_1.4.onnx` are both gfpgan-1.4: lower case, one hyphen."""
    name = re.sub(r"[^a-z0-9.]+", "-", path.stem.lower()).strip("-.")
    name = re.sub(r"^gfpgan-?v?(?=\d)", "gfpgan-", name)
    if not name or len(name) > 80:
        raise ModelError(f"{path.name} in MODELS_DIR has no name that an id could be made of.")
    return name


def _described(path: Path) -> dict[str, Any]:
    file = path.with_suffix(".json")
    try:
        if file.stat().st_size > _LARGEST_JSON:
            raise ValueError
        said = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        raise ModelError(f"{file.name} in MODELS_DIR is not readable JSON.") from None
    if not isinstance(said, dict):
        raise ModelError(f"{file.name} in MODELS_DIR must be one JSON object.")
    return said


def _checked(path: Path, key: str, value: object) -> object:
    """The value of one key of the `.json`, in the type of its field."""
    where = f"{path.stem}.json in MODELS_DIR: {key}"
    if key == "kind":
        kinds = [kind.value for kind in Kind]
        if value not in kinds:
            raise ModelError(f"{where} must be one of {', '.join(kinds)}.")
        return Kind(value)
    if key in ("licence", "about"):
        if not isinstance(value, str) or not value.strip():
            raise ModelError(f"{where} must be a line of text.")
        return " ".join(value.split())[:200]
    if key == "bgr":
        if not isinstance(value, bool):
            raise ModelError(f"{where} must be true or false.")
        return value
    ranges = _NUMBERS | _WHOLE
    if key not in ranges:
        known = ("kind", "licence", "about", "bgr", *ranges)
        raise ModelError(f"{where} is not known; known are {', '.join(known)}.")
    low, high = ranges[key]
    wanted = int if key in _WHOLE else int | float
    if isinstance(value, bool) or not isinstance(value, wanted) or not low <= value <= high:
        raise ModelError(f"{where} must be a number from {low:g} to {high:g}.")
    return value
