"""HEIC and WEBP: what only they have."""

import io
import struct
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import pillow_heif
from PIL import Image, ImageOps

from restore import images
from restore.contract.kinds import boxes
from restore.images.heic import checking, sequence
from restore.images.problem import BrokenFile
from tests.support import pictures
from tests.support.image_case import EXACT, ImageCase, returns_input, saves
from tests.support.pictures import box, full_box, riff, webp_chunk

CODED = (6.0, 160)  # HEVC at its usual quality, on hard edges
SIZE = (96, 64)
LOSSLESS: dict[str, Any] = {"quality": -1, "chroma": 444, "matrix_coefficients": 0}


def heic(image: Image.Image | None = None, **options: Any) -> bytes:
    return pictures.encode(image or pictures.drawing("RGB", SIZE), "HEIF", **options)


class HeicTest(ImageCase):
    def test_turned_and_mirrored_pictures_come_upright(self) -> None:
        """pillow_heif writes the orientation as irot and imir, as phones do."""
        drawing = pictures.drawing("RGB", SIZE)
        for orientation in range(1, 9):
            with self.subTest(orientation=orientation):
                data = heic(exif=pictures.exif(orientation), **LOSSLESS)
                upright = Image.new("RGB", SIZE)
                upright.paste(drawing)
                upright.getexif()[0x0112] = orientation
                upright = ImageOps.exif_transpose(upright)
                self.assertEqual(upright.size, self.inspect(data))
                self.assert_same_picture(upright, self.given(data), (1.0, 4))
                self.assertNotIn(0x0112, self.restore(data).image.getexif())

    def test_exif_that_says_otherwise_is_not_believed(self) -> None:
        mark = struct.pack("<HHIHH", 0x0111, 3, 1, 6, 0)
        exif = pictures.EXIF + b"II*\0\x08\0\0\0\1\0" + mark + bytes(8)
        data = heic(exif=exif)
        self.assertEqual(1, data.count(mark))
        data = data.replace(mark, struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0))
        self.assertEqual(SIZE, self.inspect(data))
        result = self.restore(data)
        self.assert_same_picture(pictures.drawing("RGB", SIZE), result.image, CODED)
        self.assertNotIn(0x0112, result.image.getexif())

    def test_jpeg_leaves_with_profile_and_exif(self) -> None:
        profile = pictures.wide_profile()
        data = heic(exif=pictures.exif(1), icc_profile=profile)
        for provider in (returns_input, saves("PNG"), saves("JPEG")):
            result = self.restore(data, provider)
            self.assertEqual(".jpg", result.suffix)
            self.assertEqual(profile, result.image.info["icc_profile"])
            self.assertEqual("Maker", result.image.getexif()[0x010F])

    def test_a_grid_of_tiles(self) -> None:
        image = pictures.drawing("RGB", (300, 200))
        data = heic(image, tile_size=64)
        if b"grid" not in data:
            self.skipTest("this pillow_heif writes no grids")
        self.assert_same_picture(image, self.given(data), CODED)

    def test_a_grid_that_is_cut_or_has_a_damaged_tile_fails(self) -> None:
        """libheif would show the missing tiles in green."""
        data = heic(pictures.drawing("RGB", (300, 200)), tile_size=64)
        if b"grid" not in data:
            self.skipTest("this pillow_heif writes no grids")
        tile = data.index(b"mdat") + 4
        for name, damaged in (
            *((f"cut by {cut}", data[:-cut]) for cut in (1, 50, 500)),
            ("zeros", data[:-500] + bytes(500)),
            ("first tile", data[: tile + 4] + bytes(40) + data[tile + 44 :]),
        ):
            with self.subTest(name):
                self.assert_fails("decode_failed", damaged)

    def test_a_hole_of_zeros_fails(self) -> None:
        """libde265 would make up what a download left out."""
        data = heic(pictures.drawing("RGB", (512, 512)))
        start = data.index(b"mdat") + 4
        half = (start + len(data)) // 2
        for name, damaged in (
            ("second half", data[:half] + bytes(len(data) - half)),
            ("in the middle", data[:half] + bytes(66) + data[half + 66 :]),
            ("the end", data[:-66] + bytes(66)),
        ):
            with self.subTest(name):
                self.assertEqual(len(data), len(damaged))
                self.assert_fails("decode_failed", damaged)

    def test_zeros_elsewhere_are_no_hole(self) -> None:
        first, second = pictures.drawing("RGB", SIZE), pictures.drawing("RGB", (256, 192))
        several = heic(first, save_all=True, append_images=[second], primary_index=0)
        for name, data in (
            ("metadata", heic(exif=pictures.exif(1, maker_note=bytes(5000)))),
            ("behind the picture", heic() + bytes(5000)),
            ("another picture", several[:-200] + bytes(200)),
        ):
            with self.subTest(name):
                self.assert_same_picture(first, self.given(data), CODED)

    def test_extents_that_overlap_by_the_thousand_take_no_time(self) -> None:
        """Each is most of the file, whose rows of zeros are just no holes."""
        place = struct.pack(">I", 0) + struct.pack(">I", 3_000_000)
        iloc = full_box(b"iloc", b"\x44\0", struct.pack(">4H", 1, 1, 0, 65_535), place * 65_535)
        infe = full_box(b"infe", struct.pack(">HH", 1, 0), b"hvc1\0", version=2)
        iinf = full_box(b"iinf", struct.pack(">H", 1), infe)
        pitm = full_box(b"pitm", struct.pack(">H", 1))
        data = full_box(b"meta", pitm, iinf, iloc) + (bytes(63) + b"\1") * 50_000
        start = time.process_time()
        checking.check_extents(data)
        self.assertLess(time.process_time() - start, 1.0)
        with self.assertRaises(BrokenFile):
            checking.check_extents(data[:2_999_936] + bytes(64) + data[3_000_000:])

    def test_a_grid_in_the_green_of_missing_tiles(self) -> None:
        image = Image.new("RGB", (300, 200), (0, 135, 0))
        self.assert_same_picture(image, self.given(heic(image, tile_size=64)), CODED)

    def test_depths_and_samplings(self) -> None:
        drawing = pictures.drawing("RGB", SIZE)
        wide = b"".join(struct.pack("<H", level * 257) for level in drawing.tobytes())
        for twelve in (False, True):
            for chroma in (420, 422, 444):
                buffer = io.BytesIO()
                with mock.patch.object(pillow_heif.options, "SAVE_HDR_TO_12_BIT", twelve):
                    pillow_heif.encode("RGB;16", SIZE, wide, buffer, chroma=chroma)
                with self.subTest(twelve=twelve, chroma=chroma):
                    depth = pillow_heif.open_heif(buffer, convert_hdr_to_8bit=False)
                    self.assertEqual(12 if twelve else 10, depth.info["bit_depth"])
                    self.assert_same_picture(drawing, self.given(buffer.getvalue()), CODED)

    def test_deep_grey(self) -> None:
        grey = pictures.drawing("L", SIZE)
        wide = b"".join(struct.pack("<H", level * 257) for level in grey.tobytes())
        buffer = io.BytesIO()
        pillow_heif.encode("L;16", SIZE, wide, buffer)
        given = self.given(buffer.getvalue())
        self.assertEqual("L", given.mode)
        self.assert_same_picture(grey, given, CODED)

    def test_alpha_leaves_as_png(self) -> None:
        image = pictures.drawing("RGBA", SIZE)
        for provider in (returns_input, saves("PNG")):
            result = self.restore(heic(image), provider)
            self.assertEqual((".png", "RGBA"), (result.suffix, result.image.mode))
            self.assert_same_picture(image, result.image, CODED)

    def test_of_several_pictures_the_primary_is_taken(self) -> None:
        first, second = pictures.drawing("RGB", SIZE), Image.new("RGB", (64, 64), (9, 200, 30))
        for primary, expected in ((0, first), (1, second)):
            with self.subTest(primary=primary):
                data = heic(first, save_all=True, append_images=[second], primary_index=primary)
                self.assertEqual(expected.size, self.inspect(data))
                self.assert_same_picture(expected, self.given(data), CODED)

    def test_thumbnails_are_left_aside(self) -> None:
        image = pictures.drawing("RGB", (256, 192))
        image.info["thumbnails"] = [64]
        data = heic(image)
        self.assertIn(b"thmb", data)
        self.assertEqual((256, 192), self.given(data).size)

    def test_other_codings_are_refused_by_the_whole_file(self) -> None:
        data = heic().replace(b"hvc1", b"av01").replace(b"hvcC", b"av1C")
        self.assertEqual(b"heic", data[8:12])
        self.assert_fails("unsupported_image", data)

    def test_a_claim_of_another_size_than_what_is_held(self) -> None:
        data = heic(pictures.drawing("RGB", (512, 512)))
        at = data.index(b"ispe") + 8
        large = data[:at] + struct.pack(">II", 60_000, 50_000) + data[at + 8 :]
        with self.assertRaises(images.ImageError) as caught:
            self.inspect(large)
        error = caught.exception
        self.assertEqual(
            ("image_dimensions", 60_000, 50_000), (error.code, error.width, error.height)
        )
        claims = [(4096, 4096)]
        version = tuple(map(int, pillow_heif.libheif_version().split(".")))
        if version >= (1, 23):  # 1.20 cuts the picture down to what is claimed
            claims += [(64, 64), (512, 256)]
        for claim in claims:
            with self.subTest(claim):
                self.assert_fails(
                    "decode_failed", data[:at] + struct.pack(">II", *claim) + data[at + 8 :]
                )

    def test_a_size_that_libheif_only_complains_about_is_named(self) -> None:
        data = heic()
        at = data.index(b"ispe") + 8
        large = data[:at] + struct.pack(">II", 60_000, 50_000) + data[at + 8 :]
        refusal = ValueError("Memory allocation error: Security limit exceeded")
        with mock.patch("pillow_heif.open_heif", side_effect=refusal):
            with self.assertRaises(images.ImageError) as caught:
                self.inspect(large)
            self.assertEqual((60_000, 50_000), (caught.exception.width, caught.exception.height))
            self.assert_fails("image_unreadable", data)

    def test_a_major_brand_that_libheif_is_not_asked_about(self) -> None:
        data = heic()
        result = self.restore(data[:8] + b"mif2" + data[12:])
        self.assert_same_picture(pictures.drawing("RGB", SIZE), result.image, CODED)


