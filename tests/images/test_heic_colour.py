"""Colours that a HEIC tells by nclx reach a colour-managed viewer right."""

import io
import math
import struct
import unittest
from collections.abc import Iterable
from itertools import pairwise

import pillow_heif
from PIL import Image, ImageCms

from tests.support import pictures
from tests.support.image_case import ImageCase, Provider, returns_input, saves

Colour = tuple[int, int, int]
Light = tuple[float, float, float]

PATCHES: tuple[Colour, ...] = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (128, 128, 128),
    (200, 90, 60),
    (40, 150, 120),
)
SIDE = 32
BT_709, UNSPECIFIED, BT_2020, P3 = 1, 2, 9, 12
GAMMA_22, LINEAR, SRGB, BT_2020_10_BIT, PQ, HLG = 4, 8, 13, 14, 16, 18
# Linear sRGB to other primaries of the same white: ITU-R BT.2087 table 4, and SMPTE EG 432.
TO_2020 = ((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956))
TO_P3 = ((0.8225, 0.1774, 0.0), (0.0332, 0.9669, 0.0), (0.0171, 0.0724, 0.9108))
SAME = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
LUMA_2020 = (0.2627, 0.6780, 0.0593)
WHITE_CD_M2 = 203


def light_of(colour: Colour, matrix: tuple[Light, Light, Light] = SAME) -> Light:
    """Linear light of an sRGB colour, by other primaries."""
    levels = (level / 255 for level in colour)
    light = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in levels]
    red, green, blue = (sum(a * b for a, b in zip(row, light, strict=True)) for row in matrix)
    return red, green, blue


def by_srgb(light: Light) -> list[float]:
    return [v * 12.92 if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in light]


def by_pq(light: Light, white: float = WHITE_CD_M2) -> list[float]:
    powers = [(v * white / 10_000) ** 0.1593017578125 for v in light]
    return [((0.8359375 + 18.8515625 * p) / (1 + 18.6875 * p)) ** 78.84375 for p in powers]


def by_hlg(light: Light) -> list[float]:
    """What a camera would have to write so that a display of 1000 cd/m2 shows this light."""
    shown = [v * WHITE_CD_M2 / 1000 for v in light]
    luma = sum(a * b for a, b in zip(LUMA_2020, shown, strict=True))
    scene = [v * luma ** (1 / 1.2 - 1) if luma else 0.0 for v in shown]
    return [
        math.sqrt(3 * v) if v <= 1 / 12 else 0.17883277 * math.log(12 * v - 0.28466892) + 0.55991073
        for v in scene
    ]


def heic(patches: Iterable[list[float]], primaries: int, transfer: int, *, bits: int = 10) -> bytes:
    """Patches side by side, of signals of 0..1; coded with as few losses as x265 allows."""
    rows = [[min(65535, round(signal * 65535)) for signal in patch] for patch in patches]
    row = b"".join(struct.pack("=3H", *patch) * SIDE for patch in rows)
    size = (SIDE * len(rows), SIDE)
    if bits == 8:
        picture = pillow_heif.from_pillow(Image.frombytes("RGB", size, row[1::2] * SIDE))
    else:
        picture = pillow_heif.from_bytes(mode="RGB;16", size=size, data=row * SIDE)
    buffer = io.BytesIO()
    told = {"color_primaries": primaries, "transfer_characteristics": transfer}
    picture.save(buffer, quality=98, chroma=444, matrix_coefficients=6, **told)
    return buffer.getvalue()


def shown(image: Image.Image) -> list[Colour]:
    """The patches as a viewer that manages colours shows them on an sRGB screen."""
    profile = image.info.get("icc_profile")
    if profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        managed = ImageCms.profileToProfile(image.convert("RGB"), source, target)
        assert managed is not None
        image = managed
    half, step = image.height // 2, image.height
    return [image.convert("RGB").getpixel((x, half)) for x in range(half, image.width, step)]  # type: ignore[misc]


class _ColourCase(ImageCase):
    def assert_shown(
        self,
        data: bytes,
        within: int,
        provider: Provider = returns_input,
        expected: Iterable[Colour] = PATCHES,
        upscale: int = 1,
    ) -> Image.Image:
        result = self.restore(data, provider, upscale)
        for wanted, found in zip(expected, shown(result.image), strict=True):
            difference = max(abs(a - b) for a, b in zip(wanted, found, strict=True))
            self.assertLessEqual(difference, within, f"{wanted} is shown as {found}")
        return result.image


