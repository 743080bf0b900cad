"""What a provider may return: checked, put into the right format, its colours made right."""

import os
import struct
import unittest
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from restore.images import Normalized
from tests.support import pictures
from tests.support.image_case import (
    ENCODED_AGAIN,
    EXACT,
    MANAGED,
    ImageCase,
    Provider,
    returns_input,
    saves,
    writes,
)

SIZE = (64, 48)
DRAWING = pictures.drawing("RGB", SIZE)
JPEG = pictures.encode(DRAWING, "JPEG", quality=95, subsampling=0)
PNG = pictures.encode(DRAWING, "PNG")


class RefusedTest(ImageCase):
    def test_what_is_no_picture_of_the_right_size(self) -> None:
        larger = pictures.drawing("RGB", (65, 48))
        for name, data in (
            ("nothing", b""),
            ("text", b"I restored it!"),
            ("a document", b"%PDF-1.4"),
            ("a drawing", b"<svg/>"),
            ("an animation's format we know", pictures.encode(larger, "GIF")),
            ("larger, PNG", pictures.encode(larger, "PNG")),
            ("larger, JPEG", pictures.encode(larger, "JPEG")),
            ("larger, TIFF", pictures.encode(larger, "TIFF")),
            ("turned", pictures.encode(DRAWING.transpose(Image.Transpose.ROTATE_90), "PNG")),
            ("cut, PNG", PNG[: len(PNG) // 2]),
            ("cut, JPEG", JPEG[: len(JPEG) // 2]),
            ("cut with an end, JPEG", JPEG[: len(JPEG) // 2] + b"\xff\xd9"),
            ("cut, TIFF", pictures.encode(DRAWING, "TIFF")[:2000]),
            ("cut, BMP", pictures.encode(DRAWING, "BMP")[:2000]),
        ):
            for upload in (JPEG, PNG):
                with self.subTest(name):
                    self.assert_fails("bad_output", upload, writes(data))

    def test_the_input_where_it_should_have_been_enlarged(self) -> None:
        from restore import images

        for provider in (returns_input, writes(JPEG)):
            with self.assertRaises(images.ImageError) as caught:
                self.restore(JPEG, provider, upscale=2)
            self.assertEqual("bad_output", caught.exception.code)

    def test_what_lies_elsewhere(self) -> None:
        outside = Path(self.folder, "outside.png")
        outside.write_bytes(PNG)

        def points_at_it(normalized: Normalized, folder: str) -> str:
            Path(folder, "link.png").symlink_to(outside)
            return f"{folder}/link.png"

        def points_at_itself(normalized: Normalized, folder: str) -> str:
            Path(folder, "link.png").symlink_to(f"{folder}/input.png")
            return f"{folder}/link.png"

        def makes_a_pipe(normalized: Normalized, folder: str) -> str:
            os.mkfifo(f"{folder}/pipe")
            return f"{folder}/pipe"

        cases: tuple[Provider, ...] = (
            lambda normalized, folder: str(outside),
            lambda normalized, folder: f"{folder}/../outside.png",
            lambda normalized, folder: normalized.upload,
            lambda normalized, folder: folder,
            points_at_it,
            points_at_itself,
            makes_a_pipe,
        )
        for provider in cases:
            self.assert_fails("bad_output", PNG, provider)

    def test_a_file_that_is_not_there(self) -> None:
        with self.assertRaises(FileNotFoundError):
            self.restore(PNG, lambda normalized, folder: f"{folder}/gone")


class FormatTest(ImageCase):
    def test_other_formats_are_converted(self) -> None:
        for pillow_format in ("TIFF", "BMP", "GIF", "WEBP"):
            options: dict[str, Any] = {"lossless": True} if pillow_format == "WEBP" else {}
            for upload, suffix, tolerance in ((JPEG, ".jpg", ENCODED_AGAIN), (PNG, ".png", EXACT)):
                with self.subTest(pillow_format, suffix=suffix):
                    provider = saves(pillow_format, **options)
                    expected = pictures.opened(pictures.encode(DRAWING, pillow_format, **options))
                    result = self.restore(upload, provider)
                    self.assertEqual(suffix, result.suffix)
                    if pillow_format == "GIF" and suffix == ".jpg":
                        tolerance = (6.0, 255)  # dithered dots
                    self.assert_same_picture(expected, result.image, tolerance)

    def test_a_result_of_the_other_format(self) -> None:
        self.assert_same_picture(DRAWING, self.restore(JPEG, writes(PNG)).image, ENCODED_AGAIN)
        self.assert_same_picture(
            pictures.opened(JPEG), self.restore(PNG, writes(JPEG)).image, EXACT
        )

    def test_what_we_encode_has_all_its_colours(self) -> None:
        image = self.restore(JPEG, writes(PNG)).image
        self.assertEqual([(1, 1)] * 3, [part[1:3] for part in image.layer])  # type: ignore[attr-defined]

    def test_transparency_leaves_as_png_and_only_where_there_is_any(self) -> None:
        for image, suffix in (
            (pictures.drawing("RGBA", SIZE), ".png"),
            (DRAWING.convert("RGBA"), ".jpg"),
            (pictures.drawing("LA", SIZE), ".png"),
        ):
            data = pictures.encode(image, "PNG")
            result = self.restore(JPEG, writes(data))
            self.assertEqual(suffix, result.suffix)
            tolerance = EXACT if suffix == ".png" else ENCODED_AGAIN
            self.assert_same_picture(image, result.image, tolerance)

    def test_an_orientation_that_the_result_asks_for_is_done(self) -> None:
        lying = DRAWING.transpose(Image.Transpose.ROTATE_90)
        for pillow_format in ("JPEG", "PNG", "TIFF", "WEBP"):
            with self.subTest(pillow_format):
                exif = pictures.exif(6)
                options: dict[str, Any] = {
                    "exif": exif,
                    "lossless": True,
                    "quality": 95,
                    "subsampling": 0,
                }
                if pillow_format == "TIFF":
                    block = Image.Exif()
                    block[0x0112] = 6
                    options = {"exif": block}
                data = pictures.encode(lying, pillow_format, **options)
                if pillow_format == "TIFF":
                    self.assert_same_picture(DRAWING, self.restore(PNG, writes(data)).image)
                    continue
                result = self.restore(PNG, writes(data))
                self.assert_same_picture(DRAWING, result.image, ENCODED_AGAIN)
                self.assertNotIn(0x0112, result.image.getexif())

    def test_an_animation_leaves_as_its_first_picture(self) -> None:
        data = pictures.encode(DRAWING, "PNG", save_all=True, append_images=[DRAWING.rotate(9)])
        result = self.restore(PNG, writes(data))
        self.assert_same_picture(DRAWING, result.image)
        self.assertNotIn(b"acTL", result.data)

    def test_cmyk_doesnt_leave(self) -> None:
        for profile in (None, pictures.cmyk_profile()):
            data = pictures.encode(pictures.drawing("CMYK", SIZE), "JPEG", icc_profile=profile)
            result = self.restore(JPEG, writes(data))
            self.assertEqual("RGB", result.image.mode)
            self.assertNotIn("icc_profile", result.image.info)

    def test_names_in_the_folder_are_free_to_the_provider(self) -> None:
        for name in ("output.png", "result", "result.png", "input.jpg", "finished"):
            self.assertEqual(PNG, self.restore(PNG, writes(PNG, name)).data)


class ColourTest(ImageCase):
    """A profile leaves where it fits the pixels, else what it says is done to them."""

    def test_the_uploads_profile_goes_with_a_result_that_has_none(self) -> None:
        profile = pictures.wide_profile()
        upload = pictures.encode(DRAWING, "JPEG", icc_profile=profile)
        self.assertEqual(profile, self.restore(upload, saves("PNG")).image.info["icc_profile"])

    def test_the_results_own_profile_stays(self) -> None:
        upload = pictures.encode(DRAWING, "JPEG", icc_profile=pictures.wide_profile())
        own = pictures.srgb_profile()
        for provider in (saves("PNG", icc_profile=own), saves("JPEG", icc_profile=own)):
            self.assertEqual(own, self.restore(upload, provider).image.info["icc_profile"])

    def test_a_grey_profile_on_a_result_in_colour_is_applied(self) -> None:
        grey = DRAWING.convert("L")
        linear = pictures.grey_profile(1.0)
        upload = pictures.encode(grey, "PNG", icc_profile=linear)
        for provider in (saves("PNG", "RGB"), saves("PNG", "RGBA")):
            result = self.restore(upload, provider)
            self.assertNotIn("icc_profile", result.image.info)
            expected = grey.point([round(255 * _srgb(level / 255)) for level in range(256)])
            self.assert_same_picture(expected, result.image, MANAGED)
            self.assertGreater(_mean(ImageChops.difference(expected, grey)), 20)

    def test_a_profile_in_colour_on_a_grey_result_is_applied_where_it_matters(self) -> None:
        grey = DRAWING.convert("L")
        for profile in (pictures.srgb_profile(), pictures.wide_profile()):
            upload = pictures.encode(DRAWING, "PNG", icc_profile=profile)
            result = self.restore(upload, saves("PNG", "L"))
            self.assertNotIn("icc_profile", result.image.info)
            self.assert_same_picture(grey, result.image, MANAGED)

    def test_a_profile_that_doesnt_fit_its_own_file_is_dropped(self) -> None:
        for profile in (pictures.cmyk_profile(), _lab_profile()):
            for pillow_format in ("JPEG", "PNG", "WEBP"):
                with self.subTest(pillow_format):
                    options = {"lossless": True, "quality": 95, "subsampling": 0}
                    upload = pictures.encode(DRAWING, pillow_format, icc_profile=profile, **options)
                    result = self.restore(upload, saves("PNG"))
                    self.assertNotIn("icc_profile", result.image.info)
                    self.assert_same_picture(DRAWING, result.image, ENCODED_AGAIN)

    def test_a_grey_profile_in_an_upload_in_colour_is_dropped(self) -> None:
        """Also where a provider copies it: it is nothing that the result says of itself."""
        profile = pictures.grey_profile(1.0)
        for pillow_format in ("JPEG", "PNG", "WEBP", "HEIF"):
            options: dict[str, Any] = {"lossless": True, "quality": 95, "subsampling": 0}
            if pillow_format == "HEIF":
                options = {"quality": 95, "chroma": 444}
            for exif in (pictures.exif(1), pictures.exif(3)):
                options |= {"exif": exif, "icc_profile": profile}
                upload = pictures.encode(DRAWING, pillow_format, **options)
                given = self.given(upload)
                for provider in (
                    saves("PNG"),
                    saves("JPEG", quality=95, subsampling=0),
                    saves("PNG", icc_profile=profile),
                    saves("TIFF", icc_profile=profile),
                ):
                    with self.subTest(pillow_format):
                        result = self.restore(upload, provider)
                        self.assertNotIn("icc_profile", result.image.info)
                        self.assert_same_picture(given, result.image, ENCODED_AGAIN)

    def test_a_grey_profile_that_a_result_in_colour_says_itself_is_applied(self) -> None:
        expected = DRAWING.point([round(255 * _srgb(level / 255)) for level in range(256)] * 3)
        for other in (None, pictures.wide_profile(), pictures.grey_profile(1.8)):
            upload = pictures.encode(DRAWING, "PNG", icc_profile=other)
            result = self.restore(upload, saves("PNG", icc_profile=pictures.grey_profile(1.0)))
            self.assert_same_picture(expected, result.image, MANAGED)


class MetadataTest(ImageCase):
    def test_exif_of_the_result_counts_where_the_upload_had_none(self) -> None:
        exif = pictures.exif(1)
        found = self.restore(JPEG, saves("JPEG", exif=exif)).image.getexif()
        self.assertEqual("Maker", found[0x010F])
        self.assertNotIn(0x0112, found)

    def test_the_uploads_counts_first(self) -> None:
        upload = pictures.encode(DRAWING, "JPEG", exif=pictures.exif(description="the upload's"))
        provider = saves("JPEG", exif=pictures.exif(description="the result's"))
        self.assertEqual("the upload's", self.restore(upload, provider).image.getexif()[0x010E])

    def test_exif_too_large_for_a_jpeg_gives_way(self) -> None:
        exif = pictures.exif(1, maker_note=b"n" * 80_000)
        heic = pictures.encode(DRAWING, "HEIF", exif=exif)
        found = self.restore(heic).image.getexif()
        self.assertEqual("Maker", found[0x010F])
        self.assertNotIn(0x927C, found.get_ifd(0x8769))
        png = pictures.encode(DRAWING, "PNG", exif=exif)
        kept = self.restore(png, saves("PNG")).image.getexif().get_ifd(0x8769)
        self.assertEqual(b"n" * 80_000, kept[0x927C])

    def test_the_size_in_exif_is_the_results(self) -> None:
        upload = pictures.encode(DRAWING, "JPEG", exif=pictures.exif(1, size=SIZE))
        large = pictures.encode(DRAWING.resize((128, 96)), "JPEG")
        sub = self.restore(upload, writes(large), upscale=2).image.getexif().get_ifd(0x8769)
        self.assertEqual((128, 96), (sub[0xA002], sub[0xA003]))

    def test_resolution_becomes_phys_where_a_jpeg_leaves_as_png(self) -> None:
        upload = pictures.encode(DRAWING, "JPEG", dpi=(300, 300))
        result = self.restore(
            upload, writes(pictures.encode(pictures.drawing("RGBA", SIZE), "PNG"))
        )
        self.assertIn(struct.pack(">IIB", 11811, 11811, 1), result.data)

    def test_a_results_texts_dont_leave(self) -> None:
        comment = pictures.png_chunk(b"tEXt", b"Comment\0/home/user/model.onnx")
        data = pictures.with_chunks(pictures.encode(DRAWING.rotate(180), "PNG"), comment)
        self.assertNotIn(b"/home/user", self.restore(PNG, writes(data)).data)


def _srgb(light: float) -> float:
    """IEC 61966-2-1's encoding of linear light."""
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def _mean(image: Image.Image) -> float:
    histogram = image.histogram()
    return sum(level * count for level, count in enumerate(histogram)) / sum(histogram)


def _lab_profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


if __name__ == "__main__":
    unittest.main()
