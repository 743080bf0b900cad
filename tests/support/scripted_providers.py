"""A provider that does what a request's model_id says: one server has good jobs beside bad ones.

`bad/<name>` is a provider of bad_providers. `gate/...` wait until the test opens the gate: it is a
folder, named by RESTORE_TEST_GATE, where each attempt tells of itself.
"""

import errno
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageFilter

from restore.progress import report
from tests.support import bad_providers

BAD = [
    name
    for name, function in vars(bad_providers).items()
    if callable(function) and getattr(function, "__code__", None)
    if function.__code__.co_varnames[:4] == ("image_path", "model_id", "strength", "upscale")
]
MODELS = {f"bad/{name}": "goes wrong" for name in BAD} | {
    "gate/hold": "waits for the gate, half of its way done",
    "gate/gil": "is inside of C code that holds the GIL for minutes",
    "gate/room": "finds the disk full until the gate opens",
    "slow/honest": "takes three seconds and says how far it is",
}


def run(image_path: str, model_id: str, strength: float, upscale: int) -> object:
    family, _, name = model_id.partition("/")
    if family == "bad":
        return getattr(bad_providers, name)(image_path, model_id, strength, upscale)
    if family in ("gate", "slow"):
        _WAYS[name](image_path)
    return image_path


def _hold(image_path: str) -> None:
    report(0.5)
    opened = _arrive(image_path)
    while not opened():
        time.sleep(0.005)


def _hold_gil(image_path: str) -> None:
    image = Image.effect_noise((4000, 4000), 99)
    _arrive(image_path)
    while True:
        image.filter(ImageFilter.MedianFilter(9))  # one call takes 10 s and more


def _find_disk_full(image_path: str) -> None:
    if not _arrive(image_path)():
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


def _work_honestly(image_path: str) -> None:
    began = time.monotonic()
    while (share := (time.monotonic() - began) / 3) < 1:
        report(share)
        time.sleep(0.02)


def _arrive(image_path: str) -> Callable[[], bool]:
    """Leave a file named <job id>.<pid>; results in a way to ask whether the gate is open."""
    gate = Path(os.environ["RESTORE_TEST_GATE"])
    found = re.search(r"/([0-9a-f-]{36})\.work/", image_path)
    assert found, image_path
    (gate / f"{found[1]}.{os.getpid()}").touch()
    return (gate / f"{found[1]}.open").exists


_WAYS = {
    "hold": _hold,
    "gil": _hold_gil,
    "room": _find_disk_full,
    "honest": _work_honestly,
}
