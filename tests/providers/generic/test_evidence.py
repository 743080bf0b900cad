"""What must not be changed is not, and what proves a print is seen: pictures drawn here."""

import math
import random
import unittest
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageStat

from bench.quality import faded, gauss_noise, psnr, scene, scratched
from restore.providers.generic import run
from restore.providers.generic.analysis import Findings, analysed
from restore.providers.generic.estimators.components import Component, components_of
from restore.providers.generic.estimators.frame import inside_of
from restore.providers.generic.estimators.pattern import Pattern
from restore.providers.generic.evidence import Kind, Sign, evidence_of
from restore.providers.generic.picture import opened


def text_page() -> Image.Image:
    image = Image.new("RGB", (500, 400), (255, 255, 255))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=14)
    for y in range(20, 370, 24):
        draw.text((20, y), f"sold in 1931 for {y * 37 % 9999}.75, still {y}", (20, 20, 20), font)
    return image


def plan() -> Image.Image:
    image = Image.new("RGB", (480, 400), (252, 252, 250))
    draw = ImageDraw.Draw(image)
    for box in ((30, 30, 450, 370), (30, 30, 200, 180), (200, 30, 450, 180)):
        draw.rectangle(box, outline=(10, 10, 10), width=1)
    draw.arc((150, 120, 250, 220), 0, 90, fill=(10, 10, 10))
    return image


def grained(image: Image.Image, sigma: float = 1.5) -> Image.Image:
    noise = gauss_noise(image.size, sigma, random.Random(7))
    return ImageChops.add(image, Image.merge("RGB", [noise] * 3), 1, -128)


def stars() -> Image.Image:
    image, dice = Image.new("RGB", (500, 400), (14, 18, 34)), random.Random(2)
    for _ in range(300):
        level = dice.randint(90, 250)
        image.putpixel((dice.randrange(500), dice.randrange(400)), (level, level, level))
    return grained(image)


