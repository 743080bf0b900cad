"""Each filter of `generic` where the answer is known."""

import random
import unittest

from PIL import Image, ImageChops, ImageDraw

from bench.quality import as_jpeg, blurred, noisy, psnr, scene
from restore.providers.generic import colour
from restore.providers.generic.dct import BlockDct, join, split
from restore.providers.generic.estimators.fading import Levels
from restore.providers.generic.estimators.jpeg import ghost_of
from restore.providers.generic.estimators.marks import Marks
from restore.providers.generic.estimators.noise import Noise
from restore.providers.generic.filters.deblock import deblocked
from restore.providers.generic.filters.deblur import deblurred
from restore.providers.generic.filters.denoise import denoised
from restore.providers.generic.filters.enlarge import gained, lanczos
from restore.providers.generic.filters.fill import filled
from restore.providers.generic.filters.gauss import blurred as gauss
from restore.providers.generic.filters.median import median5
from restore.providers.generic.pipeline import levelled
from restore.providers.generic.planes import Plane
from restore.providers.generic.shrinkage import hard

SCENE = scene(1, (192, 192))
GREY = SCENE.convert("L")
TRANSFORMS = [BlockDct(4, 1), BlockDct(4, 2), BlockDct(8, 1), BlockDct(8, 2), BlockDct(8, 4)]


def channels(image: Image.Image) -> list[Plane]:
    return [Plane(band) for band in image.split()]


def image_of(planes: list[Plane]) -> Image.Image:
    return Image.merge("L" if len(planes) == 1 else "RGB", [plane.to_bytes() for plane in planes])


def largest_difference(first: Plane, second: Plane) -> float:
    return max(abs(first - second).values())


def white(sigma: float) -> Noise:
    return Noise(((sigma, sigma / 2, sigma / 4),) * 3)


class TransformTest(unittest.TestCase):
    def test_phases_join_to_what_was_split(self) -> None:
        for stride in (1, 2, 4):
            again = join(split(Plane(GREY), stride))
            self.assertEqual(again.image.tobytes(), Plane(GREY).image.tobytes())

    def test_nothing_below_zero_changes_nothing(self) -> None:
        for dct in TRANSFORMS:
            with self.subTest(dct=dct):
                again = hard(Plane(GREY), dct, [[-1.0] * dct.n] * dct.n)
                self.assertLess(largest_difference(again, Plane(GREY)), 0.01)

    def test_coefficients_are_orthonormal(self) -> None:
        dice = random.Random(5)
        for n in (4, 8):
            dct, block = BlockDct(n, 1), Image.new("F", (n, n))
            for x in range(n):
                for y in range(n):
                    block.putpixel((x, y), dice.uniform(0, 255))
            energy = sum(value * value for value in Plane(block).values())
            found = [
                dct.norm(v, u) * plane.values()[0]
                for v, row in enumerate(dct.forward([[Plane(block)]]))
                for u, plane in enumerate(row)
            ]
            self.assertAlmostEqual(sum(c * c for c in found) / energy, 1.0, places=4)
            self.assertAlmostEqual(found[0], sum(Plane(block).values()) / n, delta=0.01)

    def test_everything_dropped_leaves_the_mean_of_a_flat_plane(self) -> None:
        flat = Plane.filled((32, 32), 77.0)
        again = hard(flat, BlockDct(8, 2), [[1e9] * 8] * 8)
        self.assertLess(largest_difference(again, flat), 0.001)


class ColourTest(unittest.TestCase):
    def test_there_and_back(self) -> None:
        rgb = channels(SCENE)
        for there, back in (
            (colour.opponent, colour.from_opponent),
            (colour.ycbcr, colour.from_ycbcr),
        ):
            for first, again in zip(rgb, back(there(rgb)), strict=True):
                self.assertLess(largest_difference(first, again), 0.01)


