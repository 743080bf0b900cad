"""sniff: every kind by its first bytes, each refusal with a sentence of its own."""

import struct
import time
import unittest

from restore.api import limits
from restore.contract.kinds import ACCEPTED, Kind, boxes, brands, coded_as, refusal_sentence, sniff
from tests.support import pictures


def ftyp(*brand: bytes) -> bytes:
    return pictures.box(b"ftyp", brand[0], bytes(4), *brand)


def meta(*items: bytes) -> bytes:
    """A meta box whose item list names pictures of these codings."""
    entries = [
        pictures.full_box(b"infe", bytes((0, number, 0, 0)), item, b"\0", version=2)
        for number, item in enumerate(items, 1)
    ]
    iinf = pictures.full_box(b"iinf", len(items).to_bytes(2, "big"), *entries)
    return pictures.full_box(b"meta", pictures.full_box(b"hdlr", b"pict"), iinf)


class AcceptedTest(unittest.TestCase):
    def test_the_four_formats_as_pillow_writes_them(self) -> None:
        image = pictures.drawing()
        for pillow_format, kind in (
            ("JPEG", Kind.JPEG),
            ("PNG", Kind.PNG),
            ("WEBP", Kind.WEBP),
            ("HEIF", Kind.HEIC),
        ):
            with self.subTest(kind):
                head = pictures.encode(image, pillow_format)[: limits.IMAGE_HEAD_BYTES]
                self.assertIs(kind, sniff(head))
                self.assertIn(sniff(head), ACCEPTED)

    def test_the_first_bytes_decide_for_a_file_that_is_two_things(self) -> None:
        for head, kind in (
            (b"GIF89a/*\x00\x00" + b"PK\x03\x04", Kind.GIF),
            (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"PK\x03\x04" * 9, Kind.JPEG),
            (b"\x89PNG\r\n\x1a\n<html><script>", Kind.PNG),
            (b"<html>\xff\xd8\xff\xe0\x00\x10JFIF", Kind.HTML),
            (b"%PDF-1.4\n\xff\xd8\xff", Kind.PDF),
            (b" \xff\xd8\xff\xe0\x00\x10JFIF", Kind.UNKNOWN),
        ):
            with self.subTest(head=head):
                self.assertIs(kind, sniff(head))

    def test_a_signature_that_is_cut_or_changed_is_unknown(self) -> None:
        for head in (
            b"\xff\xd8",
            b"\x89PNG\r\n\x1a",
            b"\x89PNG\n\x1a\n",
            b"RIFF\x10\0\0\0WEB",
            b"\0\0\0\x18fty",
        ):
            with self.subTest(head=head):
                self.assertIs(Kind.UNKNOWN, sniff(head))


