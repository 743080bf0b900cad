"""Model files of one's own: each ONNX file in MODELS_DIR is a model that clients may ask for.

Needs the extra `onnx` (onnxruntime, numpy). Files for enlarging (Real-ESRGAN and its kin), for
restoring at the picture's own size, and for faces (GFPGAN and its kin, with a YuNet detector beside
them). No file comes with this service, and none is fetched.

    catalog.py   which files there are, and what the `.json` beside one says
    session.py   onnxruntime: one file, loaded once, over one array
    network.py   a file that enlarges or restores, over a picture
    detector.py  where faces are: YuNet
    faces.py     faces aligned, restored, and laid back without a visible square

This `__init__` imports neither numpy nor onnxruntime.
"""

from importlib.util import find_spec

from restore.providers.onnx.catalog import Entry, Kind, entries

__all__ = ["Entry", "Kind", "entries", "installed"]


def installed() -> bool:
    """Whether everything that the extra brings is there to be imported; imports none of it."""
    return all(find_spec(package) is not None for package in ("numpy", "onnxruntime"))
