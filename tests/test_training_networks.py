"""Networks in torch beside the provider's run of them, and training that goes on where it stopped.

Needs the extra `[train]`; without torch there is nothing here to test.
"""

import importlib.util
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from PIL import Image

from bench.quality import scene
from restore.providers.generic.network.cleaner import CleaningNetwork
from restore.providers.generic.network.enlarger import EnlargingNetwork
from restore.providers.generic.network.marker import HALO, MarkingNetwork
from restore.providers.generic.network.weights import unpacked
from restore.providers.generic.planes import Plane

HAS_TORCH = importlib.util.find_spec("torch") is not None
SIDE = 2 * HALO + 32


@unittest.skipUnless(HAS_TORCH, "torch is not installed")
class SameResultTest(unittest.TestCase):
    """One set of weights, run by torch and by Pillow."""

    def setUp(self) -> None:
        import numpy as np
        import torch

        torch.manual_seed(3)
        self.picture = scene(4, (SIDE, SIDE))
        levels = np.asarray(self.picture, np.float32)
        self.bright = levels @ np.array([0.299, 0.587, 0.114], np.float32)
        self.colourful = levels.max(axis=2) - levels.min(axis=2)

    def test_the_enlarger(self) -> None:
        import torch

        from training.export import exported
        from training.networks import Enlarger

        model = Enlarger(8, 2)
        network = EnlargingNetwork(unpacked(exported(model.state_dict(), model.order, {})))
        given = torch.from_numpy((self.bright - 128) / 64)[None, None]
        with torch.no_grad():
            wanted = model(given)[0, 0].numpy() * 64
        plane = Plane(Image.fromarray(self.bright))
        large = Image.Resampling.LANCZOS
        made = network(plane, 2) - plane.resized((2 * SIDE, 2 * SIDE), large)
        edge = 2 * model.margin
        found = made.window(edge, edge, 2 * SIDE - edge, 2 * SIDE - edge).values()
        for a, b in zip(found, wanted.ravel().tolist(), strict=True):
            self.assertAlmostEqual(a, b, delta=0.2)

    def test_the_cleaner(self) -> None:
        import torch

        from training.export import exported
        from training.networks import Cleaner

        model = Cleaner(6, 2)
        network = CleaningNetwork(unpacked(exported(model.state_dict(), model.order, {})))
        given = torch.from_numpy((self.bright - 128) / 64)[None, None]
        with torch.no_grad():
            wanted = model(given, torch.tensor([-1.0]))[0, 0].numpy() * 64
        plane, edge = Plane(Image.fromarray(self.bright)), 2 * model.margin
        made = network(plane, 8.0) - plane
        found = made.window(edge, edge, SIDE - edge, SIDE - edge).values()
        for a, b in zip(found, wanted.ravel().tolist(), strict=True):
            self.assertAlmostEqual(a, b, delta=0.2)

    def test_the_marker(self) -> None:
        import numpy as np
        import torch

        from training.export import exported
        from training.networks import Marker

        model = Marker(4, 6, 8)
        data = exported(model.state_dict(), list(Marker.ORDER), {})
        channels = [Plane(band) for band in self.picture.split()]
        found = MarkingNetwork(unpacked(data))(channels)
        given = np.stack([(self.bright - 128) / 64, self.colourful / 64])[None]
        with torch.no_grad():
            wanted = torch.sigmoid(model(torch.from_numpy(given)))[0, 0].numpy() * 255
        inner = slice(HALO, SIDE - HALO)
        apart = np.abs(np.asarray(found, np.float32) - wanted)[inner, inner]
        self.assertLess(float(apart.max()), 4.5)  # a sixteenth of a logit, where it is steepest


@unittest.skipUnless(HAS_TORCH, "torch is not installed")
class ResumeTest(unittest.TestCase):
    def test_a_run_that_was_stopped_ends_as_one_that_was_not(self) -> None:
        import torch

        from training import loop
        from training.enlarging import Enlarging

        class StopError(Exception):
            pass

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            photos = [folder / f"{number}.png" for number in range(2)]
            for number, path in enumerate(photos):
                scene(number, (420, 300)).save(path)

            def run(place: str, stop_at: int | None) -> dict[str, torch.Tensor]:
                task = Enlarging(photos, jpeg=False, seed=1)
                honest = task.loss

                def loss(step: int) -> torch.Tensor:
                    if step == stop_at:
                        raise StopError
                    return honest(step)

                with mock.patch.object(task, "loss", loss):
                    plan = loop.Run(folder / place, 6, 1.0, 3, 0.5)
                    return loop.trained(task, plan)[0]

            with mock.patch.object(loop, "CHECKPOINT_SECONDS", 0.0):
                whole = run("whole", None)
                with self.assertRaises(StopError):
                    run("stopped", 4)
                again = run("stopped", None)
            for key, value in whole.items():
                self.assertTrue(torch.equal(value, again[key]), key)
