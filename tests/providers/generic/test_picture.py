"""What an opened picture shows: what full transparency hides is not part of it."""

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops, ImageDraw

from bench.quality import scene
from restore.providers.generic import run
from restore.providers.generic.picture import Picture, opened

RED = (220, 40, 40)
MOST_OFF = 24  # grey levels that an enlarged edge may be off the one colour


class HiddenTest(unittest.TestCase):
    def setUp(self) -> None:
        holder = TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.path = Path(holder.name, "input.png")

    def picture(self, image: Image.Image) -> Picture:
        image.save(self.path)
        return opened(self.path)

    def test_hidden_colours_are_replaced_and_seen_ones_stay(self) -> None:
        seen, alpha = scene(1, (96, 80)), Image.new("L", (96, 80), 255)
        draw = ImageDraw.Draw(alpha)
        draw.rectangle((30, 10, 70, 60), fill=0)
        draw.rectangle((0, 70, 96, 80), fill=1)
        spoilt = seen.copy()
        spoilt.paste((255, 0, 255), (30, 10, 71, 61))
        spoilt.putalpha(alpha)
        picture = self.picture(spoilt).image
        outside = alpha.point([0] + [255] * 255)
        difference = ImageChops.difference(picture.convert("RGB"), seen)
        self.assertIsNone(
            Image.composite(difference, Image.new("RGB", seen.size), outside).getbbox()
        )
        self.assertEqual(picture.getchannel("A").tobytes(), alpha.tobytes())
        hole = picture.crop((30, 10, 71, 61)).convert("RGB")
        for inside, around in zip(hole.split(), seen.split(), strict=True):
            lowest, *_, highest = sorted(around.tobytes())
            self.assertTrue(all(lowest <= level <= highest for level in inside.tobytes()))
        self.assertNotEqual(hole.getpixel((20, 25)), (255, 0, 255))

    def test_the_mask_says_what_is_seen(self) -> None:
        image = scene(1, (20, 10)).convert("RGBA")
        alpha = Image.new("L", image.size, 1)
        alpha.paste(0, (5, 2, 9, 4))
        image.putalpha(alpha)
        visible = self.picture(image).visible((0, 0, 20, 10))
        assert visible is not None
        self.assertEqual(sum(visible.values()), 200 - 8)
        self.assertIsNone(self.picture(scene(1, (20, 10))).visible((0, 0, 20, 10)))

    def test_a_picture_of_which_nothing_is_seen_opens(self) -> None:
        for mode in ("LA", "RGBA"):
            image = scene(1, (33, 17)).convert(mode)
            image.putalpha(0)
            self.assertEqual(self.picture(image).image.size, (33, 17))

    def test_an_enlarged_cut_out_has_no_dark_rim(self) -> None:
        alpha = Image.new("L", (480, 480))
        ImageDraw.Draw(alpha).ellipse((60, 60, 420, 420), fill=255)
        alpha = alpha.resize((120, 120), Image.Resampling.BOX)
        image = Image.composite(
            Image.new("RGB", alpha.size, RED),
            Image.new("RGB", alpha.size),
            alpha.point([0] + [255] * 255),
        )
        image.putalpha(alpha)
        for upscale in (2, 4):
            with self.subTest(upscale=upscale):
                image.save(self.path)
                with Image.open(run(str(self.path), "any/id", 1.0, upscale)) as result:
                    seen = result.getchannel("A").point([0] * 32 + [255] * 224)
                    off = ImageChops.difference(
                        result.convert("RGB"), Image.new("RGB", result.size, RED)
                    )
                worst = [band.histogram(seen) for band in off.split()]
                self.assertEqual(sum(sum(counts[MOST_OFF + 1 :]) for counts in worst), 0)


if __name__ == "__main__":
    unittest.main()