class HeifTest(unittest.TestCase):
    def test_brands_of_hevc(self) -> None:
        for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"):
            with self.subTest(brand):
                self.assertIs(Kind.HEIC, sniff(ftyp(brand, b"mif1")))

    def test_brands_of_others(self) -> None:
        for found, kind in (
            ((b"avif", b"mif1", b"miaf"), Kind.AVIF),
            ((b"avis", b"msf1"), Kind.AVIF),
            ((b"mif1", b"avif"), Kind.AVIF),
            ((b"avci", b"mif1"), Kind.HEIF),
            ((b"jpeg", b"mif1"), Kind.HEIF),
            ((b"crx ", b"isom"), Kind.RAW),
            ((b"isom", b"mp42"), Kind.VIDEO),
            ((b"qt  ",), Kind.VIDEO),
        ):
            with self.subTest(found):
                self.assertIs(kind, sniff(ftyp(*found)))

    def test_a_neutral_brand_is_told_by_its_boxes(self) -> None:
        for items, kind in (
            ((b"hvc1",), Kind.HEIC),
            ((b"grid", b"hvc1", b"Exif"), Kind.HEIC),
            ((b"av01", b"Exif"), Kind.AVIF),
            ((b"unci",), Kind.HEIF),
            ((b"j2k1",), Kind.HEIF),
        ):
            for brand in (b"mif1", b"msf1"):
                with self.subTest(brand=brand, items=items):
                    self.assertIs(kind, sniff(ftyp(brand) + meta(*items)))

    def test_low_overhead_files_name_their_coding_in_place_of_a_version(self) -> None:
        self.assertIs(Kind.AVIF, sniff(pictures.box(b"ftyp", b"mif3avif")))
        self.assertIs(Kind.HEIC, sniff(pictures.box(b"ftyp", b"mif3heic")))

    def test_boxes_weigh_more_than_brands(self) -> None:
        self.assertIs(Kind.AVIF, sniff(ftyp(b"mif1", b"heic") + meta(b"av01")))
        self.assertIs(Kind.HEIC, sniff(ftyp(b"mif1", b"avif") + meta(b"hvc1")))

    def test_what_the_head_leaves_open_counts_as_heic(self) -> None:
        """Then inspect, which sees the whole file, decides."""
        self.assertIs(Kind.HEIC, sniff(ftyp(b"mif1")))
        self.assertIs(Kind.HEIC, sniff(ftyp(b"mif1", b"heic") + b"\0\0\xff\xffmeta"))

    def test_item_lists_of_every_version(self) -> None:
        entry = pictures.full_box(b"infe", bytes(6), b"hvc1\0", version=3)
        wide = pictures.full_box(b"iinf", b"\0\0\0\1", entry, version=1)
        self.assertEqual({b"hvc1"}, coded_as(pictures.full_box(b"meta", wide)))

    def test_decoder_configurations_and_tracks_tell_too(self) -> None:
        hvcc, av1c = (pictures.box(name, b"config") for name in (b"hvcC", b"av1C"))
        self.assertEqual({b"hvc1"}, coded_as(pictures.box(b"ipco", hvcc)))
        self.assertEqual({b"av01"}, coded_as(pictures.box(b"ipco", av1c)))
        entries = pictures.full_box(b"stsd", b"\0\0\0\1", pictures.box(b"hvc1", b"entry"))
        self.assertEqual({b"hvc1"}, coded_as(pictures.box(b"stbl", entries)))

    def test_boxes_of_every_size_notation(self) -> None:
        large = b"\0\0\0\1larg" + (20).to_bytes(8, "big") + b"1234"
        data = pictures.box(b"smal", b"12") + large + b"\0\0\0\0rest5678"
        found = [(box.type, data[box.start : box.end]) for box in boxes(data)]
        self.assertEqual([(b"smal", b"12"), (b"larg", b"1234"), (b"rest", b"5678")], found)

    def test_broken_boxes_end_the_walk(self) -> None:
        for data in (b"\0\0\0\7tiny", b"\0\0\0\1larg" + bytes(8), b"\0\0\0"):
            with self.subTest(data=data):
                self.assertEqual([], list(boxes(data)))

    def test_brands_need_a_ftyp(self) -> None:
        self.assertEqual((), brands(b""))
        self.assertEqual((), brands(pictures.box(b"free", b"heic")))

    def test_boxes_in_boxes_without_end_are_given_up(self) -> None:
        for kind, head in ((b"moov", 0), (b"meta", 4), (b"iinf", 6)):
            data = pictures.full_box(b"infe", bytes(4), b"hvc1\0", version=2)
            for _ in range(2000):
                data = pictures.box(kind, bytes(head), data)
            self.assertEqual(frozenset(), coded_as(data))

    def test_boxes_that_claim_more_than_the_box_around_them_are_walked_once(self) -> None:
        """Each would else be walked together with all that follows it, at eight depths."""
        greedy = struct.pack(">I4sI4s", 16, b"moov", 0x7FFFFFFF, b"moov")
        start = time.process_time()
        self.assertIs(Kind.HEIC, sniff(ftyp(b"mif1") + greedy * 40))  # took 3 s
        self.assertLess(time.process_time() - start, 0.5)

    def test_a_flood_of_boxes_takes_no_time(self) -> None:
        start = time.process_time()
        self.assertEqual(frozenset(), coded_as(ftyp(b"mif1") + pictures.box(b"free") * 1_900_000))
        self.assertLess(time.process_time() - start, 1.0)


