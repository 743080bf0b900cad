"""Each estimator of `generic` on pictures whose damage is known: near the truth, and in order."""

import random
import unittest

from PIL import Image, ImageFilter

from bench.quality import as_jpeg, blurred, faded, gauss_noise, noisy, scene, scratched
from restore.providers.generic import colour, tuning
from restore.providers.generic.estimators.blur import BlurMeter
from restore.providers.generic.estimators.fading import Levels, print_of
from restore.providers.generic.estimators.jpeg import blockiness, damage_of_tables, ghost_of
from restore.providers.generic.estimators.marks import MarkMeter, Marks, marked
from restore.providers.generic.estimators.noise import Noise, NoiseMeter
from restore.providers.generic.planes import Plane

SCENE = scene(0, (256, 256))


def channels(image: Image.Image) -> list[Plane]:
    return [Plane(band) for band in image.split()]


def fading_of(image: Image.Image) -> Levels | None:
    return print_of(image).levels


def noise_of(image: Image.Image, from_jpeg: bool = False) -> Noise:
    planes = channels(image)
    if len(planes) == 3:
        planes = colour.opponent(planes)
    meter = NoiseMeter(len(planes))
    inside = [1 if 2 < value < 253 else 0 for value in range(256)]
    meter.add(planes, Plane(image.convert("L").point(inside)))
    return meter.noise(from_jpeg)


def blur_of(image: Image.Image) -> float | None:
    meter = BlurMeter()
    meter.add(Plane(image.convert("L")))
    return meter.sigma()


def marks_of(image: Image.Image, grain: float = 0.0) -> Marks | None:
    meter = MarkMeter(grain)
    meter.add(channels(image))
    return meter.marks()


def grained(image: Image.Image, sigma: float) -> Image.Image:
    """Coarse grey grain: white noise through a small Gaussian, as strong as `sigma`."""
    fine = gauss_noise(image.size, sigma * 2.6, random.Random(3))
    grain = fine.filter(ImageFilter.GaussianBlur(0.7))
    bands = [Plane(band) + Plane(grain).scaled(1.0, -128.0) for band in image.split()]
    return Image.merge(image.mode, [band.to_bytes() for band in bands])


class NoiseTest(unittest.TestCase):
    def test_known_deviation_is_found_within_a_sixth(self) -> None:
        for sigma in (4, 10, 20):
            with self.subTest(sigma=sigma):
                found = noise_of(noisy(SCENE, sigma)).sigma
                self.assertAlmostEqual(found, sigma, delta=sigma / 6)

    def test_white_noise_halves_from_scale_to_scale(self) -> None:
        first, second, third = noise_of(noisy(SCENE, 12)).planes[1]
        self.assertAlmostEqual(second / first, 0.5, delta=0.12)
        self.assertAlmostEqual(third / first, 0.25, delta=0.1)

    def test_noise_of_a_grey_picture_is_found(self) -> None:
        found = noise_of(noisy(SCENE.convert("L"), 8)).sigma
        self.assertAlmostEqual(found, 8, delta=1.6)

    def test_grain_stays_strong_at_half_size(self) -> None:
        fine, half, _ = noise_of(grained(SCENE, 10), from_jpeg=True).planes[0]
        self.assertGreater(half, 0.6 * fine)

    def test_clean_pictures_have_none(self) -> None:
        for number in range(4):
            with self.subTest(scene=number):
                self.assertEqual(noise_of(scene(number, (256, 256))).strongest, 0.0)

    def test_clipped_and_tiny_pictures_have_none(self) -> None:
        white = noisy(Image.new("RGB", (256, 256), (255, 255, 255)), 10)
        self.assertEqual(noise_of(white).strongest, 0.0)
        self.assertEqual(noise_of(noisy(SCENE.crop((0, 0, 40, 40)), 10)).strongest, 0.0)


class BlurTest(unittest.TestCase):
    def test_known_width_is_found_within_a_third(self) -> None:
        for sigma in (1.0, 1.5, 2.0, 2.5):
            with self.subTest(sigma=sigma):
                self.assertAlmostEqual(blur_of(blurred(SCENE, sigma)) or 0, sigma, delta=sigma / 3)

    def test_wider_blur_is_told_wider(self) -> None:
        widths = [blur_of(blurred(SCENE, sigma)) or 0 for sigma in (1.0, 1.5, 2.0, 2.5)]
        self.assertEqual(widths, sorted(widths))

    def test_sharp_and_empty_pictures_have_none(self) -> None:
        self.assertIsNone(blur_of(SCENE))
        self.assertIsNone(blur_of(Image.new("RGB", (64, 64), (90, 90, 90))))
        self.assertIsNone(blur_of(Image.linear_gradient("L")))