class SmoothingTest(unittest.TestCase):
    def test_gauss_keeps_flat_planes_and_the_mean(self) -> None:
        flat = Plane.filled((20, 30), 50.0)
        self.assertLess(largest_difference(gauss(flat, 2.0), flat), 0.001)
        dot = Image.new("F", (41, 41))
        dot.putpixel((20, 20), 1000.0)
        spread = gauss(Plane(dot), 1.5)
        self.assertAlmostEqual(sum(spread.values()), 1000.0, delta=0.1)
        self.assertAlmostEqual(max(spread.values()), 1000 / (6.2832 * 2.25), delta=2)

    def test_median_removes_thin_lines_and_keeps_edges(self) -> None:
        image = Image.new("L", (40, 40), 20)
        image.paste(200, (20, 0, 40, 40))
        edge = Plane(image)
        ImageDraw.Draw(image).line((8, 0, 8, 40), fill=255, width=2)
        self.assertEqual(largest_difference(median5(Plane(image)), edge), 0.0)


class RepairTest(unittest.TestCase):
    def test_denoising_gains(self) -> None:
        for sigma, least in ((10, 3.0), (25, 5.0)):
            spoilt = noisy(SCENE, sigma)
            better = image_of(denoised(channels(spoilt), white(sigma)))
            self.assertGreater(psnr(SCENE, better), psnr(SCENE, spoilt) + least)

    def test_denoising_grey_gains(self) -> None:
        spoilt = noisy(GREY, 15)
        better = image_of(denoised(channels(spoilt), white(15)))
        self.assertGreater(psnr(GREY, better), psnr(GREY, spoilt) + 3.0)

    def test_deblocking_gains(self) -> None:
        for quality in (15, 30, 60):
            spoilt = as_jpeg(SCENE, quality)
            damage = ghost_of(spoilt.convert("L"))
            assert damage is not None
            better = image_of(deblocked(channels(spoilt), damage))
            self.assertGreater(psnr(SCENE, better), psnr(SCENE, spoilt) + 0.4)

    def test_deblurring_gains(self) -> None:
        for sigma, least in ((1.0, 3.0), (2.0, 1.0)):
            spoilt = blurred(GREY, sigma)
            better = image_of([deblurred(Plane(spoilt), sigma)])
            self.assertGreater(psnr(GREY, better), psnr(GREY, spoilt) + least)

    def test_enlarging_gains_on_lanczos_and_agrees_with_the_small_picture(self) -> None:
        for factor, least in ((2, 0.8), (4, 0.3)):
            size = (GREY.width // factor, GREY.height // factor)
            small = Plane(GREY.resize(size, Image.Resampling.BICUBIC))
            plain = lanczos(small, factor)
            better = plain + gained(small, factor, jpeg=False)
            self.assertGreater(psnr(GREY, better.to_bytes()), psnr(GREY, plain.to_bytes()) + least)
            again = better.resized(size, Image.Resampling.BICUBIC)
            self.assertLess(largest_difference(again, small), 20.0)

    def test_a_scratch_is_filled_and_the_rest_is_untouched(self) -> None:
        sky = Image.linear_gradient("L").resize((128, 128))
        scratch = sky.copy()
        ImageDraw.Draw(scratch).line((30, 5, 40, 120), fill=245, width=1)
        better = image_of(filled([Plane(scratch)], Marks(0.01, 1.0, 0.0)))
        self.assertGreater(psnr(sky, better), psnr(sky, scratch) + 10)
        far = (60, 0, 128, 128)
        self.assertIsNone(ImageChops.difference(better.crop(far), sky.crop(far)).getbbox())

    def test_levels_of_one_hue_move_every_channel_alike(self) -> None:
        before = channels(Image.new("RGB", (4, 4), (120, 100, 80)))
        after = levelled(before, Levels((1.5,), (-40.0,), True))
        moved = [b.values()[0] - a.values()[0] for a, b in zip(before, after, strict=True)]
        self.assertAlmostEqual(max(moved), min(moved), places=3)

    def test_levels_are_straight_lines(self) -> None:
        before = channels(Image.new("RGB", (4, 4), (120, 100, 80)))
        after = levelled(before, Levels((1.5, 1.0, 2.0), (-40.0, 0.0, 1.0), False))
        self.assertEqual([plane.values()[0] for plane in after], [140.0, 100.0, 161.0])


if __name__ == "__main__":
    unittest.main()
