"""Files as they are found in the wild, on graphs of a few hundred bytes: shapes, types, kinds."""

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

from restore.providers.model import ModelError
from restore.providers.onnx import Kind, entries, installed
from tests.support import onnx_graphs as graphs

if not installed():
    raise unittest.SkipTest("the extra [onnx] is not installed")

import numpy as np

from restore.providers.arrays import Array
from restore.providers.onnx import network
from restore.providers.onnx.session import Session


def scene(height: int, width: int) -> Array:
    return np.random.default_rng(3).random((height, width, 3), np.float32)


class NetworkTest(unittest.TestCase):
    def setUp(self) -> None:
        holder = TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def looked_at(self, name: str, file: bytes, said: str = "") -> tuple[Kind, int]:
        (self.folder / name).write_bytes(file)
        if said:
            (self.folder / name).with_suffix(".json").write_text(said)
        self.entry = {entry.path.name: entry for entry in entries(str(self.folder))}[name]
        return network.looked_at(self.entry, Session(self.entry.path, 1, quick=True))

    def test_kinds_are_told_by_shapes(self) -> None:
        for number, (file, kind) in enumerate(
            (
                (graphs.enlarger(4), (Kind.UPSCALE, 4)),
                (graphs.enlarger(2, 64), (Kind.UPSCALE, 2)),
                (graphs.negative("s"), (Kind.RESTORE, 1)),
                (graphs.negative(64), (Kind.RESTORE, 1)),
                (graphs.negative(512), (Kind.FACE, 1)),
                (graphs.negative("s", graphs.FLOAT16, weight=True), (Kind.RESTORE, 1)),
            )
        ):
            with self.subTest(number):
                self.assertEqual(kind, self.looked_at(f"{number}.onnx", file))

    def test_any_size_through_fixed_and_free_shapes(self) -> None:
        for number, file in enumerate(
            (graphs.enlarger(4), graphs.enlarger(4, 64), graphs.enlarger(4, 48))
        ):
            for size in ((1, 1), (50, 70), (130, 64)):
                with self.subTest(number, size=size):
                    self.looked_at(f"{number}.onnx", file, '{"tile": 64}')
                    picture = scene(*size)
                    found = network.run(self.entry, picture, 4, 1)
                    wanted = picture.repeat(4, axis=0).repeat(4, axis=1)
                    self.assertLess(float(abs(found - wanted).max()), 1e-6)

    def test_halves_a_second_input_and_normalization(self) -> None:
        file = graphs.negative("s", graphs.FLOAT16, weight=True)
        self.looked_at("a.onnx", file, '{"mean": 0.5, "std": 0.5, "kind": "restore"}')
        picture = scene(33, 40)
        found = network.run(self.entry, picture, 1, 1)
        self.assertLess(float(abs(found - (1 - picture)).max()), 2e-3)

    def test_one_channel_restores_brightness_and_keeps_colour(self) -> None:
        self.looked_at("grey.onnx", graphs.enlarger(2, channels=1))
        picture = scene(20, 20)
        found = network.run(self.entry, picture, 2, 1)
        wanted = picture.repeat(2, axis=0).repeat(2, axis=1)
        self.assertLess(float(abs(found - wanted).max()), 1e-5)

    def test_what_is_no_model_for_pictures_is_a_sentence(self) -> None:
        whole = graphs.enlarger(4)
        for number, (file, sentence) in enumerate(
            (
                (b"", "can't be loaded"),
                (whole[: len(whole) // 2], "can't be loaded"),
                (b"\x89PNG\r\n\x1a\n" * 20, "can't be loaded"),
                (graphs.enlarger(4, channels=7), "is no model for pictures"),
                (graphs.detector((0, 0, 0, 0), (0,) * 10), "is no model for pictures"),
            )
        ):
            with self.subTest(number), self.assertRaisesRegex(ModelError, sentence):
                self.looked_at(f"{number}.onnx", file)
        with self.assertRaisesRegex(ModelError, "said to be for restore, but it makes 4 times"):
            self.looked_at("b.onnx", whole, '{"kind": "restore"}')
        with self.assertRaisesRegex(ModelError, "is no YuNet face detector"):
            self.looked_at("yunet.onnx", whole)


if __name__ == "__main__":
    unittest.main()