class RefusedTest(unittest.TestCase):
    def test_every_other_kind(self) -> None:
        for head, kind in (
            (b"GIF87a\1\0\1\0", Kind.GIF),
            (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", Kind.BMP),
            (b"II*\0\x08\0\0\0", Kind.TIFF),
            (b"MM\0*\0\0\0\x08", Kind.TIFF),
            (b"MM\0+\0\x08\0\0", Kind.TIFF),
            (b"II*\0\x10\0\0\0CR\x02\0", Kind.RAW),
            (b"FUJIFILMCCD-RAW 0201", Kind.RAW),
            (b"\0\0\0\x0cjP  \r\n\x87\n", Kind.JPEG2000),
            (b"\xff\x4f\xff\x51\0\x2f", Kind.JPEG2000),
            (b"\xff\x0a\xfa\x1f", Kind.JXL),
            (b"\0\0\0\x0cJXL \r\n\x87\n", Kind.JXL),
            (b"\0\0\1\0\1\0\x20\x20", Kind.ICON),
            (b"8BPS\0\1", Kind.PHOTOSHOP),
            (b"%PDF-1.7\n", Kind.PDF),
            (b"\x00\x01junk before\n%PDF-1.4\n", Kind.PDF),
            (b"RIFF\x10\0\0\0AVI LIST", Kind.VIDEO),
            (b"\x1a\x45\xdf\xa3\x01\0", Kind.VIDEO),
            (b"PK\x03\x04\x14\0", Kind.ARCHIVE),
            (b"\x1f\x8b\x08\0", Kind.ARCHIVE),
            (b"just a letter, dear reader\n", Kind.TEXT),
            ("Grüße aus Köln".encode(), Kind.TEXT),
            (b"", Kind.UNKNOWN),
            (b"\xff", Kind.UNKNOWN),
            (b"\x00", Kind.UNKNOWN),
            (b"BM of no known header, rather text", Kind.TEXT),
            (bytes(64), Kind.UNKNOWN),
        ):
            with self.subTest(head=head):
                self.assertIs(kind, sniff(head))

    def test_markup(self) -> None:
        for head, kind in (
            (b"<!DOCTYPE html><html>", Kind.HTML),
            (b"\n\n <HTML lang=en>", Kind.HTML),
            (b"\xef\xbb\xbf<html>", Kind.HTML),
            (b"\xff\xfe" + "<html>".encode("utf-16-le"), Kind.HTML),
            (b"<script>alert(1)</script>", Kind.HTML),
            (b"<html><body><svg/></body>", Kind.HTML),
            (b"<svg xmlns='http://www.w3.org/2000/svg'>", Kind.SVG),
            (b"<?xml version='1.0'?><!-- a drawing --><svg:svg>", Kind.SVG),
            (b"<?xml version='1.0'?><feed>", Kind.TEXT),
            (b"some words <html> more words", Kind.HTML),
        ):
            with self.subTest(head=head):
                self.assertIs(kind, sniff(head))

    def test_each_refused_kind_has_its_own_sentence(self) -> None:
        refused = [kind for kind in Kind if kind not in ACCEPTED]
        sentences = {refusal_sentence(kind) for kind in refused}
        self.assertEqual(len(refused), len(sentences))
        for sentence in sentences:
            self.assertTrue(sentence.endswith("Please send a JPEG, PNG, WEBP or HEIC image."))


if __name__ == "__main__":
    unittest.main()
