"""PNG: every depth, colour type, interlacing and transparency; bombs; colours told by chunks."""

import struct
import time
import unittest
import zlib

from PIL import Image, ImageOps

from tests.support import pictures
from tests.support.image_case import EXACT, MANAGED, ImageCase, returns_input, saves
from tests.support.pictures import png, png_chunk, with_chunks

WIDTH, HEIGHT = 13, 11  # no multiple of 8: interlaced passes and packed bits end amid a byte
PALETTE = png_chunk(
    b"PLTE", bytes((number * 15 * part) % 256 for number in range(16) for part in (1, 2, 3))
)
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
TYPES = [
    (depth, colour)
    for colour, depths in (
        (0, (1, 2, 4, 8, 16)),
        (2, (8, 16)),
        (3, (1, 2, 4, 8)),
        (4, (8, 16)),
        (6, (8, 16)),
    )
    for depth in depths
]
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def sample(x: int, y: int, depth: int, colour: int, channel: int) -> int:
    """A value that differs from its neighbours in every direction."""
    top = 15 if colour == 3 and depth == 8 else (1 << depth) - 1
    return (x * 7 + y * 3 + channel * 5 + x * y) * max(1, top // 31) % (top + 1)


def rows(depth: int, colour: int, interlace: int) -> bytes:
    """The filtered rows of the test picture; filter 0 throughout."""
    passes = ADAM7 if interlace else ((0, 0, 1, 1),)
    out = b""
    for left, top, across, down in passes:
        for y in range(top, HEIGHT, down):
            values = [
                sample(x, y, depth, colour, channel)
                for x in range(left, WIDTH, across)
                for channel in range(CHANNELS[colour])
            ]
            if values:
                bits = "".join(f"{value:0{depth}b}" for value in values)
                bits += "0" * (-len(bits) % 8)
                out += b"\0" + bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return out


def made(depth: int, colour: int, interlace: int = 0, *chunks: bytes) -> bytes:
    palette = (PALETTE[:0] + png_chunk(b"PLTE", PALETTE[8 : 8 + 3 * min(16, 1 << depth)]),)
    return png(
        (WIDTH, HEIGHT, depth, colour, interlace),
        rows(depth, colour, interlace),
        *(palette if colour == 3 else ()),
        *chunks,
    )


def expected_alpha(depth: int, colour: int) -> list[int]:
    """The transparency of the test picture, where tRNS hides what stands at (3, 2)."""
    alpha = []
    for y in range(HEIGHT):
        for x in range(WIDTH):
            values = [sample(x, y, depth, colour, c) for c in range(CHANNELS[colour])]
            if colour == 3:
                alpha.append((0, 128, 255)[values[0]] if values[0] < min(3, 1 << depth) else 255)
            else:
                hidden = [sample(3, 2, depth, colour, c) for c in range(CHANNELS[colour])]
                if (depth, colour) == (16, 2):  # colours are compared as 8 bit, as they leave
                    values, hidden = [v >> 8 for v in values], [v >> 8 for v in hidden]
                alpha.append(0 if values == hidden else 255)
    return alpha


def in_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey scaled to 8 bit; all else as it is."""
    if image.mode != "I;16":
        return image
    levels = struct.unpack(f"<{image.width * image.height}H", image.tobytes())
    return Image.frombytes("L", image.size, bytes(level // 257 for level in levels))


class TypeTest(ImageCase):
    def test_every_type_is_given_and_leaves_as_it_came(self) -> None:
        for depth, colour in TYPES:
            for interlace in (0, 1):
                with self.subTest(depth=depth, colour=colour, interlace=interlace):
                    data = made(depth, colour, interlace)
                    self.assertEqual((WIDTH, HEIGHT), self.inspect(data))
                    self.assertEqual(data, self.restore(data).data)

    def test_every_type_turned(self) -> None:
        for depth, colour in TYPES:
            for orientation in (2, 6):
                with self.subTest(depth=depth, colour=colour, orientation=orientation):
                    tag = png_chunk(b"eXIf", pictures.exif(orientation)[6:])
                    data = made(depth, colour, 0, tag)
                    expected = ImageOps.exif_transpose(pictures.opened(data))
                    given = self.given(data)
                    self.assertIn(given.mode, ("L", "I;16", "RGB", "RGBA"))
                    if depth == 16 and colour == 0:
                        self.assertEqual(expected.tobytes(), given.tobytes())
                    result = self.restore(data)
                    expected, found = in_eight_bits(expected), in_eight_bits(result.image)
                    self.assert_same_picture(expected, found)

    def test_transparent_colours_in_every_type(self) -> None:
        hidden = {
            0: lambda depth: struct.pack(">H", sample(3, 2, depth, 0, 0)),
            2: lambda depth: struct.pack(">3H", *(sample(3, 2, depth, 2, c) for c in range(3))),
            3: lambda depth: bytes((0, 128, 255)[: 1 << depth]),
        }
        for depth, colour in TYPES:
            if colour not in hidden:
                continue
            with self.subTest(depth=depth, colour=colour):
                tags = (
                    png_chunk(b"tRNS", hidden[colour](depth)),
                    png_chunk(b"eXIf", pictures.exif(3)[6:]),
                )
                data = made(depth, colour, 0, *tags)
                alpha = self.given(data).getchannel("A").rotate(180)
                shown = [alpha.getpixel((x, y)) for y in range(HEIGHT) for x in range(WIDTH)]
                self.assertEqual(expected_alpha(depth, colour), shown)

    def test_sixteen_bit_grey_in_a_result_for_a_jpeg(self) -> None:
        grey = Image.linear_gradient("L").resize((pictures.WIDTH, pictures.HEIGHT))
        wide = pictures.encode(
            grey.convert("I").point(lambda level: level * 257).convert("I;16"), "PNG"
        )
        jpeg = pictures.encode(grey, "JPEG")
        result = self.restore(jpeg, lambda normalized, folder: _write(folder, wide))
        self.assertEqual(".jpg", result.suffix)
        self.assert_same_picture(grey, result.image, MANAGED)


def _write(folder: str, data: bytes) -> str:
    path = f"{folder}/restored.png"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(data)
    return path


class DamagedTest(ImageCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = pictures.encode(pictures.drawing("RGB", (120, 90)), "PNG")

    def test_every_byte_of_the_picture_is_guarded(self) -> None:
        start = self.data.index(b"IDAT")
        end = self.data.index(b"IEND") - 4
        for at in range(start, end, (end - start) // 40):
            with self.subTest(at=at):
                changed = bytearray(self.data)
                changed[at] ^= 0x10
                self.assert_fails("decode_failed", bytes(changed))

    def test_ancillary_chunks_are_not(self) -> None:
        broken = bytearray(png_chunk(b"tEXt", b"Comment\0hello"))
        broken[-1] ^= 1
        data = with_chunks(self.data, bytes(broken))
        result = self.restore(data)
        self.assertFalse(result.normalized.is_upload)
        self.assert_same_picture(pictures.opened(self.data), result.image)

    def test_an_end_that_is_missing_is_put_back(self) -> None:
        result = self.restore(self.data[:-12])
        self.assertEqual(self.data, result.data)

    def test_a_file_cut_amid_a_chunk_is_not_whole(self) -> None:
        for cut in (1, 5, 11):
            with self.subTest(cut=cut):
                self.assert_fails("decode_failed", self.data[:-cut])

    def test_a_picture_with_too_few_rows(self) -> None:
        self.assert_fails("decode_failed", png((8, 8, 8, 0, 0), bytes(9 * 7)))
        self.assert_fails("decode_failed", png((8, 8, 8, 0, 1), bytes(9 * 7)))

    def test_a_row_filter_that_is_none(self) -> None:
        self.assert_fails("decode_failed", png((8, 8, 8, 0, 0), bytes(9 * 7) + b"\5" + bytes(8)))

    def test_a_chunk_that_is_needed_and_unknown(self) -> None:
        """What viewers refuse (W3C PNG, 5.4) doesn't leave; one that may be ignored does."""
        data = png((8, 8, 8, 0, 0), bytes(9 * 8))
        self.assert_fails("decode_failed", with_chunks(data, png_chunk(b"CgBI", bytes(4))))
        self.restore(with_chunks(data, png_chunk(b"abCd", bytes(4))))

    def test_a_palette_that_is_missing(self) -> None:
        self.assert_fails("decode_failed", png((8, 8, 8, 3, 0), bytes(9 * 8)))

    def test_picture_data_apart_from_each_other(self) -> None:
        packed = zlib.compress(bytes(9 * 8))
        header = png((8, 8, 8, 0, 0), b"")[:33]
        halves = png_chunk(b"IDAT", packed[:7]), png_chunk(b"IDAT", packed[7:])
        text, end = png_chunk(b"tEXt", b"Comment\0hello"), png_chunk(b"IEND", b"")
        self.assertTrue(self.normalize(header + b"".join(halves) + text + end).is_upload)
        self.assert_fails("decode_failed", header + halves[0] + text + halves[1] + end)

    def test_headers_that_are_none(self) -> None:
        good = png((8, 8, 8, 0, 0), bytes(9 * 8))
        for offset, value in ((24, 3), (25, 7), (25, 3), (26, 1), (27, 1), (28, 2), (19, 0)):
            with self.subTest(offset=offset, value=value):
                header = bytearray(good[16:29])
                header[offset - 16] = value
                changed = good[:8] + png_chunk(b"IHDR", bytes(header)) + good[33:]
                code = "decode_failed" if (offset, value) == (25, 3) else "image_unreadable"
                self.assert_fails(code, changed)
        self.assert_fails("image_unreadable", good[:20] + b"\1" + good[21:])


class BombTest(ImageCase):
    """A few kilobytes that would like to be gigabytes."""

    def test_texts_and_profiles_that_explode_are_left_aside(self) -> None:
        bomb = zlib.compress(bytes(64 << 20))
        plain = pictures.encode(pictures.drawing(), "PNG")
        for chunk in (
            png_chunk(b"zTXt", b"Comment\0\0" + bomb),
            png_chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb),
            png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
            png_chunk(b"iCCP", b"profile\0\0" + bomb),
        ):
            with self.subTest(chunk[4:30]):
                data = with_chunks(plain, chunk)
                given = self.given(data)
                self.assert_same_picture(pictures.drawing(), given)
                left = self.restore(data, saves("PNG"))
                self.assertLess(len(left.data), 2 * len(plain))

    def test_exif_as_text_that_is_nothing_but_spaces(self) -> None:
        text = b"Raw profile type exif\0\nexif\n 8\n" + b" " * 20_000 + b"z"
        data = with_chunks(pictures.encode(pictures.drawing(), "PNG"), png_chunk(b"tEXt", text))
        start = time.process_time()
        self.restore(data)
        self.assertLess(time.process_time() - start, 2.0)  # took 5 s

    def test_a_picture_larger_than_it_says(self) -> None:
        data = png((8, 8, 8, 0, 0), bytes(64 << 20), level=9)
        self.assert_same_picture(Image.new("L", (8, 8)), self.given(data))

    def test_the_largest_picture_of_zeros(self) -> None:
        data = png((4096, 4096, 8, 6, 0), bytes(4096 * (4096 * 4 + 1)), level=9)
        self.assertTrue(self.normalize(data).is_upload)

    def test_a_claim_that_nothing_follows(self) -> None:
        self.assert_fails("decode_failed", png((4096, 4096, 16, 6, 0), b"\0"))

    def test_a_flood_of_chunks(self) -> None:
        plain = pictures.encode(pictures.drawing(), "PNG")
        self.assert_fails("decode_failed", with_chunks(plain, png_chunk(b"abCd", b"") * 300_000))


