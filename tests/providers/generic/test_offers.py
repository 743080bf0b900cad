"""Model files through the whole of `generic`: ids, sentences, tiles, strength, faces, depth."""

import unittest
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from PIL import Image

from bench.quality import psnr, scene
from restore import progress
from restore.providers import ProviderError, load, offered, onnx
from restore.providers.generic.offers import CLASSIC_ID
from tests.support import onnx_graphs as graphs

SCENE = scene(3, (300, 260))
FACE_CELL = (160, 80, 168, 88)  # what the detector of these tests takes for a face
TEMPLATE = (0.377, 0.469, 0.623, 0.469, 0.501, 0.613, 0.393, 0.725, 0.612, 0.725)


class FilesCase(unittest.TestCase):
    def setUp(self) -> None:
        holder = TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.models = self.folder / "models"
        self.models.mkdir()
        self.notes: list[str] = []
        self.fractions: list[float] = []

    def put(self, name: str, file: bytes, said: str = "") -> None:
        (self.models / name).write_bytes(file)
        if said:
            (self.models / name).with_suffix(".json").write_text(said)

    def run_on(
        self, image: Image.Image, model_id: str, strength: float = 1.0, upscale: int = 1
    ) -> Image.Image:
        path = self.folder / "input.png"
        image.save(path)
        run: Callable[..., object] = load("generic", None, str(self.models)).run
        listener = progress.Listener(self.fractions.append, self.notes.append)
        with progress.listening(listener):
            result = run(str(path), model_id, strength, upscale)
        with Image.open(str(result)) as made:
            made.load()
            return made


class SentenceTest(FilesCase):
    def test_without_the_extra_there_is_a_sentence(self) -> None:
        with (
            mock.patch.object(onnx, "installed", return_value=False),
            self.assertRaisesRegex(ProviderError, "restore\\[onnx\\] is not installed"),
        ):
            offered("generic", str(self.models))

    @unittest.skipUnless(onnx.installed(), "the extra [onnx] is not installed")
    def test_a_damaged_file_stops_the_start(self) -> None:
        self.put("a.onnx", b"nothing")
        with self.assertRaisesRegex(ProviderError, r"a\.onnx in MODELS_DIR can't be loaded"):
            offered("generic", str(self.models))

    @unittest.skipUnless(onnx.installed(), "the extra [onnx] is not installed")
    def test_an_unknown_network_of_one_size_must_say_what_it_is(self) -> None:
        self.put("a.onnx", graphs.negative(512))
        with self.assertRaisesRegex(ProviderError, "takes one size alone"):
            offered("generic", str(self.models))


@unittest.skipUnless(onnx.installed(), "the extra [onnx] is not installed")
class OfferTest(FilesCase):
    def test_each_file_is_a_model_with_its_licence(self) -> None:
        self.put("realesrgan-x4.onnx", graphs.enlarger(4))
        self.put("yunet.onnx", graphs.detector((0, 0, 0, 0), (0,) * 10))
        offer = offered("generic", str(self.models))
        self.assertIn("restoration/realesrgan-x4", offer.models)
        self.assertEqual("BSD-3-Clause", offer.models["restoration/realesrgan-x4"].licence)
        self.assertNotIn("restoration/yunet", offer.models)
        self.assertEqual(CLASSIC_ID, offer.default)

    def test_the_default_stands_for_gfpgan_where_the_file_is(self) -> None:
        self.put("GFPGANv1.3.onnx", graphs.negative(512))
        self.put("GFPGANv1.4.onnx", graphs.negative(512))
        self.assertEqual("restoration/gfpgan-1.4", offered("generic", str(self.models)).default)
        self.run_on(SCENE, "restoration/gfpgans-1.4")
        self.assertIn("no detector in MODELS_DIR", self.notes[-1])