def wires() -> Image.Image:
    sky = Image.linear_gradient("L").resize((500, 400)).point([150 + v // 4 for v in range(256)])
    image = grained(Image.merge("RGB", [sky] * 3))
    draw = ImageDraw.Draw(image)
    for number in range(6):
        points = [(x, 60 + 30 * number + 0.0005 * (x - 240) ** 2) for x in range(0, 501, 5)]
        draw.line(points, fill=(20, 20, 22), width=1)
    return image


def court() -> Image.Image:
    image = grained(Image.new("RGB", (500, 400), (52, 92, 74)))
    ImageDraw.Draw(image).rectangle((40, 40, 460, 360), outline=(240, 242, 240), width=2)
    ImageDraw.Draw(image).line((40, 200, 460, 200), fill=(240, 242, 240), width=2)
    return image


def fog() -> Image.Image:
    image = Image.new("RGB", (500, 400))
    for y in range(400):
        level = 205 - 25 * (y // 100)
        for x in range(500):
            shift = round(12 * math.sin(x / 60) * (y > 100))
            image.putpixel((x, y), (level + shift // 3, level + shift // 3, level + 2))
    return grained(image)


UNTOUCHED: dict[str, Callable[[], Image.Image]] = {
    "text": text_page,
    "plan": plan,
    "stars": stars,
    "wires": wires,
    "court": court,
    "fog": fog,
    "plain colour": lambda: Image.new("RGB", (400, 300), (90, 140, 180)),
    "ramp": lambda: Image.linear_gradient("L").point([60 + v // 2 for v in range(256)]),
}


class PictureCase(unittest.TestCase):
    def setUp(self) -> None:
        holder = TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.path = Path(holder.name) / "input.png"

    def findings(self, image: Image.Image, **options: object) -> Findings:
        image.save(self.path, **options)  # type: ignore[arg-type]
        return analysed(opened(self.path), lambda fraction: None)

    def restored(self, image: Image.Image, strength: float = 1.0) -> Image.Image:
        image.save(self.path)
        with Image.open(run(str(self.path), "any/id", strength, 1)) as result:
            return result.convert(image.mode)


class HarmTest(PictureCase):
    def test_what_is_no_damage_stays(self) -> None:
        for name, draw in UNTOUCHED.items():
            image = draw()
            for strength in (0.1, 1.0):
                with self.subTest(name, strength=strength):
                    self.assertGreater(psnr(image, self.restored(image, strength)), 40)

    def test_a_camera_photo_is_no_faded_print(self) -> None:
        exif = Image.Exif()
        exif[0x010F] = "maker"
        exposure: dict[int, object] = exif.get_ifd(0x8769)
        exposure[0x8827] = 64
        found = self.findings(framed(faded(scene(0))), exif=exif.tobytes())
        self.assertIs(found.evidence.kind, Kind.CAMERA)
        self.assertFalse(found.evidence.may_be_faded or found.evidence.has_marks)

    def test_damaged_exif_is_none(self) -> None:
        for exif in (b"Exif\0\0MM", b"Exif\0\0II*\0\xff\xff\xff\xff", b"\0" * 30):
            self.assertFalse(Sign.EXPOSURE in self.findings(plan(), exif=exif).evidence.signs)


def framed(image: Image.Image, *tones: int) -> Image.Image:
    for tone in tones or (246,):
        wide = Image.new("RGB", (image.width + 50, image.height + 50), (tone, tone, tone - 2))
        wide.paste(image, (25, 25))
        image = wide
    return image


class PrintTest(PictureCase):
    def test_a_frame_of_any_brightness_is_found_and_proves_a_print(self) -> None:
        for tones in ((246,), (120,), (246, 4), (246, 90, 10)):
            with self.subTest(tones):
                image = framed(faded(scene(0)), *tones)
                found = self.findings(image)
                margin = 25 * len(tones)
                wanted = (margin, margin, image.width - margin, image.height - margin)
                apart = [abs(a - b) for a, b in zip(found.evidence.inside, wanted, strict=True)]
                self.assertLessEqual(max(apart), 3)
                self.assertTrue(found.evidence.may_be_faded and found.fading)

    def test_a_faded_print_gains_within_its_frames(self) -> None:
        clean = scene(0)
        box = (50, 50, 50 + clean.width, 50 + clean.height)
        spoilt = framed(faded(clean), 246, 4)
        before, after = psnr(clean, spoilt.crop(box)), psnr(clean, self.restored(spoilt).crop(box))
        self.assertGreater(after, before + 4)

    def test_a_sky_and_a_line_are_no_frame(self) -> None:
        for image in (wires(), court()):
            bright = image.convert("L")
            self.assertEqual(inside_of(bright), (0, 0, *image.size))

    def test_strength_never_jumps(self) -> None:
        spoilt = framed(faded(scene(0)))
        shifts = [
            ImageStat.Stat(ImageChops.difference(spoilt, self.restored(spoilt, share))).mean[0]
            for share in (0.1, 0.3, 0.6, 1.0)
        ]
        self.assertEqual(shifts, sorted(shifts))
        self.assertLess(shifts[0], 0.15 * shifts[-1])

    def test_wear_is_proof_by_itself(self) -> None:
        for number in (2, 3, 4):
            found = self.findings(scratched(scene(number)))
            self.assertTrue(found.evidence.has_marks and found.marks, number)

    def test_signs_outweigh_each_other_as_they_should(self) -> None:
        box = (0, 0, 9, 9)
        for signs, kind in (
            ({Sign.BORDER}, Kind.PRINT),
            ({Sign.GRAIN, Sign.ONE_HUE}, Kind.PRINT),
            ({Sign.ONE_HUE, Sign.CAST}, Kind.DOUBT),
            ({Sign.ENDS, Sign.GRAIN}, Kind.DOUBT),
            ({Sign.BORDER, Sign.EXPOSURE}, Kind.CAMERA),
            ({Sign.WEAR, Sign.FEW_TONES}, Kind.GRAPHIC),
        ):
            self.assertIs(evidence_of(frozenset(signs), box).kind, kind, signs)


class PatternTest(unittest.TestCase):
    def test_specks_in_rows_are_no_dust(self) -> None:
        dice = random.Random(3)
        strings = [(40 + 120 * (n // 15) + 5 * (n % 15), 60 + 80 * (n // 30)) for n in range(60)]
        scattered = [(dice.randrange(480), dice.randrange(360)) for _ in range(60)]
        for places, is_dust in ((strings, False), (scattered, True)):
            pattern = Pattern()
            pattern.add(
                [Component(x, y, x + 2, y + 2, 4, 4 * (n % 2)) for n, (x, y) in enumerate(places)],
                480 * 360,
            )
            self.assertIs(pattern.is_dust, is_dust)


class ComponentTest(unittest.TestCase):
    def test_parts_that_meet_late_are_one(self) -> None:
        mask = Image.new("L", (20, 10))
        draw = ImageDraw.Draw(mask)
        draw.line((2, 0, 2, 8), fill=255)
        draw.line((8, 0, 8, 8), fill=255)
        draw.line((2, 8, 8, 8), fill=255)
        mask.putpixel((15, 4), 255)
        bright = Image.new("L", mask.size, 255)
        parts = sorted(components_of(mask, bright, mask), key=lambda part: part.area)
        self.assertEqual([part.area for part in parts], [1, 23])
        self.assertEqual((parts[1].extent, parts[1].bright, parts[1].coloured), (9, 23, 23))

    def test_a_line_is_thin_along_its_own_direction(self) -> None:
        mask = Image.new("L", (40, 40))
        ImageDraw.Draw(mask).line((0, 0, 39, 39), fill=255)
        across, along = components_of(mask, mask, mask)[0].deviations
        self.assertAlmostEqual(across, 0, delta=0.01)
        self.assertAlmostEqual(along, math.sqrt(2) * math.sqrt((40**2 - 1) / 12), places=3)


if __name__ == "__main__":
    unittest.main()
