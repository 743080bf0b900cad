"""One server for the tests of a class, small pictures, and what a refusal must look like."""

import io
import unittest
from typing import ClassVar

import pillow_heif
from PIL import Image

from restore.contract.http import PROBLEMS
from tests.support.service import Answer, Service

MIB = 1024 * 1024
SIZE = (96, 64)


def picture(kind: str, size: tuple[int, int] = SIZE, **options: object) -> bytes:
    """A small picture with some content, in one of the four formats."""
    image = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_180), image))
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


class FunctionalTest(unittest.TestCase):
    """One server for all that doesn't change its settings."""

    service: ClassVar[Service]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Service(MAX_IMAGE_MB=1)
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)

    def assert_refused(self, answer: Answer, code: str) -> None:
        """An error of the table: its status, its slug, a sentence, and nothing of our insides."""
        self.assertEqual((PROBLEMS[code].status, code), (answer.status, answer.json["code"]))
        self.assertEqual(["code", "error"], sorted(answer.json))
        self.assertRegex(answer.json["error"], r"^[A-Z].+\.$|^\w+ must be .+\.$")
        for secret in ("/", "Traceback", "Error", ".py"):
            if code not in ("model_unknown", "unsupported_content_type", "cross_origin"):
                self.assertNotIn(secret, answer.json["error"])
