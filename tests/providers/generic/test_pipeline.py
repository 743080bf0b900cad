"""`generic` as the server calls it: kinds of files, sizes, harmlessness, strength, progress."""

import random
import unittest
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from PIL import Image

from bench.quality import blurred, faded, noisy, psnr, scene, scratched
from restore import progress
from restore.providers.generic import MODELS, run
from tests.support.pictures import half_hidden_png

SCENE = scene(3, (160, 160))


class RunCase(unittest.TestCase):
    def setUp(self) -> None:
        holder = TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def put(self, image: Image.Image, name: str = "input.png", **options: object) -> Path:
        path = self.folder / name
        image.save(path, **options)  # type: ignore[arg-type]
        return path

    def restored(self, path: Path, strength: float = 1.0, upscale: int = 1) -> Image.Image:
        before = path.read_bytes()
        result = Path(run(str(path), "any/id", strength, upscale))
        self.assertEqual(path.read_bytes(), before, "the input was changed")
        self.assertEqual(result.parent, path.parent)
        with Image.open(result) as image:
            image.load()
            self.assertEqual(image.format, "JPEG" if path.suffix == ".jpg" else "PNG")
            return image


class KindTest(RunCase):
    def test_every_mode_of_png_at_every_upscale(self) -> None:
        small = SCENE.crop((40, 40, 64, 60))
        palette = small.quantize(16)
        deep = small.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
        pictures = {
            "1": (small.convert("1"), "L"),
            "L": (small.convert("L"), "L"),
            "LA": (small.convert("LA"), "LA"),
            "P": (palette, "RGB"),
            "RGB": (small, "RGB"),
            "RGBA": (small.convert("RGBA"), "RGBA"),
            "I;16": (deep, "I;16"),
        }
        for name, (image, mode) in pictures.items():
            for upscale in (2, 4):
                with self.subTest(mode=name, upscale=upscale):
                    result = self.restored(self.put(image), upscale=upscale)
                    self.assertEqual(result.size, (24 * upscale, 20 * upscale))
                    self.assertEqual(result.mode, mode)

    def test_transparency_of_a_palette_and_of_a_colour_stays(self) -> None:
        small = SCENE.crop((40, 40, 64, 60))
        for image in (small.quantize(16), small, small.convert("L")):
            transparency: object = (3, 3, 3) if image.mode == "RGB" else 3
            path = self.put(image, transparency=transparency)
            self.assertIn(self.restored(path, upscale=2).mode, ("LA", "RGBA"))

    def test_transparency_of_a_colour_stays_where_samples_are_scaled(self) -> None:
        """tRNS names a colour in the file's own depth; half of the picture has it."""
        path = self.folder / "input.png"
        for depth, colour, hidden in ((2, 0, 1), (4, 0, 9), (16, 0, 40_000), (16, 2, 40_000)):
            path.write_bytes(half_hidden_png(depth, colour, hidden))
            with self.subTest(depth=depth, colour=colour):
                alpha = self.restored(path, upscale=2).getchannel("A")
                self.assertEqual((0, 255), (alpha.getpixel((8, 2)), alpha.getpixel((8, 29))))

    def test_jpeg_grey_and_colour(self) -> None:
        for image in (SCENE, SCENE.convert("L")):
            result = self.restored(self.put(image, "input.jpg", quality=20))
            self.assertEqual((result.mode, result.size), (image.mode, image.size))

    def test_cmyk_does_not_fail(self) -> None:
        path = self.put(SCENE.convert("CMYK"), "input.jpg", quality=20)
        self.assertEqual(self.restored(path, upscale=2).size, (320, 320))

    def test_profile_and_exif_stay(self) -> None:
        exif = Image.Exif()
        exif[0x010F] = "maker"
        path = self.put(SCENE, "input.jpg", quality=20, icc_profile=b"profile", exif=exif)
        result = self.restored(path)
        self.assertEqual(result.info["icc_profile"], b"profile")
        self.assertEqual(result.getexif()[0x010F], "maker")

    def test_sixteen_bit_grey_keeps_its_depth(self) -> None:
        grey = noisy(scene(3, (256, 256)).convert("L"), 12)
        deep = grey.convert("I").point(lambda value: value * 257).convert("I;16")
        result = self.restored(self.put(deep))
        self.assertEqual(result.mode, "I;16")
        row = [result.getpixel((x, 80)) for x in range(256)]
        self.assertGreater(len({value % 257 for value in row}), 20)  # type: ignore[operator]

    def test_alpha_is_enlarged_and_never_restored(self) -> None:
        spoilt = noisy(SCENE, 15)
        alpha = noisy(SCENE.convert("L"), 15, seed=9)
        spoilt.putalpha(alpha)
        path = self.put(spoilt)
        self.assertEqual(self.restored(path).getchannel("A").tobytes(), alpha.tobytes())
        large = alpha.resize((320, 320), Image.Resampling.LANCZOS)
        found = self.restored(path, upscale=2).getchannel("A")
        self.assertGreater(psnr(large, found), 50)


