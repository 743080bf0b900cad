"""The parts of a file seen as one, and the PNG that isn't compressed."""

import io
import os
import random
import tempfile
import unittest
from pathlib import Path

from PIL import Image

from restore.images import png
from restore.images.pieces import Part, Span, open_pieces, write_pieces
from tests.support import pictures

DATA = bytes(range(256)) * 8


class PiecesTest(unittest.TestCase):
    PARTS: list[Part] = [
        b"begin",
        Span(10, 300),
        b"",
        Span(5, 5),
        Span(0, 1),
        b"end",
        Span(250, 260),
    ]
    WHOLE = b"begin" + DATA[10:300] + DATA[0:1] + b"end" + DATA[250:260]

    def test_read_as_one_file(self) -> None:
        self.assertEqual(self.WHOLE, open_pieces(io.BytesIO(DATA), self.PARTS).read())

    def test_read_from_anywhere(self) -> None:
        numbers = random.Random(7)
        file = open_pieces(io.BytesIO(DATA), self.PARTS)
        for _ in range(500):
            at, size = numbers.randrange(len(self.WHOLE) + 9), numbers.randrange(40)
            file.seek(at)
            self.assertEqual(self.WHOLE[at : at + size], file.read(size))
        self.assertEqual(len(self.WHOLE) - 3, file.seek(-3, os.SEEK_END))
        self.assertEqual(self.WHOLE[-3:], file.read())

    def test_a_span_over_the_files_end_ends_the_reading(self) -> None:
        parts: list[Part] = [Span(len(DATA) - 2, len(DATA) + 50), b"more"]
        self.assertEqual(DATA[-2:], open_pieces(io.BytesIO(DATA), parts).read())

    def test_written(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/new"
            write_pieces(io.BytesIO(DATA), self.PARTS, path)
            self.assertEqual(self.WHOLE, Path(path).read_bytes())
            with self.assertRaises(FileExistsError):
                write_pieces(io.BytesIO(DATA), self.PARTS, path)


class StoredPngTest(unittest.TestCase):
    def test_every_mode_comes_back(self) -> None:
        numbers = random.Random(8)
        pixel = {"L": 1, "RGB": 3, "RGBA": 4, "I;16": 2}
        for mode, size in ((m, s) for m in pixel for s in ((1, 1), (7, 5), (1000, 1500))):
            with self.subTest(mode, size=size), tempfile.TemporaryDirectory() as folder:
                raw = numbers.randbytes(size[0] * size[1] * pixel[mode])
                image = Image.frombytes(mode, size, raw)
                chunk = pictures.png_chunk(b"tEXt", b"Comment\0between")
                path = f"{folder}/stored.png"
                png.write(image, chunk, path)
                data = Path(path).read_bytes()
                self.assertEqual(33, data.index(chunk))
                found = pictures.opened(data)
                self.assertEqual((mode, raw), (found.mode, found.tobytes()))
                file = io.BytesIO(data)
                png.check(file, png.parse(file))


if __name__ == "__main__":
    unittest.main()
