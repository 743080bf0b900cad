"""Tiles of `generic`: they cover a picture once, mirror beyond its edges, and leave no seam."""

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from PIL import Image, ImageChops

from bench.quality import blurred, noisy, scene, scratched
from restore.providers.generic import run, tuning
from restore.providers.generic.tiles import mirrored_window, tiles


class TilesTest(unittest.TestCase):
    def test_cores_cover_each_pixel_once(self) -> None:
        for size in ((1, 1), (7, 300), (100, 100), (101, 257)):
            with self.subTest(size=size):
                seen = Image.new("L", size)
                for tile in tiles(size, 100, 8, 16):
                    self.assertLessEqual(max(tile.size), 100)
                    ones = Image.new("L", tile.size, 1)
                    seen.paste(ImageChops.add(seen.crop(tile.core), ones), tile.core)
                self.assertEqual(seen.getextrema(), (1, 1))

    def test_windows_hold_core_and_halo_in_multiples(self) -> None:
        for tile in tiles((333, 77), 100, 24, 16):
            left, top, right, bottom = tile.window
            self.assertEqual(((right - left) % 16, (bottom - top) % 16), (0, 0))
            self.assertEqual(tile.inset, (24, 24))
            self.assertGreaterEqual(right, tile.core[2] + 24)
            self.assertGreaterEqual(bottom, tile.core[3] + 24)


class MirrorTest(unittest.TestCase):
    def test_beyond_the_edge_lies_the_mirror_image(self) -> None:
        row = Image.new("L", (3, 1))
        row.putdata([10, 20, 30])
        wide = mirrored_window(row, (-4, 0, 8, 1))
        found = [wide.getpixel((x, 0)) for x in range(12)]
        self.assertEqual(found, [30, 30, 20, 10, 10, 20, 30, 30, 20, 10, 10, 20])

    def test_both_directions_and_every_mode(self) -> None:
        for mode in ("L", "LA", "RGB", "RGBA", "I;16"):
            with self.subTest(mode=mode):
                one = mirrored_window(Image.new(mode, (1, 1), 1), (-5, -3, 9, 4))
                self.assertEqual((one.mode, one.size), (mode, (14, 7)))
                self.assertEqual(one.getpixel((0, 0)), one.getpixel((13, 6)))

    def test_inside_it_is_a_crop(self) -> None:
        image = scene(0, (64, 64))
        box = (5, 6, 40, 50)
        self.assertEqual(mirrored_window(image, box).tobytes(), image.crop(box).tobytes())


class SeamTest(unittest.TestCase):
    def largest_difference(self, image: Image.Image, upscale: int = 1) -> int:
        """Between one tile for all and many small ones, in grey levels."""
        results = []
        for core in (512, 96):
            with TemporaryDirectory() as folder, mock.patch.object(tuning, "TILE_CORE", core):
                path = Path(folder, "input.png")
                image.save(path)
                with Image.open(run(str(path), "restoration/classic", 1.0, upscale)) as result:
                    results.append(result.convert("RGB"))
        differences = ImageChops.difference(*results)
        return max(high for _, high in differences.getextrema())  # type: ignore[misc]

    def test_noise(self) -> None:
        self.assertLessEqual(self.largest_difference(noisy(scene(0, (208, 208)), 12)), 1)

    def test_blur(self) -> None:
        self.assertLessEqual(self.largest_difference(blurred(scene(1, (208, 208)), 1.2)), 1)

    def test_marks(self) -> None:
        self.assertLessEqual(self.largest_difference(scratched(scene(2, (336, 336)))), 1)

    def test_enlarging(self) -> None:
        self.assertLessEqual(self.largest_difference(scene(2, (160, 160)), 2), 1)


if __name__ == "__main__":
    unittest.main()
