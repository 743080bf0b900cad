"""`restoration/learned` with its real weights: gain, tiles, kinds of pictures, strength."""

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from PIL import Image, ImageChops

from bench.quality import as_jpeg, psnr, scene
from restore import progress
from restore.providers import ProviderError, learned, load, offered
from restore.providers.generic import run, tuning
from restore.providers.generic.engines import learned_engine
from restore.providers.generic.estimators.jpeg import damage_of_tables
from restore.providers.generic.offers import LEARNED_ID
from restore.providers.generic.planes import Plane

SCENE = scene(3, (256, 224))


@unittest.skipUnless(learned.installed(), "the extra [learned] is not installed")
class LearnedTest(unittest.TestCase):
    def setUp(self) -> None:
        holder = TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def restored(
        self, image: Image.Image, model_id: str, strength: float, upscale: int, quality: int = 0
    ) -> Image.Image:
        path = self.folder / ("input.jpg" if quality else "input.png")
        image.save(path, quality=quality or 95)
        with Image.open(run(str(path), model_id, strength, upscale)) as result:
            result.load()
            return result

    def test_it_is_offered_beside_classic(self) -> None:
        offer = offered("generic")
        self.assertEqual(["restoration/classic", LEARNED_ID], list(offer.models))
        self.assertEqual("restoration/classic", offer.default)
        self.assertIn("MIT", offer.models[LEARNED_ID].licence)

    def test_enlarging_gains_on_lanczos(self) -> None:
        for factor, least in ((2, 1.0), (4, 0.4)):
            size = (SCENE.width // factor, SCENE.height // factor)
            small = SCENE.resize(size, Image.Resampling.BICUBIC)
            plain = small.resize(SCENE.size, Image.Resampling.LANCZOS)
            better = self.restored(small, LEARNED_ID, 1.0, factor)
            self.assertGreater(psnr(SCENE, better), psnr(SCENE, plain) + least)

    def test_a_jpeg_is_cleaned_at_its_own_size_and_enlarged(self) -> None:
        spoilt = as_jpeg(SCENE, 30)
        better = self.restored(SCENE, LEARNED_ID, 1.0, 1, quality=30)
        self.assertGreater(psnr(SCENE, better), psnr(SCENE, spoilt) + 0.8)

    def test_more_strength_changes_more_and_a_tenth_hardly(self) -> None:
        small = SCENE.resize((128, 112), Image.Resampling.BICUBIC)
        plain = small.resize(SCENE.size, Image.Resampling.LANCZOS)
        found = [
            psnr(plain, self.restored(small, LEARNED_ID, strength, 2))
            for strength in (0.1, 0.4, 0.7, 1.0)
        ]
        self.assertEqual(found, sorted(found, reverse=True))
        self.assertGreater(found[0], found[-1] + 15)

    def test_grey_alpha_and_sixteen_bits_stay(self) -> None:
        small = SCENE.crop((40, 40, 90, 80))
        deep = small.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
        alpha = small.copy()
        alpha.putalpha(Image.linear_gradient("L").resize(small.size))
        for image in (small.convert("L"), deep, alpha):
            result = self.restored(image, LEARNED_ID, 1.0, 2)
            self.assertEqual((image.mode, (100, 80)), (result.mode, result.size))
        same = self.restored(alpha, "restoration/classic", 1.0, 2).getchannel("A")
        self.assertEqual(same.tobytes(), result.getchannel("A").tobytes())

    def test_a_clean_picture_leaves_as_it_came(self) -> None:
        path = self.folder / "input.png"
        scene(2, (320, 320)).save(path)
        self.assertEqual(str(path), run(str(path), LEARNED_ID, 1.0, 1))

    def test_there_is_no_seam(self) -> None:
        """Parts with the halo that the pipeline gives make what one run over all of it makes."""
        engine = learned_engine(1)
        small = [Plane(band) for band in SCENE.crop((0, 0, 150, 60)).split()]
        damage = damage_of_tables({0: [40] * 64, 1: [40] * 64})
        assert damage is not None
        cleaned = engine.deblock(small, damage, 1)
        halo = tuning.LEARNED_HALO
        part = [plane.window(50 - halo, 0, 150, 60) for plane in small]
        again = engine.deblock(part, damage, 1)
        for whole, piece in zip(cleaned, again, strict=True):
            one, other = whole.window(50, 0, 150, 60), piece.window(halo, 0, 100 + halo, 60)
            apart = ImageChops.difference(one.to_bytes(), other.to_bytes())
            self.assertEqual(0, sum(apart.histogram()[2:]))

    def test_progress_rises(self) -> None:
        seen: list[float] = []
        with progress.listening(progress.Listener(seen.append, lambda line: None)):
            self.restored(SCENE.crop((0, 0, 64, 64)), LEARNED_ID, 1.0, 2)
        self.assertEqual(seen, sorted(seen))


class OfferTest(unittest.TestCase):
    def test_classic_needs_no_extra(self) -> None:
        self.assertIn("restoration/classic", load("generic").models)
        self.assertIn("restoration/classic", offered("generic").models)

    @unittest.skipUnless(learned.installed(), "the extra [learned] is not installed")
    def test_a_damaged_file_is_a_sentence(self) -> None:
        with (
            TemporaryDirectory() as empty,
            mock.patch(
                "restore.providers.learned.weights.weights_folder", return_value=Path(empty)
            ),
            self.assertRaisesRegex(ProviderError, "missing or damaged"),
        ):
            offered("generic")


if __name__ == "__main__":
    unittest.main()
