"""EXIF, XMP and ICC as bytes: cleaned in place, shrunk, broken in every way."""

import io
import random
import struct
import time
import unittest

from PIL import Image

from restore.images.metadata import Metadata, exif, icc, xmp
from tests.support import pictures

SIZE = (40, 30)


def read(block: bytes) -> Image.Exif:
    found = Image.Exif()
    found.load(block)
    return found


def cleaned(block: bytes, *, turned: bool = False) -> bytes:
    result = exif.clean(block, SIZE, SIZE[::-1] if turned else SIZE, turned=turned)
    assert result is not None
    return result


class CleanTest(unittest.TestCase):
    def test_orientation_goes_and_all_else_stays_in_its_place(self) -> None:
        note = b"maker" * 50
        block = pictures.exif(6, maker_note=note)[6:]
        self.assertEqual(6, exif.orientation(block))
        left = cleaned(block)
        self.assertIsNone(exif.orientation(left))
        self.assertEqual(block.index(note), left.index(note))
        found = read(left)
        self.assertNotIn(0x0112, found)
        self.assertEqual(("Maker", "what it shows"), (found[0x010F], found[0x010E]))
        self.assertEqual(note, found.get_ifd(0x8769)[0x927C])

    def test_both_byte_orders(self) -> None:
        for order, head in (("<", b"II*\0"), (">", b"MM\0*")):
            entries = struct.pack(order + "HHIHH", 0x0112, 3, 1, 8, 0)
            entries += struct.pack(order + "HHIHH", 0x0128, 3, 1, 2, 0)
            block = head + struct.pack(order + "IH", 8, 2) + entries + bytes(4)
            self.assertEqual(8, exif.orientation(block))
            self.assertIsNone(exif.orientation(cleaned(block)))
            self.assertEqual({0x0128: 2}, dict(read(cleaned(block))))

    def test_the_thumbnail_goes(self) -> None:
        block, thumbnail = pictures.exif_with_thumbnail(3)
        left = cleaned(block[6:])
        self.assertNotIn(thumbnail[:20], left)
        self.assertLess(len(left), 60)
        self.assertEqual({0x0128: 2}, dict(read(left)))
        self.assertEqual({}, read(left).get_ifd(1))

    def test_a_thumbnail_that_lies_upon_what_is_kept(self) -> None:
        """A pointer into the main directory must not wipe it out."""
        block = bytearray(pictures.exif(1)[6:])
        at = len(block)
        count = struct.unpack_from("<H", block, 8)[0] if block[:2] == b"II" else 0
        order = "<" if count else ">"
        count = struct.unpack_from(order + "H", block, 8)[0]
        struct.pack_into(order + "I", block, 10 + 12 * count, at)
        entries = struct.pack(order + "HHII", 0x0201, 4, 1, 8)
        entries += struct.pack(order + "HHII", 0x0202, 4, 1, at - 8)
        block += struct.pack(order + "H", 2) + entries + bytes(4)
        left = cleaned(bytes(block))
        self.assertEqual("Maker", read(left)[0x010F])
        self.assertIn(0x9003, read(left).get_ifd(0x8769))
        self.assertEqual(at, len(left))

    def test_a_size_that_was_true_stays_true(self) -> None:
        for stated, expected in ((SIZE, SIZE[::-1]), (SIZE[::-1], SIZE[::-1]), ((7, 9), (7, 9))):
            with self.subTest(stated):
                left = cleaned(pictures.exif(6, size=stated)[6:], turned=True)
                sub = read(left).get_ifd(0x8769)
                self.assertEqual(expected, (sub[0xA002], sub[0xA003]))

    def test_resolutions_turn(self) -> None:
        block = Image.Exif()
        block[0x011A], block[0x011B], block[0x0112] = 300.0, 150.0, 6
        left = read(cleaned(block.tobytes()[6:], turned=True))
        self.assertEqual((150.0, 300.0), (left[0x011A], left[0x011B]))

    def test_broken_blocks_are_dropped(self) -> None:
        good = pictures.exif(6)[6:]
        for block in (b"", b"II*\0", b"junk" * 20, good[:12], good[:30], b"II*\0" + b"\xff" * 60):
            with self.subTest(block):
                self.assertIsNone(exif.clean(block, SIZE, SIZE, turned=False))

    def test_what_is_read_of_a_cut_block(self) -> None:
        block = b"II*\0\x08\0\0\0\x09\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + b"cut"
        self.assertEqual(6, exif.orientation(block))

    def test_odd_orientations(self) -> None:
        for kind, count, value, expected in (
            (3, 1, struct.pack("<HH", 6, 0), 6),
            (4, 1, struct.pack("<I", 6), 6),
            (1, 1, b"\6\0\0\0", 6),
            (3, 2, struct.pack("<HH", 6, 6), 0),
            (2, 2, b"6\0\0\0", 0),
            (3, 1, struct.pack("<HH", 77, 0), 77),
        ):
            with self.subTest(kind=kind, count=count):
                entry = struct.pack("<HHI", 0x0112, kind, count) + value
                block = b"II*\0\x08\0\0\0\1\0" + entry + bytes(4)
                self.assertEqual(expected, exif.orientation(block))
                self.assertIsNone(exif.orientation(cleaned(block)))

    def test_any_bytes_do(self) -> None:
        numbers = random.Random(20261122)
        good = pictures.exif_with_thumbnail(6)[0][6:] + pictures.exif(3, maker_note=b"n" * 99)[6:]
        for _ in range(3000):
            block = bytearray(good[: numbers.randrange(len(good))])
            for _ in range(numbers.randrange(6) if block else 0):
                block[numbers.randrange(min(len(block), 90))] = numbers.randrange(256)
            exif.orientation(bytes(block))
            left = exif.clean(bytes(block), SIZE, SIZE, turned=True)
            if left is not None:
                self.assertIsNone(exif.orientation(left))
                self.assertLessEqual(len(left), len(block))
            shrunk = exif.shrink(bytes(block), 60)
            self.assertLessEqual(len(shrunk or b""), 60)


