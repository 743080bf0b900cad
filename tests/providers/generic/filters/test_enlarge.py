"""Enlarging adds detail where some was lost, and nothing to what is soft."""

import unittest
from collections.abc import Callable

from PIL import Image, ImageFilter

from bench.quality import BORDER, noisy, psnr, scene
from restore.providers.generic import tuning
from restore.providers.generic.filters.enlarge import gained, lanczos, lost, sparse
from restore.providers.generic.planes import Plane
from restore.providers.generic.tiles import mirrored_window

SHARP = scene(1, (256, 256)).convert("L")
MOST_LOSS_DB = 0.3
NONE_LOST = 0.05


def blurred(image: Image.Image, sigma: float) -> Image.Image:
    """Without the noise that a lens's blur comes with: what an artist or a browser makes."""
    return image.filter(ImageFilter.GaussianBlur(sigma))


def motion(image: Image.Image) -> Image.Image:
    """Blurred along a row by nine pixels."""
    kernel = [0.0] * 25
    kernel[10:15] = [1.0] * 5
    once = image.filter(ImageFilter.Kernel((5, 5), kernel))
    return once.filter(ImageFilter.Kernel((5, 5), kernel))


SOFT: dict[str, Callable[[Image.Image], Image.Image]] = {
    "slightly out of focus": lambda image: blurred(image, 1.5),
    "out of focus": lambda image: blurred(image, 3.0),
    "far out of focus": lambda image: blurred(image, 8.0),
    "aperture": lambda image: image.filter(ImageFilter.BoxBlur(4)),
    "motion": motion,
    "with noise": lambda image: noisy(blurred(image, 2.0), 1.0),
    "veiled": lambda image: Image.blend(blurred(image, 1.2), blurred(image, 6.0), 0.6),
    "background": lambda image: Image.composite(
        image, blurred(image, 5.0), Image.radial_gradient("L").resize(image.size).point(_inverse)
    ),
    "slope": lambda image: Image.linear_gradient("L").resize(image.size),
}


def _inverse(level: int) -> int:
    return max(0, 255 - 2 * level)


def enlargements(image: Image.Image, factor: int) -> tuple[Image.Image, Image.Image]:
    """`image` made small and large again: by Lanczos alone, and with what is gained."""
    halo, (width, height) = tuning.ENLARGE_HALO, image.size
    small = image.resize((width // factor, height // factor), Image.Resampling.BICUBIC)
    around = (-halo, -halo, small.width + halo, small.height + halo)
    wide = Plane(mirrored_window(small, around))
    plain = lanczos(wide, factor)
    better = plain + gained(wide, factor, sparse(tuning.ENLARGE_THRESHOLDS))
    inset = halo * factor
    core = (inset, inset, inset + width, inset + height)
    return plain.window(*core).to_bytes(), better.window(*core).to_bytes()


class SoftTest(unittest.TestCase):
    def test_no_kind_of_softness_is_enlarged_worse_than_by_lanczos(self) -> None:
        for name, soften in SOFT.items():
            image = soften(SHARP)
            for factor in (2, 4):
                with self.subTest(name, factor=factor):
                    plain, better = enlargements(image, factor)
                    self.assertGreater(psnr(image, better), psnr(image, plain) - MOST_LOSS_DB)

    def test_a_sharp_picture_gains(self) -> None:
        for factor, least in ((2, 0.8), (4, 0.3)):
            plain, better = enlargements(SHARP, factor)
            self.assertGreater(psnr(SHARP, better), psnr(SHARP, plain) + least)


class LostTest(unittest.TestCase):
    def middle(self, image: Image.Image, factor: int) -> Plane:
        plane = lost(Plane(image), factor)
        width, height = plane.size
        edge = 4 * BORDER
        return plane.window(edge, edge, width - edge, height - edge)

    def test_an_edge_loses_as_far_as_it_is_sharp(self) -> None:
        step = Image.new("L", (64, 64), 40)
        step.paste(200, (32, 0, 64, 64))
        shares = [max(self.middle(blurred(step, sigma), 2).values()) for sigma in (0.5, 0.8, 1.5)]
        self.assertEqual(shares[0], 1.0)
        self.assertEqual(shares, sorted(shares, reverse=True))
        self.assertLess(shares[2], NONE_LOST)

    def test_flat_ground_and_rounded_slopes_have_lost_nothing(self) -> None:
        for image in (Image.new("L", (64, 64), 90), Image.linear_gradient("L").resize((64, 700))):
            for factor in (2, 4):
                self.assertLess(max(self.middle(image, factor).values()), NONE_LOST)

    def test_what_an_enlarger_claims_of_softness_is_not_added(self) -> None:
        soft = Plane(blurred(SHARP, 4.0))
        added = gained(soft, 2, lambda plane, factor: lanczos(plane, factor).scaled(1.0, 50.0))
        width, height = added.size
        self.assertLess(max(abs(added).window(48, 48, width - 48, height - 48).values()), 2.5)


if __name__ == "__main__":
    unittest.main()
