"""The whole way of one picture, for tests: upload, normalize, a provider, finish."""

import os
import tempfile
import unittest
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from restore import images
from restore.contract.kinds import sniff
from restore.images import Normalized
from tests.support import pictures

Provider = Callable[[Normalized, str], str]

# Tolerances, in levels of 0..255 on the worst channel: mean and greatest difference.
EXACT = (0.0, 0)
ENCODED_AGAIN = (2.0, 40)  # one more JPEG of quality 95, on hard edges
MANAGED = (2.0, 12)  # colours applied by another route


@dataclass(frozen=True, slots=True)
class Result:
    """What left: `suffix` with its dot, `data` the file, `image` what Pillow decodes of it."""

    normalized: Normalized
    suffix: str
    data: bytes
    image: Image.Image


def returns_input(normalized: Normalized, folder: str) -> str:
    return normalized.path


def saves(pillow_format: str, mode: str | None = None, **options: object) -> Provider:
    """A provider that decodes and encodes in that format, and forgets all metadata."""

    def run(normalized: Normalized, folder: str) -> str:
        with Image.open(normalized.path) as image:
            plain = image.convert(mode) if mode else image.copy()
        kept = {key: plain.info[key] for key in ("transparency",) if key in plain.info}
        plain.info = {}
        path = f"{folder}/restored.{pillow_format.lower()}"
        plain.save(path, pillow_format, **kept, **options)
        return path

    return run


def writes(data: bytes, name: str = "restored") -> Provider:
    """A provider that returns these bytes, whatever it gets."""

    def run(normalized: Normalized, folder: str) -> str:
        path = Path(folder, name)
        path.write_bytes(data)
        return str(path)

    return run


class ImageCase(unittest.TestCase):
    """Each test has a folder of its own; uploads and results live in it."""

    def setUp(self) -> None:
        quiet = warnings.catch_warnings()  # of Pillow's, about files that are odd on purpose
        quiet.__enter__()
        self.addCleanup(quiet.__exit__, None, None, None)
        warnings.simplefilter("ignore")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def upload(self, data: bytes) -> str:
        handle, path = tempfile.mkstemp(dir=self.folder)
        os.write(handle, data)
        os.close(handle)
        return path

    def inspect(self, data: bytes) -> tuple[int, int]:
        return images.inspect(self.upload(data), sniff(data))

    def normalize(self, data: bytes) -> Normalized:
        work = tempfile.mkdtemp(dir=self.folder)
        return images.normalize(self.upload(data), sniff(data), work)

    def given(self, data: bytes) -> Image.Image:
        """The picture that a provider gets for this upload."""
        return pictures.opened(Path(self.normalize(data).path).read_bytes())

    def restore(self, data: bytes, provider: Provider = returns_input, upscale: int = 1) -> Result:
        normalized = self.normalize(data)
        folder = str(Path(normalized.path).parent)
        path = images.finish(normalized, provider(normalized, folder), upscale, folder)
        self.assertTrue(Path(path).resolve().is_relative_to(Path(folder).resolve()))
        left = Path(path).read_bytes()
        return Result(normalized, Path(path).suffix, left, pictures.opened(left))

    def assert_fails(self, code: str, data: bytes, provider: Provider = returns_input) -> None:
        with self.assertRaises(images.ImageError) as caught:
            self.inspect(data)
            self.restore(data, provider)
        self.assertEqual(code, caught.exception.code)
        self.assertTrue(caught.exception.detail)

    def assert_same_picture(
        self, expected: Image.Image, found: Image.Image, tolerance: tuple[float, int] = EXACT
    ) -> None:
        """Both show the same, transparency included, on a plain ground."""
        self.assertEqual(expected.size, found.size)
        one, other = (_on_grey(image) for image in (expected, found))
        for first, second in zip(one, other, strict=True):
            difference = ImageChops.difference(first, second)
            mean, greatest = tolerance
            self.assertLessEqual(max(ImageStat.Stat(difference).mean), mean)
            extremes = difference.getextrema()
            self.assertLessEqual(max(extreme[1] for extreme in extremes), greatest)  # type: ignore[index]


def _on_grey(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The picture over a plain ground, and its alpha."""
    whole = image.convert("RGBA")
    ground = Image.new("RGBA", whole.size, (128, 128, 128, 255))
    alpha = whole.getchannel("A")
    return Image.alpha_composite(ground, whole).convert("RGB"), Image.merge("RGB", [alpha] * 3)
