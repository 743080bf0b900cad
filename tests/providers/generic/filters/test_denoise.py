"""Grain is softened and white noise goes as a whole."""

import unittest

from PIL import Image, ImageFilter, ImageStat

from restore.providers.generic.estimators.noise import Noise
from restore.providers.generic.filters.denoise import denoised, is_grain
from restore.providers.generic.planes import Plane

WHITE = Noise(((8.0, 4.0, 2.0),))
COARSE = Noise(((3.5, 7.5, 4.0),))


class GrainTest(unittest.TestCase):
    def left(self, noisy: Image.Image, noise: Noise) -> float:
        """The share of the deviation that is left of noise on flat ground."""
        inner = (16, 16, 112, 112)
        result = denoised([Plane(noisy)], noise)[0].to_bytes()
        deviation = [ImageStat.Stat(image.crop(inner)).stddev[0] for image in (noisy, result)]
        return deviation[1] / deviation[0]

    def test_grain_is_told_from_white_noise(self) -> None:
        self.assertEqual([is_grain(noise) for noise in (WHITE, COARSE)], [False, True])

    def test_a_fifth_of_grain_is_left(self) -> None:
        grain = Image.effect_noise((128, 128), 16).filter(ImageFilter.GaussianBlur(0.8))
        self.assertTrue(0.15 < self.left(grain, COARSE) < 0.4)

    def test_white_noise_goes(self) -> None:
        self.assertLess(self.left(Image.effect_noise((128, 128), 8), WHITE), 0.15)


if __name__ == "__main__":
    unittest.main()