@unittest.skipUnless(onnx.installed(), "the extra [onnx] is not installed")
class EnlargeTest(FilesCase):
    def test_a_times_four_network_serves_two_and_four(self) -> None:
        self.put("blocks.onnx", graphs.enlarger(4))
        for upscale in (2, 4):
            made = self.run_on(SCENE, "restoration/blocks", 1.0, upscale)
            size = (SCENE.width * upscale, SCENE.height * upscale)
            blocks = SCENE.resize((SCENE.width * 4, SCENE.height * 4), Image.Resampling.NEAREST)
            self.assertEqual(size, made.size)
            self.assertGreater(psnr(blocks.resize(size, Image.Resampling.LANCZOS), made), 45)

    def test_progress_moves_with_tiles(self) -> None:
        self.put("blocks.onnx", graphs.enlarger(2))
        self.run_on(SCENE, "restoration/blocks", 1.0, 2)
        self.assertEqual(self.fractions, sorted(self.fractions))
        self.assertGreater(len({round(each, 3) for each in self.fractions if each > 0.1}), 3)

    def test_grey_alpha_and_depth_stay(self) -> None:
        self.put("blocks.onnx", graphs.enlarger(2, 64))
        small = SCENE.crop((0, 0, 50, 40))
        deep = small.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
        for image in (small.convert("L"), small.convert("RGBA"), deep):
            made = self.run_on(image, "restoration/blocks", 1.0, 2)
            self.assertEqual((image.mode, (100, 80)), (made.mode, made.size))

    def test_a_restorer_at_the_own_size_blends(self) -> None:
        said = '{"kind": "restore", "mean": 0.5, "std": 0.5}'
        self.put("turn.onnx", graphs.negative("s"), said)
        negative = Image.eval(SCENE, lambda value: 255 - value)
        self.assertGreater(psnr(negative, self.run_on(SCENE, "restoration/turn")), 45)
        apart = [psnr(SCENE, self.run_on(SCENE, "restoration/turn", s)) for s in (0.1, 0.5, 1.0)]
        self.assertEqual(apart, sorted(apart, reverse=True))
        self.assertGreater(apart[0], apart[2] + 15)


@unittest.skipUnless(onnx.installed(), "the extra [onnx] is not installed")
class PortraitTest(FilesCase):
    def setUp(self) -> None:
        super().setUp()
        self.put("gfpgan-1.4.onnx", graphs.negative(512))
        points = [(share * 80 - 36) / 8 for share in TEMPLATE]
        self.put("yunet.onnx", graphs.detector((0.5, 0.5, 2.3, 2.3), points))

    def test_a_face_is_restored_and_the_rest_stays(self) -> None:
        image = SCENE.copy()
        image.paste((255, 0, 255), FACE_CELL)
        made = self.run_on(image, "restoration/gfpgan-1.4")
        self.assertIn("faces: 1", self.notes)
        self.assertEqual((0, 255, 0), made.getpixel((164, 84)))
        corner = (0, 180, 300, 260)
        self.assertEqual(image.crop(corner).tobytes(), made.crop(corner).tobytes())

    def test_grey_alpha_depth_and_enlarging(self) -> None:
        image = SCENE.copy()
        image.paste((255, 0, 255), FACE_CELL)
        see_through = image.convert("RGBA")
        see_through.putalpha(Image.linear_gradient("L").resize(image.size))
        made = self.run_on(see_through, "restoration/gfpgan-1.4", 1.0, 2)
        self.assertEqual(("RGBA", (600, 520)), (made.mode, made.size))
        self.assertLess(made.getpixel((328, 168))[0], 60)  # type: ignore[index]

    def test_no_face_succeeds_and_says_so(self) -> None:
        made = self.run_on(SCENE, "restoration/gfpgan-1.4")
        self.assertIn("faces: 0", self.notes)
        self.assertEqual(SCENE.tobytes(), made.tobytes())

    def test_without_a_detector_a_small_square_is_one_face(self) -> None:
        (self.models / "yunet.onnx").unlink()
        square = SCENE.crop((0, 0, 256, 256))
        made = self.run_on(square, "restoration/gfpgan-1.4")
        negative = Image.eval(square, lambda value: 255 - value)
        middle = (60, 60, 196, 196)
        self.assertGreater(psnr(negative.crop(middle), made.crop(middle)), 30)
        self.assertEqual(square.getpixel((0, 0)), made.getpixel((0, 0)))


if __name__ == "__main__":
    unittest.main()