class SizeTest(RunCase):
    def test_smallest_and_most_extreme(self) -> None:
        for size in ((1, 1), (2, 1), (3, 5), (4096, 1), (1, 900), (17, 16)):
            for upscale in (1, 2, 4):
                with self.subTest(size=size, upscale=upscale):
                    image = noisy(Image.linear_gradient("L").resize(size), 12)
                    result = self.restored(self.put(image), upscale=upscale)
                    self.assertEqual(result.size, (size[0] * upscale, size[1] * upscale))


class HarmTest(RunCase):
    def test_clean_pictures_leave_byte_for_byte(self) -> None:
        for number in (2, 3, 4):
            for name, options in (("input.png", {}), ("input.jpg", {"quality": 95})):
                path = self.put(scene(number, (320, 320)), name, **options)
                self.assertEqual(run(str(path), "any/id", 1.0, 1), str(path))

    def test_an_unnamed_model_is_not_offered(self) -> None:
        self.assertEqual(list(MODELS), ["restoration/classic"])


class StrengthTest(RunCase):
    DAMAGED: ClassVar[dict[str, Callable[[Image.Image], Image.Image]]] = {
        "noise": lambda image: noisy(image, 15),
        "blur": lambda image: blurred(image, 1.5),
        "fade": lambda image: scratched(faded(image)),
        "scratch": scratched,
    }

    def test_more_strength_restores_more(self) -> None:
        image = scene(1, (320, 320))
        for name, damage in self.DAMAGED.items():
            with self.subTest(damage=name):
                spoilt = damage(image)
                path = self.put(spoilt)
                gains = [
                    psnr(image, self.restored(path, strength)) - psnr(image, spoilt)
                    for strength in (0.1, 0.6, 1.0)
                ]
                self.assertGreater(gains[0], 0.0)
                self.assertEqual(gains, sorted(gains))
                self.assertGreater(gains[1], (0.35 if name == "fade" else 0.6) * gains[2])

    def test_the_same_input_gives_the_same_bytes(self) -> None:
        path = self.put(noisy(SCENE, 15))
        results = [Path(run(str(path), "any/id", 0.6, 2)).read_bytes() for _ in range(2)]
        self.assertEqual(results[0], results[1])


class ProgressTest(RunCase):
    def test_it_rises_to_the_end_and_the_line_names_findings_and_steps(self) -> None:
        fractions: list[float] = []
        lines: list[str] = []
        path = self.put(noisy(scene(1, (600, 320)), 15))
        with progress.listening(progress.Listener(fractions.append, lines.append)):
            run(str(path), "any/id", 0.6, 1)
        self.assertEqual(fractions, sorted(fractions))
        self.assertGreater(len(set(fractions)), 5)
        self.assertEqual(fractions[-1], 1.0)
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], r"noise 1\d\.\d/\d.*jpeg no.*fade no; steps: denoise$")

    def test_a_jpeg_is_named_by_its_quality(self) -> None:
        lines: list[str] = []
        path = self.put(SCENE, "input.jpg", quality=31)
        with progress.listening(progress.Listener(lambda fraction: None, lines.append)):
            run(str(path), "any/id", 0.6, 1)
        self.assertRegex(lines[0], r"jpeg q3[012].*steps: .*deblock")

    def test_broken_files_raise(self) -> None:
        path = self.folder / "input.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(100))
        with self.assertRaises(Exception):  # noqa: B017
            run(str(path), "any/id", 0.6, 1)


if __name__ == "__main__":
    unittest.main()