class JpegTest(unittest.TestCase):
    def test_the_ghost_tells_the_quality(self) -> None:
        for quality in (10, 15, 30, 50, 75):
            with self.subTest(quality=quality):
                bright = as_jpeg(SCENE, quality).convert("L")
                found = ghost_of(bright)
                self.assertIsNotNone(found)
                self.assertAlmostEqual(found.quality if found else 0, quality, delta=1)

    def test_no_ghost_without_jpeg(self) -> None:
        for image in (SCENE, noisy(SCENE, 10), blurred(SCENE, 2)):
            self.assertIsNone(ghost_of(image.convert("L")))

    def test_blockiness_falls_with_quality(self) -> None:
        values = [blockiness(Plane(as_jpeg(SCENE, q).convert("L"))) for q in (10, 25, 50, 80)]
        self.assertEqual(values, sorted(values, reverse=True))
        self.assertLess(blockiness(Plane(noisy(SCENE.convert("L"), 10))), 1.08)

    def test_own_tables_are_taken(self) -> None:
        coarse, fine = {0: [20] * 64, 1: [40] * 64}, {0: [2] * 64}
        found = damage_of_tables(coarse)
        self.assertEqual((20,) * 64, found.luma_table if found else ())
        self.assertEqual((40,) * 64, found.chroma_table if found else ())
        self.assertIsNone(damage_of_tables(fine))


class MarksTest(unittest.TestCase):
    def test_scratches_are_found_and_clean_pictures_have_none(self) -> None:
        for number in (2, 3, 4):
            image = scene(number, (320, 320))
            with self.subTest(scene=number):
                self.assertIsNone(marks_of(image))
                self.assertIsNotNone(marks_of(scratched(image)))

    def test_grain_alone_is_no_mark_and_hides_none(self) -> None:
        for number in (2, 3, 4):
            image = scene(number, (320, 320))
            with self.subTest(scene=number):
                self.assertIsNone(marks_of(grained(image, 8), 8.0))
                self.assertIsNotNone(marks_of(grained(scratched(image), 8), 8.0))

    def test_a_mark_goes_on_weakly_from_its_core_and_nowhere_else(self) -> None:
        severity = Image.new("F", (64, 32))
        for x in range(10, 50):
            severity.putpixel((x, 8), 0.5)
            severity.putpixel((x, 20), 0.5)
        severity.putpixel((30, 8), 1.2)
        found = marked(Plane(severity), 1.0, 0.0)
        reach = tuning.MARK_REACH
        self.assertEqual(found.getbbox(), (30 - reach, 8, 31 + reach, 9))

    def test_marks_everywhere_are_the_picture(self) -> None:
        self.assertIsNone(marks_of(noisy(Image.new("RGB", (320, 320), (128,) * 3), 60)))


class FadingTest(unittest.TestCase):
    def test_a_faded_picture_is_stretched_about_as_much_as_it_lost(self) -> None:
        levels = fading_of(faded(SCENE))
        self.assertIsNotNone(levels)
        for gain in levels.gains if levels else ():
            self.assertAlmostEqual(gain, 1.6, delta=0.4)

    def test_clean_pictures_stay(self) -> None:
        for number in range(4):
            self.assertIsNone(fading_of(scene(number, (256, 256))))

    def test_a_stripe_shows_no_ends(self) -> None:
        picture = faded(SCENE)
        for size in ((3, 2), (1, 400), (400, 1), (256, 8), (8, 256)):
            with self.subTest(size):
                self.assertIsNone(fading_of(picture.resize(size)))

    def test_a_sunset_and_a_dive_keep_their_cast(self) -> None:
        red, green, blue = SCENE.split()
        sunset = (red.point(line(0.7, 70)), green.point(line(0.6, 30)), blue.point(line(0.3, 0)))
        dive = (red.point(line(0.3, 0)), green.point(line(0.6, 40)), blue.point(line(0.6, 70)))
        for bands in (sunset, dive):
            self.assertIsNone(fading_of(Image.merge("RGB", bands)))

    def test_a_print_of_one_hue_keeps_it(self) -> None:
        grey = SCENE.convert("L")
        sepia = Image.merge("RGB", [grey.point(line(g, o)) for g, o in SEPIA])
        levels = fading_of(sepia)
        assert levels is not None
        whites = [gain * 255 + offset for gain, offset in SEPIA]
        lines = zip(whites, levels.gains, levels.offsets, strict=True)
        after = [white * gain + offset for white, gain, offset in lines]
        self.assertEqual(after, sorted(after, reverse=True))
        veil, left = whites[0] - whites[2], after[0] - after[2]
        self.assertGreater(left, 0.3 * veil)
        self.assertLess(left, 0.8 * veil)

    def test_a_grey_print_is_stretched_in_brightness_alone(self) -> None:
        grey = SCENE.convert("L").point(line(0.55, 60))
        levels = fading_of(Image.merge("RGB", [grey] * 3))
        self.assertTrue(levels and levels.one_hue)

    def test_a_white_border_hides_nothing(self) -> None:
        framed = Image.new("RGB", (300, 300), (252, 252, 252))
        framed.paste(faded(SCENE), (22, 22))
        self.assertIsNotNone(fading_of(framed))

    def test_a_black_scanner_border_hides_nothing(self) -> None:
        framed = Image.new("RGB", (300, 300), (2, 2, 2))
        framed.paste(faded(SCENE), (22, 22))
        self.assertIsNotNone(fading_of(framed))


SEPIA = ((0.55, 70), (0.52, 55), (0.42, 40))


def line(gain: float, offset: float) -> list[int]:
    return [round(gain * value + offset) for value in range(256)]


if __name__ == "__main__":
    unittest.main()
