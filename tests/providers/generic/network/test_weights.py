"""The file of weights: what is written is read, and nothing else is taken for it."""

import random
import struct
import unittest

from restore.providers.generic.network import WeightsError, weights_named
from restore.providers.generic.network.weights import MAGIC, Layer, unpacked
from training.packing import packed


def layer_of(inputs: int, outputs: int, seed: int) -> Layer:
    """A layer of random numbers that a half float holds exactly."""
    dice = random.Random(seed)

    def number() -> float:
        return dice.randint(-1024, 1024) / 1024

    kernels = tuple(
        tuple(tuple(number() for _ in range(9)) for _ in range(inputs)) for _ in range(outputs)
    )
    return Layer(kernels, tuple(number() for _ in range(outputs)))


class FileTest(unittest.TestCase):
    def setUp(self) -> None:
        self.layers = (layer_of(1, 3, 1), layer_of(3, 4, 2))
        self.data = packed(self.layers, {"name": "sample", "licence": "MIT"})

    def test_what_is_packed_is_unpacked(self) -> None:
        weights = unpacked(self.data)
        self.assertEqual(weights.layers, self.layers)
        self.assertEqual(weights.header["licence"], "MIT")
        self.assertEqual(weights.header["layers"], [[1, 3], [3, 4]])

    def test_each_number_changed_is_noticed(self) -> None:
        for place in range(len(self.data) - 2 * 145, len(self.data)):
            damaged = bytearray(self.data)
            damaged[place] ^= 1
            with self.assertRaises(WeightsError):
                unpacked(bytes(damaged))

    def test_each_length_but_the_whole_is_refused(self) -> None:
        for length in range(len(self.data)):
            with self.assertRaises(WeightsError):
                unpacked(self.data[:length])
        with self.assertRaises(WeightsError):
            unpacked(self.data + b"\0")

    def test_shapes_that_do_not_fit_the_numbers_are_refused(self) -> None:
        for shapes in (b"[[1,3]]", b"[[3,1]]", b"[[1,3],[3,5]]", b"[[0,0],[3,4]]", b"[[-1,-3]]"):
            length = int.from_bytes(self.data[len(MAGIC) : len(MAGIC) + 4], "big")
            header = self.data[len(MAGIC) + 4 : len(MAGIC) + 4 + length]
            start = header.index(b'"layers"')
            end = header.index(b'"sha256"')
            other = header[:start] + b'"layers": ' + shapes + b", " + header[end:]
            numbers = self.data[len(MAGIC) + 4 + length :]
            with self.subTest(shapes), self.assertRaises(WeightsError):
                unpacked(MAGIC + struct.pack(">I", len(other)) + other + numbers)

    def test_a_header_that_is_no_header_is_refused(self) -> None:
        for header in (b"", b"[]", b"{}", b'{"layers": 3, "sha256": ""}', b"\xff"):
            data = MAGIC + struct.pack(">I", len(header)) + header
            with self.subTest(header), self.assertRaises(WeightsError):
                unpacked(data)


class ShippedTest(unittest.TestCase):
    def test_each_says_its_licence_and_how_it_was_trained(self) -> None:
        for name in ("enlarge", "enlarge-jpeg"):
            with self.subTest(name):
                header = weights_named(name).header
                self.assertEqual(header["licence"], "MIT")
                self.assertTrue(header["command"].startswith(f"python -m training {name} "))
