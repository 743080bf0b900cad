"""Filling holes: known pixels stay, wide holes are reached, a slope goes on."""

import unittest

from PIL import Image, ImageDraw

from restore.providers.generic.filters.pullpush import pulled_pushed
from restore.providers.generic.planes import Plane

SLOPE = Image.linear_gradient("L").resize((120, 90))


def with_hole(box: tuple[int, int, int, int]) -> tuple[Plane, Plane]:
    known = Image.new("L", SLOPE.size, 1)
    ImageDraw.Draw(known).rectangle(box, fill=0)
    return Plane(SLOPE) * Plane(known), Plane(known)


class PullPushTest(unittest.TestCase):
    def test_known_pixels_stay_and_the_slope_goes_on_through_the_hole(self) -> None:
        for width, off in ((1, 4.0), (9, 15.0), (40, 40.0)):
            with self.subTest(width=width):
                values, known = with_hole((50, 20, 50 + width, 70))
                error = abs(pulled_pushed(values, known) - Plane(SLOPE))
                self.assertLess(max((error * known).values()), 0.001)
                self.assertLess(max(error.values()), off)

    def test_nothing_known_is_nothing(self) -> None:
        nothing = Plane.filled((7, 5), 0.0)
        self.assertEqual(set(pulled_pushed(nothing, nothing).values()), {0.0})

    def test_one_known_pixel_fills_all(self) -> None:
        for size in ((1, 1), (1, 9), (33, 7)):
            dot = Image.new("F", size)
            dot.putpixel((0, 0), 1.0)
            filled = pulled_pushed(Plane(dot).scaled(77.0), Plane(dot))
            self.assertLess(max(abs(value - 77.0) for value in filled.values()), 0.001)


if __name__ == "__main__":
    unittest.main()
