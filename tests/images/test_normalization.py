"""The way of every ordinary kind of file: what the provider gets, and what leaves."""

import unittest
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from tests.support import pictures
from tests.support.image_case import ENCODED_AGAIN, EXACT, ImageCase, returns_input, saves

FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
}


class UntouchedTest(ImageCase):
    def test_an_upright_jpeg_or_png_is_given_and_leaves_as_it_came(self) -> None:
        for pillow_format, suffix in (("JPEG", ".jpg"), ("PNG", ".png")):
            for exif in (None, pictures.exif(), pictures.exif(1), pictures.exif(9)):
                with self.subTest(pillow_format, exif=exif):
                    options = {} if exif is None else {"exif": exif}
                    data = pictures.encode(pictures.drawing(), pillow_format, **options)
                    result = self.restore(data)
                    self.assertTrue(result.normalized.is_upload)
                    self.assertEqual(data, Path(result.normalized.upload).read_bytes())
                    self.assertEqual((suffix, data), (result.suffix, result.data))

    def test_a_copy_of_the_input_counts_as_the_input(self) -> None:
        data = pictures.encode(pictures.drawing(), "JPEG", exif=pictures.exif(1))

        def copies(normalized: object, folder: str) -> str:
            Path(folder, "copy").write_bytes(data)
            return f"{folder}/copy"

        self.assertEqual(data, self.restore(data, copies).data)

    def test_a_thumbnail_leaves_with_an_untouched_upload_only(self) -> None:
        exif, thumbnail = pictures.exif_with_thumbnail()
        data = pictures.encode(pictures.drawing(), "JPEG", exif=exif)
        self.assertIn(thumbnail, self.restore(data).data)
        self.assertNotIn(thumbnail, self.restore(data, saves("JPEG")).data)

    def test_an_input_changed_in_place_is_not_the_upload(self) -> None:
        data = pictures.encode(pictures.drawing(), "PNG")

        def inverts(normalized: object, folder: str) -> str:
            path = f"{folder}/input.png"
            ImageOps.invert(Image.open(path)).save(path)
            return path

        result = self.restore(data, inverts)
        self.assert_same_picture(ImageOps.invert(pictures.drawing()), result.image)


class OrientationTest(ImageCase):
    """Against Pillow's own exif_transpose, in every format that carries the tag."""

    def test_eight_orientations_in_exif(self) -> None:
        for pillow_format, options in FORMATS.items():
            for orientation in range(1, 9):
                with self.subTest(pillow_format, orientation=orientation):
                    exif = pictures.exif(orientation)
                    data = pictures.encode(pictures.drawing(), pillow_format, exif=exif, **options)
                    self.check(data, EXACT if pillow_format != "JPEG" else ENCODED_AGAIN)

    def test_eight_orientations_in_xmp_alone(self) -> None:
        for pillow_format in ("JPEG", "WEBP"):
            for orientation in range(1, 9):
                with self.subTest(pillow_format, orientation=orientation):
                    data = pictures.encode(
                        pictures.drawing(),
                        pillow_format,
                        xmp=pictures.xmp(orientation),
                        **FORMATS[pillow_format],
                    )
                    self.check(data, EXACT if pillow_format != "JPEG" else ENCODED_AGAIN)

    def test_exif_counts_before_xmp(self) -> None:
        data = pictures.encode(
            pictures.drawing(), "JPEG", exif=pictures.exif(6), xmp=pictures.xmp(3), quality=95
        )
        self.check(data, ENCODED_AGAIN)

    def check(self, data: bytes, tolerance: tuple[float, int]) -> None:
        upright = ImageOps.exif_transpose(pictures.opened(data))
        self.assert_same_picture(upright, self.given(data))
        for provider in (returns_input, saves("PNG")):
            result = self.restore(data, provider)
            self.assert_same_picture(upright, result.image, tolerance)
            self.assertEqual(upright.size, (result.normalized.width, result.normalized.height))
            if result.data != data:
                self.assertNotIn(0x0112, result.image.getexif())
                self.assertNotIn(b"Orientation", result.data)


