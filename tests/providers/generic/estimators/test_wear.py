"""Wear as the network sees it: found on cracked prints, not on whole ones, and never too broad."""

import random
import unittest
from unittest import mock

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from bench.quality.fields import KINDS
from bench.quality.pictures import scene
from restore.providers.generic import tuning
from restore.providers.generic.analysis import analysed
from restore.providers.generic.estimators.wear import mask_of, probability, wear_of
from restore.providers.generic.picture import Picture
from restore.providers.generic.pipeline import restored
from restore.providers.generic.plan import planned
from training import damage

SIDE = 320
GROUND = Image.merge("RGB", [scene(6, (SIDE, SIDE)).convert("L")] * 3)


def picture_of(image: Image.Image) -> Picture:
    """`image` as an opened PNG."""
    return Picture(image, False, {}, {})


def cracked() -> tuple[Image.Image, Image.Image]:
    """The ground with pale cracks across it, and where they are."""
    canvas = damage.Canvas(GROUND.size, random.Random(11))
    alpha = damage.cover(damage.KINDS["crack"], canvas, 14, (2.0, 4.0))
    worn = damage.laid(GROUND, alpha, (246, 242, 232), 0)
    return worn, damage.visible(GROUND, worn, alpha)


def count(mask: Image.Image) -> int:
    """How many pixels are 255."""
    return mask.histogram()[255]


class FoundTest(unittest.TestCase):
    def test_cracks_are_found_and_little_else(self) -> None:
        worn, where = cracked()
        mask = mask_of(probability(picture_of(worn), 1))
        around = where.filter(ImageFilter.MaxFilter(5))
        self.assertGreater(count(ImageChops.darker(mask, where)), 0.3 * count(where))
        self.assertGreater(count(ImageChops.darker(mask, around)), 0.7 * count(mask))

    def test_a_cracked_print_comes_back_better(self) -> None:
        worn, where = cracked()
        picture = picture_of(damage.grainy(worn, 7.0, 0.9, random.Random(5)))
        plan = planned(analysed(picture, lambda done: None), 1.0, 1)
        self.assertIsNotNone(plan.wear)
        result = restored(picture, plan, lambda done: None)
        before = ImageChops.darker(ImageChops.difference(worn, GROUND).convert("L"), where)
        after = ImageChops.darker(ImageChops.difference(result, GROUND).convert("L"), where)
        self.assertLess(sum_of(after), 0.75 * sum_of(before))


def sum_of(image: Image.Image) -> int:
    """All values of an "L" image."""
    return sum(value * number for value, number in enumerate(image.histogram()))


class LeftAloneTest(unittest.TestCase):
    def test_whole_pictures_have_no_wear(self) -> None:
        for seed in range(4):
            image = scene(seed, (SIDE, SIDE))
            for each in (image, Image.merge("RGB", [image.convert("L")] * 3)):
                with self.subTest(seed=seed):
                    findings = analysed(picture_of(each), lambda done: None)
                    self.assertIsNone(findings.wear)

    def test_what_has_no_grain_may_be_ropes_and_bars_unless_cracked_all_over(self) -> None:
        self.assertIsNotNone(analysed(picture_of(cracked()[0]), lambda done: None).wear)
        for name in ("rigging", "bars"):
            drawn = KINDS[name]((SIDE, SIDE), random.Random(1)).convert("L")
            with self.subTest(name):
                self.assertIsNone(analysed(picture_of(drawn), lambda done: None).wear)

    def test_pictures_in_colour_are_not_asked_about(self) -> None:
        worn = damage.laid(scene(6, (SIDE, SIDE)), cracked()[1], (246, 242, 232), 0)
        self.assertIsNone(analysed(picture_of(worn), lambda done: None).wear)

    def test_what_is_broader_than_wear_is_taken_out_with_its_edge(self) -> None:
        likely = Image.new("L", (96, 96), 0)
        pen = ImageDraw.Draw(likely)
        pen.rectangle((10, 10, 13, 80), fill=250)
        pen.rectangle((40, 40, 60, 60), fill=250)
        mask = mask_of(likely)
        self.assertEqual(mask.getpixel((11, 40)), 255)
        self.assertEqual(mask.crop((30, 30, 70, 70)).getextrema(), (0, 0))


class TilesTest(unittest.TestCase):
    def test_no_seam_shows_with_smaller_tiles(self) -> None:
        worn, _ = cracked()
        whole = probability(picture_of(worn), 1)
        with mock.patch.object(tuning, "TILE_CORE", 112):
            parts = probability(picture_of(worn), 1)
        self.assertEqual(whole.tobytes(), parts.tobytes())

    def test_a_large_scan_is_looked_at_smaller_and_marked_at_its_own_size(self) -> None:
        worn, _ = cracked()
        large = picture_of(worn.resize((SIDE * 2 + 1, SIDE * 2 + 1), Image.Resampling.BICUBIC))
        wear = wear_of(large, 0.0, SIDE + 1)
        self.assertIsNotNone(wear)
        if wear is not None:
            self.assertEqual(wear.mask.size, large.size)
            self.assertGreater(wear.share, 0.002)
