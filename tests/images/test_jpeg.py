"""JPEG: every way of coding colours, what is cut or glued together, and its metadata."""

import io
import struct
import time
import unittest
from typing import Any

from PIL import Image, ImageCms, ImageOps

from restore import images
from restore.images import jpeg
from tests.support import pictures
from tests.support.image_case import (
    ENCODED_AGAIN,
    EXACT,
    MANAGED,
    ImageCase,
    returns_input,
    saves,
    writes,
)

SIZE = (160, 128)
CODINGS: dict[str, dict[str, Any]] = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "optimized": {"optimize": True},
    "restarts": {"restart_marker_rows": 1},
}


def coded(mode: str = "RGB", **options: Any) -> bytes:
    return pictures.encode(pictures.drawing(mode, SIZE), "JPEG", **options)


def entropy_data(data: bytes) -> tuple[int, int]:
    """Where the last scan's data begins and ends."""
    scan = jpeg.parse(io.BytesIO(data)).scans[-1]
    return scan.start, scan.end


class CodingTest(ImageCase):
    def test_every_coding_is_given_as_it_came(self) -> None:
        for name, options in CODINGS.items():
            for mode in ("RGB", "L"):
                with self.subTest(name, mode=mode):
                    data = coded(mode, **options)
                    result = self.restore(data)
                    self.assertEqual(data, result.data)
                    self.assertEqual(mode, result.image.mode)

    def test_four_to_one_and_other_samplings(self) -> None:
        data = bytearray(coded(subsampling=1))
        frame = next(s for s in jpeg.parse(io.BytesIO(data)).segments if s.marker == jpeg.BASELINE)
        self.assertEqual(0x21, data[frame.start + 11])
        self.assertEqual(bytes(data), self.restore(bytes(data)).data)

    def test_cmyk_becomes_srgb(self) -> None:
        for profile in (None, pictures.cmyk_profile()):
            with self.subTest(profile=profile is not None):
                data = coded("CMYK", icc_profile=profile, quality=95)
                image = pictures.opened(data)
                if profile is None:
                    expected = image.convert("RGB")
                else:
                    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
                    target = ImageCms.createProfile("sRGB")
                    found = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
                    assert found is not None
                    expected = found
                    with self.assertRaises(AssertionError):
                        self.assert_same_picture(image.convert("RGB"), expected, MANAGED)
                self.assert_same_picture(expected, self.given(data), MANAGED)
                result = self.restore(data, returns_input)
                self.assert_same_picture(expected, result.image, ENCODED_AGAIN)
                self.assertEqual("RGB", result.image.mode)
                self.assertNotIn("icc_profile", result.image.info)

    def test_ycck(self) -> None:
        """Photoshop's way: CMYK as YCbCr and K, told by the Adobe segment's last byte."""
        plain = coded("CMYK", quality=95)
        at = plain.index(b"Adobe") + 11
        data = plain[:at] + b"\2" + plain[at + 1 :]
        expected = pictures.opened(data).convert("RGB")
        self.assert_same_picture(expected, self.given(data))
        with self.assertRaises(AssertionError):
            self.assert_same_picture(pictures.opened(plain).convert("RGB"), expected, MANAGED)

    def test_a_broken_cmyk_profile_doesnt_break_the_job(self) -> None:
        profile = pictures.cmyk_profile()[:200]
        data = coded("CMYK", icc_profile=profile)
        self.assert_same_picture(pictures.opened(data).convert("RGB"), self.given(data))

    def test_the_first_of_several_pictures_leaves_without_being_encoded_again(self) -> None:
        """MPO, as phones write it for depth and gain maps."""
        first = pictures.drawing("RGB", SIZE)
        data = pictures.encode(first, "MPO", save_all=True, append_images=[first.rotate(180)])
        result = self.restore(data)
        self.assertFalse(result.normalized.is_upload)
        self.assert_same_picture(pictures.opened(data), result.image)
        self.assertEqual("JPEG", result.image.format)
        self.assertNotIn(b"MPF\0", result.data)
        start, end = entropy_data(data)
        self.assertIn(data[start:end], result.data)

    def test_bytes_behind_the_end_leave_with_an_untouched_upload_only(self) -> None:
        data = coded() + b"PK\3\4 more"
        self.assertEqual(data, self.restore(data).data)
        self.assertNotIn(b"PK\3\4", self.restore(data, saves("JPEG")).data)

    def test_what_pillow_doesnt_decode_is_unreadable(self) -> None:
        data = bytearray(coded())
        at = data.index(b"\xff\xc0")
        for offset, value in ((4, 12), (9, 2), (9, 0), (5, 0)):
            with self.subTest(offset=offset, value=value):
                changed = bytearray(data)
                changed[at + offset] = value
                if offset == 5:
                    changed[at + 5 : at + 7] = b"\0\0"
                self.assert_fails("image_unreadable", bytes(changed))

    def test_a_marker_that_no_decoder_knows(self) -> None:
        data = coded()
        at = data.index(b"\xff\xda")
        self.assert_fails("decode_failed", data[:at] + b"\xff\x80\0\4ab" + data[at:])