class MetadataTest(ImageCase):
    def test_colour_chunks_and_resolution_leave_with_a_result_that_lost_them(self) -> None:
        chunks = (
            png_chunk(b"cICP", bytes((12, 13, 0, 1))),
            png_chunk(b"sRGB", b"\1"),
            png_chunk(b"gAMA", struct.pack(">I", 45455)),
            png_chunk(
                b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
            ),
            png_chunk(b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        )
        plain = pictures.encode(pictures.drawing(), "PNG")
        left = self.restore(with_chunks(plain, *chunks), saves("PNG")).data
        for chunk in chunks:
            self.assertIn(chunk, left)
        self.assertLess(left.index(b"pHYs"), left.index(b"IDAT"))

    def test_a_result_that_says_its_own_colours_is_believed(self) -> None:
        gamma = png_chunk(b"gAMA", struct.pack(">I", 100_000))
        plain = pictures.encode(pictures.drawing(), "PNG")
        provider = saves("PNG", icc_profile=pictures.srgb_profile())
        result = self.restore(with_chunks(plain, gamma), provider)
        self.assertNotIn(gamma, result.data)
        self.assertEqual(pictures.srgb_profile(), result.image.info["icc_profile"])

    def test_profile_exif_and_xmp(self) -> None:
        profile = pictures.wide_profile()
        packet = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + pictures.xmp())
        data = with_chunks(
            pictures.encode(pictures.drawing(), "PNG", exif=pictures.exif(1), icc_profile=profile),
            packet,
        )
        for provider in (saves("PNG"), saves("JPEG"), saves("TIFF")):
            with self.subTest(provider):
                found = self.restore(data, provider).image
                self.assertEqual(profile, found.info["icc_profile"])
                self.assertEqual("Maker", found.getexif()[0x010F])
                self.assertEqual(pictures.xmp().decode(), found.info["XML:com.adobe.xmp"])
                self.assertNotIn(0x0112, found.getexif())

    def test_orientation_wherever_it_stands(self) -> None:
        plain = pictures.encode(pictures.drawing(), "PNG")
        exif = pictures.exif(6)[6:]
        late = plain[:-12] + png_chunk(b"eXIf", exif) + plain[-12:]
        in_hex = f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()
        packet = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(pictures.xmp(6))
        for name, data in (
            ("behind the picture", late),
            (
                "as text",
                with_chunks(plain, png_chunk(b"tEXt", b"Raw profile type exif\0" + in_hex)),
            ),
            ("in packed XMP", with_chunks(plain, png_chunk(b"iTXt", packet))),
        ):
            with self.subTest(name):
                expected = pictures.drawing().transpose(Image.Transpose.ROTATE_270)
                self.assert_same_picture(expected, ImageOps.exif_transpose(pictures.opened(data)))
                for provider in (returns_input, saves("PNG")):
                    result = self.restore(data, provider)
                    self.assert_same_picture(expected, result.image, EXACT)
                    self.assertNotIn(b"Orientation", result.data)
                    self.assertNotIn(0x0112, result.image.getexif())

    def test_resolution_turns_with_the_picture(self) -> None:
        data = with_chunks(
            pictures.encode(pictures.drawing(), "PNG", exif=pictures.exif(8)),
            png_chunk(b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        )
        self.assertIn(struct.pack(">IIB", 5906, 11811, 1), self.restore(data).data)


if __name__ == "__main__":
    unittest.main()