class ShrinkTest(unittest.TestCase):
    LIMIT = 65_527

    def test_the_makers_note_gives_way_first(self) -> None:
        block = pictures.exif(None, maker_note=b"n" * 70_000, description="d" * 60_000)[6:]
        shrunk = exif.shrink(block, self.LIMIT)
        assert shrunk is not None
        found = read(shrunk)
        self.assertEqual("d" * 60_000, found[0x010E])
        self.assertNotIn(0x927C, found.get_ifd(0x8769))
        self.assertEqual("2026:11:22 10:00:00", found.get_ifd(0x8769)[0x9003])

    def test_then_the_largest_values(self) -> None:
        block = pictures.exif(None, maker_note=b"n" * 70_000, description="d" * 70_000)[6:]
        shrunk = exif.shrink(block, self.LIMIT)
        assert shrunk is not None
        self.assertLessEqual(len(shrunk), self.LIMIT)
        self.assertEqual("Maker", read(shrunk)[0x010F])
        self.assertNotIn(0x010E, read(shrunk))

    def test_what_fits_is_left_alone(self) -> None:
        block = pictures.exif(6)[6:]
        self.assertIs(block, exif.shrink(block, self.LIMIT))

    def test_junk_that_doesnt_fit_is_dropped(self) -> None:
        self.assertIsNone(exif.shrink(b"junk" * 20_000, self.LIMIT))


class ExifBombTest(unittest.TestCase):
    """A few kilobytes that speak of millions of directories or of gigabytes of values."""

    def test_directories_that_point_to_each_other(self) -> None:
        fields = struct.pack("<HHII", 0x8769, 4, 1, 8) * 100
        self.check(b"II*\0" + struct.pack("<IH", 8, 100) + fields + bytes(70_000))

    def test_fields_that_all_claim_the_whole_block(self) -> None:
        size = 14 << 20
        fields = struct.pack("<HHII", 0x9999, 7, size - 8, 8) * 500
        head = b"II*\0" + struct.pack("<IH", 8, 500) + fields + struct.pack("<I", 6014)
        self.check((head + struct.pack("<H", 500) + fields).ljust(size, b"\0"))

    def check(self, block: bytes) -> None:
        start = time.process_time()
        left = exif.clean(block, SIZE, SIZE, turned=True)
        assert left is not None
        self.assertLessEqual(len(exif.shrink(left, 65_527) or b""), 65_527)
        self.assertLess(time.process_time() - start, 1.0)