class CutTest(ImageCase):
    """Half a picture with an end glued on opens in Pillow as a picture that is half grey."""

    def test_a_cut_picture_with_an_end_is_not_whole(self) -> None:
        for name, options in CODINGS.items():
            for mode in ("RGB", "L", "CMYK"):
                data = coded(mode, quality=90, **options)
                start, end = entropy_data(data)
                for part in (0.1, 0.5, 0.9):
                    with self.subTest(name, mode=mode, part=part):
                        cut = data[: start + int((end - start) * part)].rstrip(b"\xff")
                        pictures.opened(cut + b"\xff\xd9")
                        self.assert_fails("decode_failed", cut + b"\xff\xd9")

    def test_a_missing_end_alone_is_no_loss(self) -> None:
        """Every viewer shows such a file; Pillow, which providers use, needs the end marker."""
        for name, options in CODINGS.items():
            for mode in ("RGB", "L", "CMYK"):
                data = coded(
                    mode, quality=90, exif=pictures.exif(6 if mode == "L" else 1), **options
                )
                for missing in (2, 1):
                    with self.subTest(name, mode=mode, missing=missing):
                        result = self.restore(data[:-missing])
                        self.assert_same_picture(self.restore(data).image, result.image, (0.0, 0))
                        self.assertTrue(result.data.endswith(b"\xff\xd9"))

    def test_a_missing_end_and_missing_data_are_a_loss(self) -> None:
        for name, options in CODINGS.items():
            data = coded(quality=90, **options)
            start, end = entropy_data(data)
            for cut in (start, start + 1, (start + end) // 2, end - 30):
                for filling in (b"", b"\xff", bytes(500), b"\xff" * 500, b"\xff\xc4\0\x20"):
                    with self.subTest(name, cut=cut, filling=filling[:4]):
                        self.assert_fails("decode_failed", data[:cut].rstrip(b"\xff") + filling)

    def test_zeros_behind_all_data_are_no_loss(self) -> None:
        for name, options in CODINGS.items():
            with self.subTest(name):
                data = coded(quality=90, **options)
                left = self.restore(data[:-2] + bytes(3000))
                self.assert_same_picture(self.restore(data).image, left.image)

    def test_a_progressive_picture_cut_between_its_scans(self) -> None:
        """With an end marker it may be meant so, without one it was cut."""
        data = coded(quality=90, progressive=True)
        scans = jpeg.parse(io.BytesIO(data)).scans
        for scan in scans[3:-1]:
            with self.subTest(scan.header.hex()):
                self.assert_fails("decode_failed", data[: scan.end])
                self.assertTrue(self.restore(data[: scan.end] + b"\xff\xd9").data)

    def test_zeros_up_to_the_promised_length_are_not_whole(self) -> None:
        """As an interrupted download leaves them."""
        data = coded(quality=90)
        start, end = entropy_data(data)
        half = (start + end) // 2
        self.assert_fails("decode_failed", data[:half] + bytes(len(data) - half))

    def test_grey_pictures_are_whole(self) -> None:
        """What libjpeg fills missing parts with may also be what is there."""
        for colour in ((128, 128, 128), (127, 127, 127), (0, 0, 0)):
            for options in CODINGS.values():
                with self.subTest(colour, **options):
                    image = Image.new("RGB", SIZE, colour)
                    data = pictures.encode(image, "JPEG", **options)
                    self.assertEqual(data, self.restore(data).data)

    def test_a_scan_too_many(self) -> None:
        data = coded(progressive=True)
        scan = jpeg.parse(io.BytesIO(data)).scans[-1]
        at = data.rindex(b"\xff\xda")
        bomb = data[:-2] + data[at : scan.end] * 100 + b"\xff\xd9"
        self.assert_fails("decode_failed", bomb)

    def test_a_component_without_a_scan(self) -> None:
        data = coded("RGB", progressive=True)
        parsed = jpeg.parse(io.BytesIO(data))
        last = next(scan for scan in parsed.scans if len(scan.components) == 1)
        at = data.rindex(b"\xff\xda", 0, last.start)
        frame = bytearray(data[:at])
        number = frame.index(b"\xff\xc2") + 10
        frame[number] = 77
        self.assert_fails("decode_failed", bytes(frame) + data[at:])


class MetadataTest(ImageCase):
    def test_all_kinds_are_put_into_a_result_that_lost_them(self) -> None:
        profile = pictures.wide_profile()
        data = coded(exif=pictures.exif(1), icc_profile=profile, xmp=pictures.xmp(), dpi=(300, 150))
        for provider in (saves("JPEG", quality=90), saves("PNG"), saves("WEBP", lossless=True)):
            with self.subTest(provider):
                found = self.restore(data, provider).image
                self.assertEqual(profile, found.info["icc_profile"])
                self.assertEqual((300, 150), found.info["dpi"])
                self.assertEqual(pictures.xmp(), found.info["xmp"])
                self.assertEqual("Maker", found.getexif()[0x010F])
                self.assertIn(0x9003, found.getexif().get_ifd(0x8769))

    def test_a_providers_own_jpeg_is_not_encoded_again(self) -> None:
        provider = saves("JPEG", quality=71)
        data = coded(exif=pictures.exif(1), icc_profile=pictures.srgb_profile())
        left = self.restore(data, provider).data
        own = self.restore(coded(), provider).data
        start, end = entropy_data(own)
        self.assertIn(own[start:end], left)

    def test_a_profile_over_64_kb_runs_over_segments(self) -> None:
        profile = pictures.wide_profile() + bytes(range(256)) * 700
        data = coded(icc_profile=profile)
        self.assertEqual(profile, self.restore(data, saves("JPEG")).image.info["icc_profile"])

    def test_a_profile_with_a_part_missing_is_no_profile(self) -> None:
        profile = pictures.wide_profile() + bytes(range(256)) * 700
        data = pictures.without_segment(coded(icc_profile=profile), 0xE2)
        self.assertNotIn("icc_profile", self.restore(data, saves("JPEG")).image.info)

    def test_exif_over_two_segments_is_read_as_one(self) -> None:
        exif = pictures.exif(6, maker_note=b"n" * 90_000)
        parts = (exif[:60_000], pictures.EXIF + exif[60_000:])
        data = pictures.with_segments(
            coded(quality=95), *(pictures.jpeg_segment(0xE1, part) for part in parts)
        )
        upright = ImageOps.exif_transpose(pictures.opened(data))
        found = self.restore(data).image
        self.assert_same_picture(upright, found, ENCODED_AGAIN)
        self.assertNotIn(0x927C, found.getexif().get_ifd(0x8769))
        self.assertEqual("Maker", found.getexif()[0x010F])

    def test_broken_exif_doesnt_break_the_job(self) -> None:
        good = pictures.exif(6)[6:]
        for exif in (b"", b"II", b"II*\0\xff\xff\xff\xff", b"junk" * 9, good[:20], good[:12] * 2):
            with self.subTest(exif=exif):
                segment = pictures.jpeg_segment(0xE1, pictures.EXIF + exif)
                data = pictures.with_segments(coded(), segment)
                self.assertIn(self.restore(data, saves("JPEG")).image.size, (SIZE, SIZE[::-1]))

    def test_density_in_centimetres_leaves_as_it_came(self) -> None:
        data = bytearray(coded(dpi=(72, 72)))
        at = data.index(b"JFIF\0") + 7
        data[at : at + 5] = b"\2\0\x76\0\x77"
        info = self.restore(bytes(data), saves("JPEG")).image.info
        self.assertEqual((2, (118, 119)), (info["jfif_unit"], info["jfif_density"]))

    def test_a_ratio_alone_leaves_as_it_came(self) -> None:
        """JFIF's unit 0, into a JPEG, turned, and into the PNG of a transparent result."""
        ratio = struct.pack(">BHH", 0, 4, 3)
        upload, lying = (
            data[:13] + ratio + data[18:] for data in (coded(), coded(exif=pictures.exif(6)))
        )
        for provider in (saves("JPEG"), saves("PNG"), saves("JPEG", dpi=(72, 72))):
            self.assertEqual(ratio, self.restore(upload, provider).data[13:18])
        turned = self.restore(lying, saves("PNG")).data
        self.assertEqual(struct.pack(">BHH", 0, 3, 4), turned[13:18])
        transparent = writes(pictures.encode(pictures.drawing("RGBA", SIZE), "PNG"))
        chunk = pictures.png_chunk(b"pHYs", struct.pack(">IIB", 4, 3, 0))
        self.assertIn(chunk, self.restore(upload, transparent).data)

    def test_density_turns_with_the_picture(self) -> None:
        data = coded(exif=pictures.exif(6), dpi=(300, 150))
        self.assertEqual((150, 300), self.restore(data).image.info["dpi"])

    def test_colours_told_by_component_numbers_stay(self) -> None:
        """A file without JFIF and Adobe segments whose components are named R, G, B."""
        plain = coded(subsampling=0, keep_rgb=True, quality=95)
        self.assertIn(b"Adobe", plain)
        self.assert_same_picture(
            pictures.opened(plain), self.restore(coded(), lambda n, f: _write(f, plain)).image
        )
        named = bytearray(pictures.without_segment(plain, 0xEE))
        self.assertEqual(b"RGB", named[named.index(b"\xff\xc0") + 10 :][:9:3])
        expected = pictures.opened(bytes(named))
        found = self.restore(coded(), lambda n, f: _write(f, bytes(named))).image
        self.assert_same_picture(expected, found, EXACT)


def _write(folder: str, data: bytes) -> str:
    path = f"{folder}/restored.jpg"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(data)
    return path


class HeaderTest(ImageCase):
    def test_the_frame_is_found_behind_any_metadata(self) -> None:
        segment = pictures.jpeg_segment(0xE1, pictures.EXIF + bytes(60_000))
        data = pictures.with_segments(coded(), *[segment] * 40)
        self.assertEqual(SIZE, self.inspect(data))

    def test_bytes_between_segments_are_skipped_in_no_time(self) -> None:
        for junk in (b"\0", b"\xff", b"\xff\0", b"\xff\xd0"):
            with self.subTest(junk):
                start = time.process_time()
                self.assertEqual(SIZE, self.inspect(coded()[:20] + junk * 7_000_000 + coded()[20:]))
                self.assertLess(time.process_time() - start, 1.0)

    def test_a_flood_of_segments_is_refused(self) -> None:
        empty = pictures.jpeg_segment(0xE5, b"")
        data = pictures.with_segments(coded(), empty * 200_000)
        self.assert_fails("image_unreadable", data)

    def test_a_large_claim_costs_nothing(self) -> None:
        data = bytearray(coded())
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
        with self.assertRaises(images.ImageError) as caught:
            self.inspect(bytes(data))
        self.assertEqual((65535, 65535), (caught.exception.width, caught.exception.height))


if __name__ == "__main__":
    unittest.main()
