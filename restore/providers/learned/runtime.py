"""ncnn on the CPU: one network, loaded once, over one array at a time."""

from pathlib import Path

import ncnn
import numpy as np

from restore.providers.arrays import Array
from restore.providers.model import ModelError


class NcnnNetwork:
    """A network with one input and one output; callable on (h, w, c) arrays of float32."""

    def __init__(self, description: Path, threads: int) -> None:
        """Load `description` (`.param`) and the weights beside it (`.bin`).

        `threads` are the cores that one run may keep busy. Raises ModelError.
        """
        self._net = ncnn.Net()
        self._net.opt.use_vulkan_compute = False
        self._net.opt.num_threads = threads
        weights = description.with_suffix(".bin")
        if self._net.load_param(str(description)) or self._net.load_model(str(weights)):
            raise ModelError(
                f"{weights.name} or its description is missing or damaged: install"
                " restore[learned] anew."
            )
        self._input = self._net.input_names()[0]
        self._output = self._net.output_names()[0]

    def __call__(self, picture: Array) -> Array:
        """What the network makes of `picture`; raises RuntimeError where ncnn fails."""
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
        extractor = self._net.create_extractor()
        # ncnn.Mat borrows the array's memory and doesn't keep it: `planes` lives until the end.
        failed = extractor.input(self._input, ncnn.Mat(planes))
        if not failed:
            failed, made = extractor.extract(self._output)
        if failed:
            raise RuntimeError(f"ncnn gave {failed} for a tile of {picture.shape}")
        result: Array = np.array(made, np.float32).transpose(1, 2, 0)
        return result