class SdrTest(_ColourCase):
    def test_each_way_to_tell_a_picture_in_wide_colours(self) -> None:
        p3 = [light_of(patch, TO_P3) for patch in PATCHES]
        wide = [light_of(patch, TO_2020) for patch in PATCHES]
        for name, within, data in (
            ("Display P3", 14, heic(map(by_srgb, p3), P3, SRGB, bits=8)),
            ("Display P3, unspecified curve", 14, heic(map(by_srgb, p3), P3, UNSPECIFIED, bits=8)),
            # One level of BT.2020's is 28 of sRGB's red in a pure green.
            ("BT.2020", 40, heic(map(by_srgb, wide), BT_2020, BT_2020_10_BIT)),
            (
                "gamma 2.2",
                14,
                heic(([v ** (1 / 2.2) for v in light] for light in p3), P3, GAMMA_22),
            ),
            ("linear", 14, heic(map(list, map(light_of, PATCHES)), BT_709, LINEAR)),
        ):
            for provider in (returns_input, saves("PNG"), saves("JPEG")):
                with self.subTest(name, provider=provider):
                    self.assert_shown(data, within, provider)

    def test_an_enlarged_result_says_it_too(self) -> None:
        def twice(normalized: object, folder: str) -> str:
            with Image.open(f"{folder}/input.png") as image:
                image.resize((2 * image.width, 2 * image.height)).save(f"{folder}/twice.png")
            return f"{folder}/twice.png"

        data = heic((by_srgb(light_of(patch, TO_P3)) for patch in PATCHES), P3, SRGB)
        self.assert_shown(data, 14, twice, upscale=2)

    def test_the_profile_keeps_the_pixels(self) -> None:
        data = heic((by_srgb(light_of(patch, TO_P3)) for patch in PATCHES), P3, SRGB, bits=8)
        result = self.restore(data, saves("PNG")).image
        red, green, _ = result.convert("RGB").getpixel((SIDE // 2, SIDE // 2))  # type: ignore[misc]
        self.assertLess(red, 240)
        self.assertGreater(green, 40)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(result.info["icc_profile"]))
        self.assertEqual("Display P3", ImageCms.getProfileDescription(profile).strip())

    def test_what_is_as_good_as_srgb_says_nothing(self) -> None:
        for primaries, transfer in (
            (BT_709, SRGB),
            (BT_709, BT_709),
            (BT_709, UNSPECIFIED),
            (UNSPECIFIED, UNSPECIFIED),
            (UNSPECIFIED, SRGB),
        ):
            with self.subTest(primaries=primaries, transfer=transfer):
                data = heic(map(by_srgb, map(light_of, PATCHES)), primaries, transfer)
                image = self.assert_shown(data, 14, saves("PNG"))
                self.assertNotIn("icc_profile", image.info)

    def test_a_profile_goes_before_nclx(self) -> None:
        profile = pictures.srgb_profile()
        image = Image.new("RGB", (SIDE, SIDE), (200, 90, 60))
        data = pictures.encode(
            image, "HEIF", quality=98, chroma=444, color_primaries=P3, icc_profile=profile
        )
        result = self.restore(data, saves("PNG"))
        self.assertEqual(profile, result.image.info["icc_profile"])

    def test_a_grey_picture_has_no_profile_of_colours(self) -> None:
        data = pictures.encode(
            pictures.drawing("L"),
            "HEIF",
            quality=98,
            color_primaries=P3,
            transfer_characteristics=SRGB,
        )
        result = self.restore(data, saves("PNG"))
        self.assertNotIn("icc_profile", result.image.info)
        self.assert_same_picture(pictures.drawing("L"), result.image, (3.0, 60))


class HdrTest(_ColourCase):
    """No viewer of JPEGs knows PQ or HLG: these levels become those of a screen."""

    def test_what_a_screen_can_show_is_shown_as_it_is(self) -> None:
        wide = [light_of(patch, TO_2020) for patch in PATCHES]
        p3 = [light_of(patch, TO_P3) for patch in PATCHES]
        for name, within, data in (
            ("PQ", 14, heic(map(by_pq, wide), BT_2020, PQ)),
            ("PQ of 8 bit", 24, heic(map(by_pq, wide), BT_2020, PQ, bits=8)),
            ("PQ in Display P3", 14, heic(map(by_pq, p3), P3, PQ)),
            ("HLG", 14, heic(map(by_hlg, wide), BT_2020, HLG)),
        ):
            with self.subTest(name):
                self.assert_shown(data, within, saves("PNG"))

    def test_highlights_are_pressed_together_and_stay_apart(self) -> None:
        lights = [0, 10, 50, 150, 203, 400, 1000]
        for name, curve, transfer in (("PQ", by_pq, PQ), ("HLG", by_hlg, HLG)):
            with self.subTest(name):
                signals = (curve((v / WHITE_CD_M2,) * 3) for v in lights)
                result = self.restore(heic(signals, BT_2020, transfer), saves("PNG"))
                greys = [patch[1] for patch in shown(result.image)]
                self.assertEqual(sorted(set(greys)), greys)
                self.assertLessEqual(greys[0], 1)
                self.assertGreaterEqual(greys[-1], 253)
                for light, grey in zip(lights[1:3], greys[1:3], strict=True):
                    wanted = by_srgb((light / WHITE_CD_M2,) * 3)[0] * 255
                    self.assertAlmostEqual(wanted, grey, delta=4)

    def test_a_few_glints_darken_nothing(self) -> None:
        signals = [by_pq((0.2, 0.2, 0.2))] * 299 + [by_pq((49.0, 49.0, 49.0))]
        result = self.restore(heic(signals, BT_2020, PQ), saves("PNG"))
        wanted = round(by_srgb((0.2, 0.2, 0.2))[0] * 255)
        self.assertAlmostEqual(wanted, shown(result.image)[0][0], delta=3)

    def test_a_sky_in_pq_shows_no_bands(self) -> None:
        """A slow ramp of 10 bit has more levels than one of 8 bit could give."""
        signals = (by_pq((0.3 + 0.2 * step / 200,) * 3) for step in range(200))
        result = self.restore(heic(signals, BT_2020, PQ), saves("PNG"))
        greys = [patch[1] for patch in shown(result.image)]
        steps = [after - before for before, after in pairwise(greys)]
        self.assertLessEqual(max(steps), 1)

    def test_transparency_and_grey_are_kept(self) -> None:
        image = pictures.drawing("RGBA", (64, 64))
        told = {"color_primaries": BT_2020, "transfer_characteristics": PQ}
        for transfer in (PQ, HLG):
            told["transfer_characteristics"] = transfer
            data = pictures.encode(image, "HEIF", quality=98, **told)
            left = self.restore(data, saves("PNG")).image
            self.assertEqual("RGBA", left.mode)
            self.assertEqual((0, 255), left.getchannel("A").getextrema())
            grey = self.restore(pictures.encode(image.convert("L"), "HEIF", **told)).image
            self.assertEqual("L", grey.mode)


if __name__ == "__main__":
    unittest.main()
