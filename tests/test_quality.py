"""bench.quality: its pictures come from seeds alone, and its measures measure what they say."""

import io
import random
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

from PIL import Image

from bench.quality import fields, harm, marks, measures, real, scene
from bench.quality.__main__ import main

Size = tuple[int, int]


def nothing_done(image: Image.Image, *_: object, upscale: int = 1, **__: object) -> Image.Image:
    """A provider that finds nothing to do, and enlarges as plain Lanczos does."""
    size = (image.width * upscale, image.height * upscale)
    return image.copy() if upscale == 1 else image.resize(size, Image.Resampling.LANCZOS)


class FieldsTest(unittest.TestCase):
    def test_each_kind_is_drawn_from_its_seed_alone(self) -> None:
        for name, draw in fields.KINDS.items():
            with self.subTest(name):
                first, again, other = (draw(fields.SIZE, random.Random(seed)) for seed in (1, 1, 2))
                self.assertEqual((fields.SIZE, "RGB"), (first.size, first.mode))
                self.assertEqual(first.tobytes(), again.tobytes())
                self.assertNotEqual(first.tobytes(), other.tobytes())


class MeasuresTest(unittest.TestCase):
    def test_psnr_is_taken_within_the_mask_only(self) -> None:
        one, other = Image.new("L", (40, 40), 100), Image.new("L", (40, 40), 100)
        other.paste(110, (0, 0, 10, 10))
        mask = Image.new("L", (40, 40), 0)
        self.assertEqual(99.0, measures.psnr_within(one, other, mask))
        mask.paste(255, (0, 0, 10, 10))
        self.assertAlmostEqual(28.13, measures.psnr_within(one, other, mask), delta=0.01)

    def test_the_worst_square_finds_one_word(self) -> None:
        one, other = Image.new("RGB", (320, 320)), Image.new("RGB", (320, 320))
        other.paste((0, 200, 0), (32, 32, 48, 40))
        self.assertEqual(100, measures.worst_block(one, other))


class TablesTest(unittest.TestCase):
    """With a provider that is known, so that each figure is."""

    def printed(self, module: str, provider: object, *arguments: str) -> str:
        text = io.StringIO()
        with mock.patch(f"bench.quality.{module}.restored", provider), redirect_stdout(text):
            self.assertEqual(0, main([module, *arguments]))
        return text.getvalue()

    def test_no_mark_is_found_by_who_does_nothing(self) -> None:
        with mock.patch.object(marks, "WIDTHS", {"scratch": (2,), "dust": (6,)}):
            text = self.printed("marks", nothing_done)
        self.assertIn("scratch  2 px", text)
        self.assertRegex(text, r"\nall +0\.000 +- +[\d.]+ +[\d.]+ +\+0\.00\n")

    def test_all_marks_are_found_by_who_knows_the_picture(self) -> None:
        clean = scene(1)

        def knows(image: Image.Image, *_: object) -> Image.Image:
            return clean

        text = io.StringIO()
        with (
            mock.patch.object(marks, "WIDTHS", {"scratch": (3,)}),
            mock.patch.object(marks, "GROUNDS", {"as is": marks.GROUNDS["as is"]}),
            mock.patch.object(marks, "restored", knows),
            redirect_stdout(text),
        ):
            marks.table([clean])
        self.assertRegex(text.getvalue(), r"\nall +1\.000 +1\.00 +[\d.]+ +99\.00 ")

    def test_harm_is_none_where_nothing_is_done_and_seen_where_something_is(self) -> None:
        kinds = {"text": fields.text}
        with mock.patch.object(harm, "KINDS", kinds):
            self.assertRegex(self.printed("harm", nothing_done), r"\ntext +99\.0 +0 +\+0\.00 +0\n")

            def paints_over(image: Image.Image, *_: object, upscale: int = 1) -> Image.Image:
                result = nothing_done(image, upscale=upscale)
                result.paste((255, 255, 255), (0, 0, 200, 100))
                return result

            found = self.printed("harm", paints_over)
        self.assertNotRegex(found, r"\ntext +99\.0")
        self.assertRegex(found, r"-\d+\.\d\d")

    def test_the_sheet_says_what_came_back_unchanged(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            scene(1).save(Path(folder, "a.png"))
            scene(2).save(Path(folder, "b.jpg"))
            out = Path(folder, "out.jpg")
            text = self.printed("real", nothing_done, folder, "--out", str(out))
            with Image.open(out) as sheet:
                self.assertEqual((4 * real.SIDE, 2 * (real.SIDE + real.CAPTION)), sheet.size)
        self.assertIn("2 of 2 came back unchanged", text)


if __name__ == "__main__":
    unittest.main()