class SequenceTest(ImageCase):
    """A file that has a track of pictures and no still one."""

    def sequence(
        self, still: bytes, matrix: tuple[int, ...] = (1, 0, 0, 1), **flags: bool
    ) -> bytes:
        """The still picture's coded bytes as the only sample of a track."""
        (meta,) = (b for b in boxes(still) if b.type == b"meta")
        (iprp,) = (b for b in boxes(still, meta.start + 4, meta.end) if b.type == b"iprp")
        (ipco,) = (b for b in boxes(still, iprp.start, iprp.end) if b.type == b"ipco")
        inner = {b.type: still[b.start : b.end] for b in boxes(still, ipco.start, ipco.end)}
        (mdat,) = (b for b in boxes(still) if b.type == b"mdat")
        sample = still[mdat.start : mdat.end]
        width, height = struct.unpack(">II", inner[b"ispe"][4:])
        entry = bytes(6) + b"\0\1" + bytes(16) + struct.pack(">HH", width, height) + bytes(50)
        hvc1 = box(b"hvc1", entry, box(b"hvcC", inner[b"hvcC"]))
        a, b, c, d = (number * 65536 for number in matrix)
        tkhd = full_box(b"tkhd", bytes(36), struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30))

        def moov(offset: int) -> bytes:
            place = full_box(b"stco", struct.pack(">II", 1, offset))
            if flags.get("wide"):
                place = full_box(b"co64", struct.pack(">IQ", 1, offset))
            table = box(
                b"stbl",
                full_box(b"stsd", struct.pack(">I", 1), hvc1),
                full_box(b"stsz", struct.pack(">III", 0, 1, len(sample))),
                place,
            )
            handler = full_box(b"hdlr", bytes(4), b"pict", bytes(13))
            return box(b"moov", box(b"trak", tkhd, box(b"mdia", handler, box(b"minf", table))))

        head = box(b"ftyp", b"msf1", bytes(4), b"msf1hevc")
        return head + moov(len(head) + len(moov(0)) + 8) + box(b"mdat", sample)

    def test_the_first_picture_is_taken(self) -> None:
        drawing = pictures.drawing("RGB", SIZE)
        still = heic()
        for wide in (False, True):
            with self.subTest(wide=wide):
                data = self.sequence(still, wide=wide)
                self.assertFalse(sequence.has_still(data))
                self.assertTrue(sequence.has_still(still))
                self.assertEqual(SIZE, self.inspect(data))
                self.assert_same_picture(pictures.opened(still), self.given(data))
                self.assert_same_picture(drawing, self.restore(data).image, CODED)

    def test_a_turned_track(self) -> None:
        still = heic()
        upright = pictures.opened(still)
        for matrix, turn in (
            ((0, 1, -1, 0), Image.Transpose.ROTATE_270),
            ((-1, 0, 0, -1), Image.Transpose.ROTATE_180),
            ((0, -1, 1, 0), Image.Transpose.ROTATE_90),
        ):
            with self.subTest(matrix):
                data = self.sequence(still, matrix)
                self.assert_same_picture(upright.transpose(turn), self.given(data), (1.0, 4))

    def test_broken_tracks_are_unreadable(self) -> None:
        data = self.sequence(heic())
        for name in (b"moov", b"trak", b"hdlr", b"stsd", b"stsz", b"stco", b"hvcC"):
            with self.subTest(name):
                self.assert_fails("image_unreadable", data.replace(name, b"free"))
        self.assert_fails("image_unreadable", data[: data.index(b"mdat") + 40])


