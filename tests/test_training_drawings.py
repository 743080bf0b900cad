"""What training draws: the same for the same dice, and marked where it was changed."""

import random
import unittest

from PIL import Image, ImageChops, ImageDraw

from bench.quality import scene
from training import damage, negatives

GROUND = scene(3, (128, 128))


class MarksTest(unittest.TestCase):
    def test_the_same_dice_draw_the_same(self) -> None:
        first = damage.marked(GROUND, random.Random(5))
        second = damage.marked(GROUND, random.Random(5))
        for a, b in zip(first, second, strict=True):
            self.assertEqual(a.tobytes(), b.tobytes())
        other = damage.marked(GROUND, random.Random(6))[0]
        self.assertNotEqual(first[0].tobytes(), other.tobytes())

    def test_what_is_marked_was_changed_and_nothing_else_much(self) -> None:
        for seed in range(12):
            drawn, seen = damage.marked(GROUND, random.Random(seed))
            change = ImageChops.difference(drawn, GROUND).convert("L")
            within = ImageChops.darker(change, seen).histogram()
            self.assertGreater(sum(within[1:]), 0)
            bare = Image.composite(Image.new("L", seen.size), change, seen)
            with self.subTest(seed=seed):
                strongest = sum(bare.histogram()[60:]) / (128 * 128)
                self.assertLess(strongest, 0.02)

    def test_each_kind_covers_about_its_width(self) -> None:
        for name in ("scratch", "dust", "fibre"):
            kind = damage.KINDS[name]
            canvas = damage.Canvas((128, 128), random.Random(2))
            thin = damage.cover(kind, canvas, 8, (1.0, 1.0))
            canvas = damage.Canvas((128, 128), random.Random(2))
            thick = damage.cover(kind, canvas, 8, (2.4, 2.4))
            self.assertGreater(sum(thick.histogram()[128:]), 1.5 * sum(thin.histogram()[128:]))

    def test_grain_has_the_deviation_that_was_asked_for(self) -> None:
        grey = Image.new("RGB", (256, 256), (128, 128, 128))
        for softness in (0.0, 0.6, 0.9):
            grain = damage.grainy(grey, 8.0, softness, random.Random(1)).convert("L")
            histogram = grain.histogram()
            mean = sum(v * n for v, n in enumerate(histogram)) / 256**2
            spread = sum((v - mean) ** 2 * n for v, n in enumerate(histogram)) / 256**2
            with self.subTest(softness=softness):
                self.assertAlmostEqual(spread**0.5, 8.0, delta=1.2)
                self.assertAlmostEqual(mean, 128, delta=1.5)


class NegativesTest(unittest.TestCase):
    def test_every_thing_draws_on_any_canvas(self) -> None:
        for thing in dict.fromkeys(negatives.DRAWN):
            large = Image.new("RGB", (96 * damage.FINE, 96 * damage.FINE), (128, 128, 128))
            for seed in range(4):
                canvas = damage.Canvas((96, 96), random.Random(seed))
                thing(ImageDraw.Draw(large), canvas)
            with self.subTest(thing.__name__):
                self.assertGreater(len(large.getcolors(1 << 20) or ()), 1)

    def test_the_same_dice_draw_the_same(self) -> None:
        first = negatives.with_things(GROUND, random.Random(5))
        self.assertEqual(first.tobytes(), negatives.with_things(GROUND, random.Random(5)).tobytes())
        self.assertEqual(first.size, GROUND.size)

    def test_a_sky_is_mostly_ground(self) -> None:
        sky = negatives.sky((128, 128), random.Random(4))
        self.assertEqual(sky.size, (128, 128))
        self.assertGreater(len(sky.getcolors(1 << 20) or ()), 16)
