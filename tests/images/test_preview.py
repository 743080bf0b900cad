"""preview: upright, small, in colours and depths that browsers show."""

import tempfile
import unittest
from pathlib import Path
from typing import Any, cast

from PIL import Image
from PIL.ImageCms import ImageCmsProfile, createProfile

from restore.images import preview
from restore.images.preview import PREVIEW_PX


class PreviewTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def previewed(self, image: Image.Image, name: str = "input.png", **how: Any) -> Image.Image:
        path = self.folder / name
        image.save(path, **how)
        found = Path(preview(str(path), str(self.folder)))
        self.assertEqual({name, found.name}, {each.name for each in self.folder.iterdir()})
        shown = Image.open(found)
        self.addCleanup(shown.close)
        return shown

    def test_a_large_one_is_made_small_and_keeps_its_shape_and_profile(self) -> None:
        for name in ("input.jpg", "input.png"):
            with self.subTest(name):
                large = Image.linear_gradient("L").resize((4096, 1024)).convert("RGB")
                shown = self.previewed(large, name, icc_profile=b"as it is")
                self.assertEqual(("JPEG", "RGB"), (shown.format, shown.mode))
                self.assertLessEqual(PREVIEW_PX / 2, shown.width)
                self.assertLessEqual(shown.width, PREVIEW_PX)
                self.assertEqual(shown.width, 4 * shown.height)
                self.assertEqual(b"as it is", shown.info["icc_profile"])
                (self.folder / name).unlink()

    def test_a_small_one_keeps_its_size(self) -> None:
        shown = self.previewed(Image.new("RGB", (40, 30), (200, 10, 20)))
        self.assertEqual((40, 30), shown.size)
        for value, wanted in zip(
            cast("tuple[int, ...]", shown.getpixel((20, 15))), (200, 10, 20), strict=True
        ):
            self.assertAlmostEqual(value, wanted, delta=3)

    def test_sixteen_bits_become_eight(self) -> None:
        shown = self.previewed(Image.new("I;16", (40, 30), 257 * 100))
        self.assertEqual(("JPEG", "L", 100), (shown.format, shown.mode, shown.getpixel((5, 5))))

    def test_a_profile_of_other_pixels_is_left_out(self) -> None:
        grey = bytearray(ImageCmsProfile(createProfile("sRGB")).tobytes())
        grey[16:20] = b"GRAY"
        shown = self.previewed(Image.new("LA", (4, 4), (90, 128)), icc_profile=bytes(grey))
        self.assertEqual(("RGBA", None), (shown.mode, shown.info.get("icc_profile")))

    def test_transparency_stays(self) -> None:
        shown = self.previewed(Image.new("RGBA", (40, 30), (1, 2, 3, 128)))
        self.assertEqual(("PNG", (1, 2, 3, 128)), (shown.format, shown.getpixel((5, 5))))

    def test_what_cannot_be_read_or_written_has_none(self) -> None:
        (self.folder / "input.png").write_bytes(b"no picture")
        self.assertEqual("", preview(str(self.folder / "input.png"), str(self.folder)))
        self.assertEqual("", preview(str(self.folder / "gone.png"), str(self.folder)))
        good = self.folder / "good.png"
        Image.new("L", (4, 4)).save(good)
        self.assertEqual("", preview(str(good), str(self.folder / "nowhere")))


if __name__ == "__main__":
    unittest.main()
