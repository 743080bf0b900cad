"""Lines followed whole, edges left alone, specks beyond a print's tones: what is filled."""

import random
import unittest

from PIL import Image, ImageChops, ImageDraw

from bench.quality.damages import noisy
from restore.providers.generic.estimators.lines import lines_of
from restore.providers.generic.estimators.marks import Marks, grown, marks_in
from restore.providers.generic.picture import Picture
from restore.providers.generic.planes import Plane

SIZE = (320, 320)
SEVERE = Marks(0.01, 1.0, 0.0)


def ground(low: int = 60, high: int = 150) -> Image.Image:
    """Shaded, with a little noise."""
    ramp = Image.linear_gradient("L").resize(SIZE)
    shaded = ramp.point([low + (high - low) * value // 255 for value in range(256)])
    return noisy(Image.merge("RGB", [shaded] * 3), 2.0).convert("L")


def followed(picture: Image.Image, marks: Marks = SEVERE) -> Image.Image:
    return lines_of(Picture(picture, False, {}, {}), marks)


def drawn(*lines: tuple[int, int, int, int], tone: int = 255) -> Image.Image:
    mask = Image.new("L", SIZE)
    for line in lines:
        ImageDraw.Draw(mask).line(line, tone, 1)
    return mask


class FollowedTest(unittest.TestCase):
    def assert_covers(self, found: Image.Image, line: tuple[int, int, int, int]) -> None:
        """What is filled holds all of `line`, and nothing that is more than a stride beyond it."""
        missing = ImageChops.subtract(drawn(line), grown(found))
        self.assertLess(missing.histogram()[255], 4)
        near = drawn(line)
        for _ in range(10):
            near = grown(near)
        self.assertIsNone(ImageChops.subtract(found, near).getbbox())

    def test_a_scratch_is_followed_where_it_is_faint_and_where_it_is_hidden(self) -> None:
        whole = (60, 20, 110, 300)
        picture = ground()
        picture.paste(230, (0, 0), drawn((60, 20, 75, 104)))
        picture.paste(170, (0, 0), drawn((75, 104, 94, 210)))  # too faint to be a mark
        picture.paste(230, (0, 0), drawn((97, 230, 110, 300)))  # 20 px of it are hidden
        self.assert_covers(followed(picture), whole)

    def test_a_dark_one_too_and_over_grain(self) -> None:
        line = (300, 40, 120, 290)
        picture = ground(110, 200)
        picture.paste(20, (0, 0), drawn(line))
        grainy = noisy(Image.merge("RGB", [picture] * 3), 8.0).convert("L")
        self.assert_covers(followed(grainy, Marks(0.01, 1.0, 8.0)), line)

    def test_a_line_where_one_surface_meets_another_is_an_edge(self) -> None:
        picture = ground(140, 160)
        picture.paste(100, (160, 0, 320, 320))
        picture.paste(20, (160, 0, 161, 320))
        self.assertIsNone(followed(picture).getbbox())

    def test_specks_and_a_bare_ground_have_no_line(self) -> None:
        picture, dice = ground(), random.Random(3)
        for _ in range(80):
            picture.putpixel((dice.randrange(320), dice.randrange(320)), 250)
        self.assertIsNone(followed(picture).getbbox())

    def test_a_large_scan_is_looked_at_smaller_and_its_lines_are_as_long(self) -> None:
        picture = ground().resize((1600, 1600))
        ImageDraw.Draw(picture).line((400, 100, 500, 1500), 235, 4)
        found = followed(picture)
        self.assertEqual(found.size, picture.size)
        box = found.getbbox()
        assert box is not None
        self.assertGreater(box[3] - box[1], 1350)


class BeyondTest(unittest.TestCase):
    """On a grainy faded print of tones 60 to 190."""

    MARKS = Marks(0.01, 1.4, 9.0, (60, 190))

    def found(self, picture: Image.Image) -> Image.Image:
        grainy = noisy(Image.merge("RGB", [picture] * 3), 9.0).convert("L")
        return marks_in([Plane(grainy)], self.MARKS)

    def test_dots_that_are_darker_than_its_black_are_marks_and_others_are_not(self) -> None:
        picture = Image.new("L", SIZE, 78)
        pen = ImageDraw.Draw(picture)
        pen.ellipse((100, 100, 106, 106), 44)
        pen.ellipse((200, 100, 206, 106), 112)
        found = self.found(picture)
        self.assertEqual(found.getpixel((103, 103)), 255)
        self.assertEqual(found.getpixel((203, 103)), 0)

    def test_a_bright_thing_is_no_speck(self) -> None:
        picture = Image.new("L", SIZE, 90)
        pen = ImageDraw.Draw(picture)
        pen.rectangle((60, 60, 260, 90), 225)
        pen.ellipse((150, 200, 156, 206), 225)
        found = self.found(picture)
        self.assertEqual(found.getpixel((153, 203)), 255)
        inside = found.crop((66, 66, 254, 84))
        self.assertLess(inside.histogram()[255], 0.02 * inside.width * inside.height)


if __name__ == "__main__":
    unittest.main()
