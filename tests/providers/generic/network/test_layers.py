"""Each layer beside the same written out in plain Python."""

import random
import unittest

from PIL import Image

from restore.providers.generic.network.layers import (
    SCALE,
    Convolution,
    added,
    doubled,
    fixed,
    halved,
    interleaved,
    phases,
    rectified,
)
from restore.providers.generic.network.weights import Layer

WIDTH, HEIGHT = 12, 10
Rows = list[list[float]]


def rows_of(image: Image.Image) -> Rows:
    """Every pixel's value, row by row."""
    return [
        [float(image.getpixel((x, y))) for x in range(image.width)]  # type: ignore[arg-type]
        for y in range(image.height)
    ]


def image_of(rows: Rows) -> Image.Image:
    """A float image of these values."""
    image = Image.new("F", (len(rows[0]), len(rows)))
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            image.putpixel((x, y), value)
    return image


def random_rows(dice: random.Random, low: float, high: float) -> Rows:
    return [[dice.uniform(low, high) for _ in range(WIDTH)] for _ in range(HEIGHT)]


def convolved(planes: list[Rows], layer: Layer, output: int, x: int, y: int) -> float:
    """One pixel of one output, by the definition: torch's conv2d, which flips no kernel."""
    total = layer.biases[output]
    for rows, kernel in zip(planes, layer.kernels[output], strict=True):
        for tap, value in enumerate(kernel):
            total += value * rows[y + tap // 3 - 1][x + tap % 3 - 1]
    return total


class ConvolutionTest(unittest.TestCase):
    def check(self, inputs: int, outputs: int, low: float, high: float) -> None:
        dice = random.Random(f"{inputs} {outputs}")
        kernels = tuple(
            tuple(tuple(dice.uniform(-1, 1) for _ in range(9)) for _ in range(inputs))
            for _ in range(outputs)
        )
        layer = Layer(kernels, tuple(dice.uniform(-2, 2) for _ in range(outputs)))
        planes = [random_rows(dice, low, high) for _ in range(inputs)]
        images = [fixed(image_of(rows), 1.0, 0.0) for rows in planes]
        known = [[[v / SCALE for v in row] for row in rows_of(image)] for image in images]
        found = Convolution(layer)(images)
        self.assertEqual(len(found), outputs)
        for output, image in enumerate(found):
            rows = rows_of(image)
            for y in range(1, HEIGHT - 1):
                for x in range(1, WIDTH - 1):
                    wanted = convolved(known, layer, output, x, y)
                    self.assertAlmostEqual(rows[y][x] / SCALE, wanted, delta=1.5e-4 * inputs)

    def test_an_odd_and_an_even_number_of_planes(self) -> None:
        for inputs, outputs in ((1, 4), (2, 3), (5, 2), (16, 1)):
            with self.subTest(inputs=inputs):
                self.check(inputs, outputs, 0.0, 4.0)

    def test_negative_values_count_as_they_are(self) -> None:
        self.check(1, 3, -2.0, 2.0)
        self.check(4, 2, -2.0, 2.0)

    def test_large_values_are_summed_exactly_enough(self) -> None:
        self.check(3, 2, 0.0, 30.0)


class OtherLayersTest(unittest.TestCase):
    def setUp(self) -> None:
        self.dice = random.Random(7)
        self.rows = random_rows(self.dice, -3.0, 3.0)

    def test_fixed_point_and_rectified(self) -> None:
        levels = [[(value + 3) * 40 for value in row] for row in self.rows]
        plane = rows_of(fixed(image_of(levels), 64.0, 128.0))
        scaled = [[value * SCALE for value in row] for row in self.rows]
        kept = rows_of(rectified([image_of(scaled)])[0])
        for y in range(HEIGHT):
            for x in range(WIDTH):
                self.assertAlmostEqual(plane[y][x] / SCALE, (levels[y][x] - 128) / 64, delta=2e-4)
                self.assertAlmostEqual(kept[y][x] / SCALE, max(0.0, self.rows[y][x]), delta=2e-4)

    def test_added(self) -> None:
        other = random_rows(self.dice, -3.0, 3.0)
        found = rows_of(added([image_of(self.rows)], [image_of(other)])[0])
        for y in range(HEIGHT):
            for x in range(WIDTH):
                self.assertAlmostEqual(found[y][x], self.rows[y][x] + other[y][x], places=5)

    def test_halved_is_the_mean_of_four_and_doubled_repeats(self) -> None:
        plane = fixed(image_of([[abs(v) for v in row] for row in self.rows]), 1.0, 0.0)
        known, small = rows_of(plane), rows_of(halved([plane])[0])
        large = rows_of(doubled([plane])[0])
        for y in range(HEIGHT):
            for x in range(WIDTH):
                four = [known[y // 2 * 2 + k // 2][x // 2 * 2 + k % 2] for k in range(4)]
                self.assertAlmostEqual(small[y // 2][x // 2], sum(four) / 4, delta=1.0)
                self.assertEqual(large[2 * y + 1][2 * x], known[y][x])

    def test_phases_are_every_second_pixel_and_interleaved_undoes_them(self) -> None:
        image = image_of(self.rows)
        four, known = phases(image), rows_of(image)
        for number, plane in enumerate(four):
            rows = rows_of(plane)
            for y in range(HEIGHT // 2):
                for x in range(WIDTH // 2):
                    self.assertEqual(rows[y][x], known[2 * y + number // 2][2 * x + number % 2])
        self.assertEqual(rows_of(interleaved(four)), known)