class WebpTest(ImageCase):
    def test_profile_and_exif(self) -> None:
        profile = pictures.wide_profile()
        options = {"exif": pictures.exif(1), "icc_profile": profile, "xmp": pictures.xmp()}
        data = pictures.encode(pictures.drawing("RGBA"), "WEBP", lossless=True, **options)
        for provider in (returns_input, saves("PNG")):
            found = self.restore(data, provider).image
            self.assertEqual(profile, found.info["icc_profile"])
            self.assertEqual("Maker", found.getexif()[0x010F])
            self.assert_same_picture(pictures.opened(data), found)

    def test_exif_with_and_without_the_mark_of_jpeg(self) -> None:
        plain = pictures.encode(pictures.drawing(), "WEBP", lossless=True)
        extended = webp_chunk(
            b"VP8X", b"\x08\0\0\0" + (47).to_bytes(3, "little") + (31).to_bytes(3, "little")
        )
        for exif in (pictures.exif(6), pictures.exif(6)[6:]):
            data = riff(extended, plain[12:], webp_chunk(b"EXIF", exif))
            expected = pictures.drawing().transpose(Image.Transpose.ROTATE_270)
            self.assert_same_picture(expected, self.restore(data).image, EXACT)

    def test_a_result_without_compression_doesnt_leave(self) -> None:
        image = pictures.drawing("RGB", (512, 512))
        data = pictures.encode(image, "WEBP", lossless=True)
        result = self.restore(data)
        stored = Path(result.normalized.path).stat().st_size
        self.assertGreater(stored, 512 * 512 * 3)
        self.assertLess(len(result.data), stored / 4)

    def test_a_canvas_and_a_picture_of_different_sizes(self) -> None:
        plain = pictures.encode(pictures.drawing(), "WEBP")
        for side in (16, 4096):
            with self.subTest(side):
                size = (side - 1).to_bytes(3, "little")
                data = riff(webp_chunk(b"VP8X", bytes(4) + size * 2), plain[12:])
                self.assert_fails("decode_failed", data)

    def test_a_canvas_too_large(self) -> None:
        data = riff(webp_chunk(b"VP8X", bytes(4) + b"\xff" * 6), bytes(8))
        with self.assertRaises(images.ImageError) as caught:
            self.inspect(data)
        self.assertEqual((1 << 24, 1 << 24), (caught.exception.width, caught.exception.height))


if __name__ == "__main__":
    unittest.main()
