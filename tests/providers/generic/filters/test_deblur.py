"""Deblurring puts no halo beside an edge on smooth ground, and still sharpens."""

import unittest
from unittest import mock

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from restore.providers.generic import tuning
from restore.providers.generic.filters.around import highest_around, lowest_around
from restore.providers.generic.filters.deblur import deblurred
from restore.providers.generic.planes import Plane

SIGMA = 2.0
MOST_LEFT = 0.8  # of the halo that deblurring alone makes


def birds() -> Image.Image:
    """Dark birds before an evening sky, far from each other."""
    image = Image.linear_gradient("L").resize((240, 200)).point([90 + v // 4 for v in range(256)])
    draw = ImageDraw.Draw(image)
    for x, y in ((60, 50), (170, 60), (110, 140)):
        draw.ellipse((x - 9, y - 5, x + 9, y + 5), fill=20)
    return image


class HaloTest(unittest.TestCase):
    def test_nothing_outshines_the_sky_beside_a_bird(self) -> None:
        image = birds()
        blurred = image.filter(ImageFilter.GaussianBlur(SIGMA))
        sharp, worst = Image.new("L", image.size), []
        for tolerance in (255.0, tuning.DEBLUR_OVERSHOOT):
            with mock.patch.object(tuning, "DEBLUR_OVERSHOOT", tolerance):
                sharp = deblurred(Plane(blurred), 1.15 * SIGMA).to_bytes()
            over = ImageChops.subtract(sharp, image.filter(ImageFilter.MaxFilter(9)))
            counts = over.histogram()
            worst.append(sum(level * count for level, count in enumerate(counts)))
        self.assertGreater(worst[0], 0)
        self.assertLess(worst[1], MOST_LEFT * worst[0])
        for x, sign in ((66, -1), (73, 1)):  # inside the bird, and beside it
            before, after = (
                each.crop((x, 50, x + 1, 51)).tobytes()[0] for each in (blurred, sharp)
            )
            self.assertGreater(sign * (after - before), 0)


class AroundTest(unittest.TestCase):
    def test_both_are_those_of_a_square(self) -> None:
        image = Image.effect_noise((40, 30), 60)
        for radius in (0, 1, 4):
            side, edge = 2 * radius + 1, 5
            inner = (edge, edge, 40 - edge, 30 - edge)
            for found, wanted in (
                (lowest_around(Plane(image), radius), image.filter(ImageFilter.MinFilter(side))),
                (highest_around(Plane(image), radius), image.filter(ImageFilter.MaxFilter(side))),
            ):
                with self.subTest(radius=radius):
                    inside = found.to_bytes().crop(inner)
                    self.assertEqual(inside.tobytes(), wanted.crop(inner).tobytes())

    def test_the_edge_of_the_plane_is_no_value(self) -> None:
        flat = Plane.filled((9, 7), 50.0)
        self.assertEqual(set(lowest_around(flat, 3).values()), {50.0})


if __name__ == "__main__":
    unittest.main()