class XmpTest(unittest.TestCase):
    def test_orientation_in_every_notation(self) -> None:
        for text in (
            b'<rdf:Description tiff:Make="M" tiff:Orientation="6"/>',
            b"<rdf:Description tiff:Make=\"M\" tiff:Orientation = '6'/>",
            b'<tiff:Make="M"/><tiff:Orientation>6</tiff:Orientation>',
            b'<tiff:Make="M"/><tiff:Orientation rdf:datatype="x">6</tiff:Orientation>',
        ):
            with self.subTest(text):
                left = xmp.clean(text)
                assert left is not None
                self.assertNotIn(b"Orientation", left)
                self.assertIn(b'tiff:Make="M"', left)

    def test_what_cant_be_taken_out_takes_the_packet_with_it(self) -> None:
        for text in (b"<tiff:Orientation>6", b'tiff:Orientation="' + b"6" * 99 + b'"'):
            self.assertIsNone(xmp.clean(text))

    def test_reading_is_pillows(self) -> None:
        for text, expected in (
            (b'tiff:Orientation="6"', 6),
            (b"<tiff:Orientation>8</tiff:Orientation>", 8),
            (b'Orientation="6"', None),
            (b"", None),
        ):
            self.assertEqual(expected, xmp.orientation(text))

    def test_thumbnails_go(self) -> None:
        text = b"<a/><xmp:Thumbnails><rdf:Alt>AAAA</rdf:Alt></xmp:Thumbnails><b/>"
        self.assertEqual(b"<a/><b/>", xmp.clean(text))

    def test_long_and_hostile_packets_take_no_time(self) -> None:
        for text in (
            b" " * 900_000,
            b"<xmp:Thumbnails>" * 50_000,
            b"tiff:Orientation = '" * 40_000,
        ):
            xmp.clean(text)
        self.assertIsNone(xmp.clean(b" " * 1_100_000))


class IccTest(unittest.TestCase):
    def test_spaces(self) -> None:
        for profile, space in (
            (pictures.srgb_profile(), "RGB"),
            (pictures.wide_profile(), "RGB"),
            (pictures.grey_profile(2.2), "L"),
            (pictures.cmyk_profile(), "CMYK"),
            (b"", None),
            (b"no profile at all" * 20, None),
        ):
            self.assertEqual(space, icc.space(profile))

    def test_fitting(self) -> None:
        self.assertTrue(icc.fits(pictures.srgb_profile(), "RGBA"))
        self.assertTrue(icc.fits(pictures.grey_profile(2.2), "LA"))
        self.assertFalse(icc.fits(pictures.grey_profile(2.2), "RGB"))
        self.assertFalse(icc.fits(pictures.cmyk_profile(), "RGB"))
        self.assertFalse(icc.fits(pictures.srgb_profile(), "L"))

    def test_greys(self) -> None:
        ramp = icc.grey_ramp(pictures.grey_profile(1.0))
        assert ramp is not None
        self.assertEqual((0, 255), (ramp[0], ramp[255]))
        self.assertAlmostEqual(188, ramp[128], delta=2)  # sRGB's code for half of the light
        self.assertIsNone(icc.grey_ramp(pictures.cmyk_profile()))
        self.assertIsNone(icc.grey_ramp(pictures.grey_profile(1.0)[:150]))

    def test_the_test_profiles_are_profiles(self) -> None:
        from PIL import ImageCms

        for profile in (
            pictures.wide_profile(),
            pictures.grey_profile(1.8),
            pictures.cmyk_profile(),
        ):
            ImageCms.ImageCmsProfile(io.BytesIO(profile))


class ResolutionTest(unittest.TestCase):
    def test_between_the_formats(self) -> None:
        for metadata, phys, jfif in (
            (Metadata(), None, None),
            (Metadata(jfif=(1, 300, 150)), (1, 11811, 5906), (1, 300, 150)),
            (Metadata(jfif=(2, 118, 59)), (1, 11800, 5900), (2, 118, 59)),
            (Metadata(phys=(1, 11811, 5906)), (1, 11811, 5906), (1, 300, 150)),
            (Metadata(jfif=(0, 4, 3)), (0, 4, 3), (0, 4, 3)),
            (Metadata(phys=(0, 2, 1)), (0, 2, 1), (0, 2, 1)),
            (Metadata(phys=(0, 400_000, 300_000)), (0, 400_000, 300_000), (0, 65_535, 49_151)),
            (Metadata(phys=(0, 1, 1 << 30)), (0, 1, 1 << 30), None),
            (Metadata(phys=(7, 2, 1)), (7, 2, 1), None),
            (Metadata(phys=(1, 1, 1)), (1, 1, 1), None),
        ):
            with self.subTest(metadata):
                self.assertEqual((phys, jfif), (metadata.as_phys(), metadata.as_jfif()))


if __name__ == "__main__":
    unittest.main()
