"""The enlarging networks: what they gain, what they leave alone, no seam, the same every time."""

import io
import math
import unittest

from PIL import Image, ImageChops

from bench.quality import scene
from restore.providers.generic.colour import luma
from restore.providers.generic.filters.enlarge import lanczos
from restore.providers.generic.network import EnlargingNetwork, WeightsError, enlarging_network
from restore.providers.generic.network.weights import Weights
from restore.providers.generic.planes import Plane
from tests.providers.generic.network.test_weights import layer_of


def bright(picture: Image.Image) -> Plane:
    """The brightness of an RGB picture."""
    return luma([Plane(band) for band in picture.split()])


def error(plane: Plane, wanted: Plane, border: int) -> float:
    """Root of the mean squared difference, within a border."""
    apart = plane - wanted
    width, height = apart.size
    inner = (apart * apart).window(border, border, width - border, height - border)
    values = inner.values()
    return math.sqrt(sum(values) / len(values))


class GainTest(unittest.TestCase):
    def setUp(self) -> None:
        self.picture = scene(5)
        size = (self.picture.width // 2, self.picture.height // 2)
        self.small = self.picture.resize(size, Image.Resampling.BICUBIC)

    def test_a_picture_comes_nearer_to_what_it_was(self) -> None:
        small = bright(self.small)
        plain = error(lanczos(small, 2), bright(self.picture), 24)
        made = error(enlarging_network(False)(small, 2), bright(self.picture), 24)
        self.assertLess(made, 0.85 * plain)

    def test_a_jpeg_comes_nearer_by_its_own_network(self) -> None:
        memory = io.BytesIO()
        self.small.save(memory, "JPEG", quality=60)
        with Image.open(memory) as image:
            small = bright(image.convert("RGB"))
        plain = error(lanczos(small, 2), bright(self.picture), 24)
        made = error(enlarging_network(True)(small, 2), bright(self.picture), 24)
        self.assertLess(made, 0.95 * plain)

    def test_four_times_is_twice_twice(self) -> None:
        small, network = bright(self.small), enlarging_network(False)
        twice, at_once = network(network(small, 2), 2), network(small, 4)
        self.assertEqual(twice.image.tobytes(), at_once.image.tobytes())


class HarmTest(unittest.TestCase):
    def test_flat_ground_and_slopes_stay(self) -> None:
        ramp = Plane(Image.linear_gradient("L").resize((96, 96), Image.Resampling.BICUBIC))
        for small in (Plane.filled((64, 64), 0.0), Plane.filled((64, 64), 255.0), ramp):
            for jpeg in (False, True):
                with self.subTest(jpeg=jpeg, size=small.size):
                    made = enlarging_network(jpeg)(small, 2)
                    self.assertLess(error(made, lanczos(small, 2), 20), 0.7)


class WindowTest(unittest.TestCase):
    """A pixel depends on its neighbours within reach, and on nothing else."""

    def test_a_window_gives_what_the_whole_gives(self) -> None:
        whole = bright(scene(8).resize((160, 160), Image.Resampling.BICUBIC))
        for factor in (2, 4):
            network = enlarging_network(False)
            large = network(whole, factor)
            halo = math.ceil(network.reach * (1 + (factor == 4) / 2))
            part = network(whole.window(31, 17, 131, 117), factor)
            inner = part.window(*[v * factor for v in (halo, halo, 100 - halo, 100 - halo)])
            same = large.window(
                *[v * factor for v in (31 + halo, 17 + halo, 131 - halo, 117 - halo)]
            )
            difference = ImageChops.difference(inner.to_bytes(), same.to_bytes())
            apart = sum(difference.histogram()[2:])
            self.assertEqual(apart, 0)  # by one, Lanczos alone may round otherwise

    def test_twice_the_same(self) -> None:
        plane = bright(scene(9, (64, 64)))
        first, second = enlarging_network(False)(plane, 2), enlarging_network(False)(plane, 2)
        self.assertEqual(first.image.tobytes(), second.image.tobytes())


class ShapeTest(unittest.TestCase):
    def test_layers_that_do_not_meet_are_refused(self) -> None:
        for shapes in (((1, 3), (4, 4)), ((2, 4),), ((1, 3),)):
            layers = tuple(layer_of(inputs, outputs, 1) for inputs, outputs in shapes)
            with self.subTest(shapes), self.assertRaises(WeightsError):
                EnlargingNetwork(Weights({}, layers))
