"""The network of JPEG clean-up: what it gains, what it leaves alone, that windows don't matter."""

import io
import unittest

from PIL import Image, ImageChops

from bench.quality import scene
from restore.providers.generic.estimators.jpeg import JpegDamage, damage_of_tables
from restore.providers.generic.network import CleaningNetwork, WeightsError, cleaning_network
from restore.providers.generic.network.weights import Weights
from restore.providers.generic.planes import Plane
from tests.providers.generic.network.test_enlarger import error
from tests.providers.generic.network.test_weights import layer_of

SIDE = 160


def saved(picture: Image.Image, quality: int) -> tuple[Plane, JpegDamage]:
    """`picture` ("L") after a JPEG file, and what the file did."""
    memory = io.BytesIO()
    picture.save(memory, "JPEG", quality=quality)
    with Image.open(memory) as image:
        damage = damage_of_tables(image.quantization)  # type: ignore[attr-defined]
        assert damage is not None
        return Plane(image.convert("L")), damage


class GainTest(unittest.TestCase):
    def test_a_file_comes_nearer_to_what_it_was(self) -> None:
        picture = scene(5, (SIDE, SIDE)).convert("L")
        for quality in (15, 40, 75):
            with self.subTest(quality=quality):
                given, damage = saved(picture, quality)
                made = cleaning_network()(given, damage.coarseness)
                before = error(given, Plane(picture), 16)
                self.assertLess(error(made, Plane(picture), 16), 0.97 * before)

    def test_flat_ground_and_slopes_stay(self) -> None:
        ramp = Plane(Image.linear_gradient("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        for plane in (Plane.filled((SIDE, SIDE), 0.0), Plane.filled((SIDE, SIDE), 255.0), ramp):
            for coarseness in (5.0, 40.0):
                with self.subTest(coarseness=coarseness):
                    self.assertLess(error(cleaning_network()(plane, coarseness), plane, 16), 0.8)


class WindowTest(unittest.TestCase):
    """A pixel depends on its neighbours within reach and on its place in the block alone."""

    def test_a_window_on_the_grid_gives_what_the_whole_gives(self) -> None:
        given, damage = saved(scene(8, (SIDE, SIDE)).convert("L"), 30)
        network, reach = cleaning_network(), cleaning_network().reach
        whole = network(given, damage.coarseness).window(24 + reach, 8 + reach, 120, 104)
        part = network(given.window(24, 8, 136, 120), damage.coarseness)
        same = part.window(reach, reach, 96, 96)
        difference = ImageChops.difference(whole.to_bytes(), same.to_bytes())
        self.assertIsNone(difference.getbbox())


class ShapeTest(unittest.TestCase):
    def test_layers_that_do_not_meet_are_refused(self) -> None:
        for shapes in (((9, 3), (4, 4)), ((8, 4),), ((9, 3),)):
            layers = tuple(layer_of(inputs, outputs, 1) for inputs, outputs in shapes)
            with self.subTest(shapes), self.assertRaises(WeightsError):
                CleaningNetwork(Weights({}, layers))