class OutputTest(ImageCase):
    """PNG and WEBP in: PNG out. JPEG in: JPEG out, unless it turned transparent."""

    def test_format_and_pixels(self) -> None:
        for pillow_format, mode, suffix in (
            ("JPEG", "RGB", ".jpg"),
            ("JPEG", "L", ".jpg"),
            ("PNG", "RGB", ".png"),
            ("PNG", "RGBA", ".png"),
            ("PNG", "L", ".png"),
            ("PNG", "LA", ".png"),
            ("WEBP", "RGB", ".png"),
            ("WEBP", "RGBA", ".png"),
        ):
            for provider in (returns_input, saves("PNG")):
                with self.subTest(pillow_format, mode=mode, provider=provider):
                    image = pictures.drawing(mode)
                    data = pictures.encode(image, pillow_format, **FORMATS[pillow_format])
                    result = self.restore(data, provider)
                    self.assertEqual(suffix, result.suffix)
                    tolerance = EXACT if suffix == ".png" else ENCODED_AGAIN
                    self.assert_same_picture(pictures.opened(data), result.image, tolerance)

    def test_sizes_times_upscale(self) -> None:
        for upscale in (1, 2, 4):
            with self.subTest(upscale):
                size = (pictures.WIDTH * upscale, pictures.HEIGHT * upscale)
                large = pictures.encode(pictures.drawing(size=size), "JPEG")

                def enlarges(normalized: object, folder: str, large: bytes = large) -> str:
                    Path(folder, "large").write_bytes(large)
                    return f"{folder}/large"

                data = pictures.encode(pictures.drawing(), "JPEG", quality=80)
                self.assertEqual(size, self.restore(data, enlarges, upscale).image.size)

    def test_animations_give_their_first_picture(self) -> None:
        first = pictures.drawing()
        more = [ImageOps.invert(first), first.rotate(180)]
        for pillow_format in ("PNG", "WEBP"):
            with self.subTest(pillow_format):
                data = pictures.encode(
                    first, pillow_format, save_all=True, append_images=more, lossless=True
                )
                result = self.restore(data)
                self.assert_same_picture(first, result.image)
                self.assertEqual(1, getattr(result.image, "n_frames", 1))


class HeaderTest(ImageCase):
    def test_sizes(self) -> None:
        for pillow_format in ("JPEG", "PNG", "WEBP", "HEIF"):
            for size in ((64, 48), (4096, 16)):
                with self.subTest(pillow_format, size=size):
                    data = pictures.encode(pictures.drawing(size=size), pillow_format)
                    self.assertEqual(size, self.inspect(data))

    def test_a_side_over_4096_is_refused_with_the_size(self) -> None:
        from restore import images

        for pillow_format in ("JPEG", "PNG", "WEBP", "HEIF"):
            for size in ((4097, 16), (16, 4097)):
                with self.subTest(pillow_format, size=size):
                    data = pictures.encode(pictures.drawing(size=size), pillow_format)
                    with self.assertRaises(images.ImageError) as caught:
                        self.inspect(data)
                    error = caught.exception
                    self.assertEqual(
                        ("image_dimensions", *size), (error.code, error.width, error.height)
                    )

    def test_one_pixel(self) -> None:
        for pillow_format in ("JPEG", "PNG", "WEBP"):
            with self.subTest(pillow_format):
                data = pictures.encode(Image.new("RGB", (1, 1), (9, 90, 200)), pillow_format)
                self.assertEqual((1, 1), self.inspect(data))
                self.assertEqual((1, 1), self.restore(data, saves("PNG")).image.size)

    def test_a_header_that_is_cut_is_unreadable(self) -> None:
        for pillow_format in ("JPEG", "PNG", "WEBP", "HEIF"):
            data = pictures.encode(pictures.drawing(), pillow_format)
            for length in (12, 16, 20, 24):
                with self.subTest(pillow_format, length=length):
                    self.assert_fails("image_unreadable", data[:length])


class DamagedTest(ImageCase):
    def test_a_cut_file_fails_whatever_the_provider_would_do(self) -> None:
        cases: tuple[tuple[str, dict[str, Any]], ...] = (
            ("JPEG", {}),
            ("JPEG", {"progressive": True}),
            ("PNG", {}),
            ("WEBP", {}),
            ("WEBP", {"lossless": True}),
            ("HEIF", {}),
        )
        for pillow_format, options in cases:
            data = pictures.encode(pictures.drawing(size=(160, 128)), pillow_format, **options)
            for part in (0.5, 0.75, 0.9, 0.97):
                with self.subTest(pillow_format, part=part, **options):
                    self.assert_fails("decode_failed", data[: int(len(data) * part)])

    def test_the_disk_is_not_the_picture(self) -> None:
        from restore import images

        with self.assertRaises(FileNotFoundError):
            images.normalize(f"{self.folder}/gone", "jpeg", self.folder)


if __name__ == "__main__":
    unittest.main()
