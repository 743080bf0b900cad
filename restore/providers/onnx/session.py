"""onnxruntime on the CPU: one model file, loaded once a child, over one array at a time."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime

from restore.providers.arrays import Array
from restore.providers.model import ModelError

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}
_CACHED = 3  # in one child: an enlarger, a face model, a detector


class Session:
    """A loaded file. `height`, `width` and `channels` of its input are None where it takes any."""

    def __init__(self, path: Path, threads: int, quick: bool = False) -> None:
        """Load `path`; `threads` are the cores that one run keeps busy.

        `quick`: for a look, without the optimizing that takes seconds. Raises ModelError, a
        sentence that names the file.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.enable_cpu_mem_arena = False  # it would keep the largest tile's memory for ever
        options.log_severity_level = 4
        if quick:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has a class for each of a dozen causes
            raise ModelError(
                f"{path.name} in MODELS_DIR can't be loaded: it is damaged, incomplete, or no ONNX"
                f" model that onnxruntime {onnxruntime.__version__} knows."
            ) from error
        inputs = self._session.get_inputs()
        pictures = [each for each in inputs if len(each.shape) == 4 and each.type in _TYPES]
        rest = [each for each in inputs if each not in pictures]
        if len(pictures) != 1 or any(each.type not in _TYPES for each in rest):
            raise foreign(path)
        picture = pictures[0]
        batch, self.channels, self.height, self.width = (
            side if isinstance(side, int) and side > 0 else None for side in picture.shape
        )
        if batch not in (None, 1) or self.channels not in (None, 1, 3):
            raise foreign(path)
        self.outputs = [each.name for each in self._session.get_outputs()]
        self._input, self._type = picture.name, _TYPES[picture.type]
        self._extra = {each.name: (_TYPES[each.type], len(each.shape)) for each in rest}

    def run(self, planes: Array, weight: float = 0.5) -> list[Array]:
        """All outputs, as float32, for `planes` (1, channels, h, w); `weight` for other inputs."""
        given = {self._input: planes.astype(self._type)}
        for name, (kind, dimensions) in self._extra.items():
            given[name] = np.full((1,) * dimensions, weight, kind)
        return [np.asarray(made, np.float32) for made in self._session.run(None, given)]


def foreign(path: Path) -> ModelError:
    """The sentence about a model that is none for pictures."""
    return ModelError(
        f"{path.name} in MODELS_DIR is no model for pictures: one input of batch, 1 or 3 channels,"
        " height, width is expected, and an output of the same kind."
    )


@lru_cache(maxsize=_CACHED)
def session(path: Path, threads: int) -> Session:
    """The file's session, kept for the next job of this child."""
    return Session(path, threads)
