"""Enlarging adds detail where some was lost, and takes nothing from what is soft or drawn."""

import unittest
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

from bench.quality import noisy, psnr, scene
from restore.providers.generic import tuning
from restore.providers.generic.filters.enlarge import gained, lanczos
from restore.providers.generic.planes import Plane
from restore.providers.generic.tiles import mirrored_window

SHARP = scene(1, (256, 256)).convert("L")
MOST_LOSS_DB = 0.05
UNSEEN_DB = 53.0  # where all that is lost is less than rounding to whole levels


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
    better = plain + gained(wide, factor, jpeg=False)
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
                    least = min(psnr(image, plain) - MOST_LOSS_DB, UNSEEN_DB)
                    self.assertGreater(psnr(image, better), least)

    def test_a_sharp_picture_gains(self) -> None:
        for factor, least in ((2, 1.2), (4, 0.5)):
            plain, better = enlargements(SHARP, factor)
            self.assertGreater(psnr(SHARP, better), psnr(SHARP, plain) + least)


class DrawnTest(unittest.TestCase):
    """What is drawn stays what it is: nearer to it than Lanczos comes."""

    def drawings(self) -> dict[str, Image.Image]:
        step, lattice, text = (Image.new("L", (192, 192), 225) for _ in range(3))
        ImageDraw.Draw(step).rectangle((0, 0, 95, 191), fill=40)
        pen = ImageDraw.Draw(lattice)
        for place in range(0, 192, 12):
            pen.rectangle((place, 0, place + 3, 191), fill=30)
            pen.rectangle((0, place, 191, place + 3), fill=30)
        for row in range(6):
            ImageDraw.Draw(text).text((8, 30 * row), "Restore 1887", fill=20, font_size=24)
        return {"step": step, "lattice": lattice, "text": text}

    def test_it_comes_out_better_than_by_lanczos(self) -> None:
        for name, image in self.drawings().items():
            for factor in (2, 4):
                with self.subTest(name, factor=factor):
                    plain, better = enlargements(image, factor)
                    self.assertGreater(psnr(image, better), psnr(image, plain) + 0.3)


if __name__ == "__main__":
    unittest.main()
