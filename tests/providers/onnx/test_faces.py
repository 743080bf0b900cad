"""Faces where the answer is known: decoding, alignment, paste-back without a visible square."""

import math
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

from restore.providers.onnx import installed
from tests.support import onnx_graphs as graphs

if not installed():
    raise unittest.SkipTest("the extra [onnx] is not installed")

import numpy as np
from PIL import Image

from restore.providers.arrays import Array
from restore.providers.onnx import detector
from restore.providers.onnx.faces import TEMPLATE, aligned, box_of, inverse, renewed, similarity
from restore.providers.onnx.session import Session

SHAPE = np.array(TEMPLATE, np.float32)


def placed(centre: tuple[float, float], side: float, angle: float = 0.0) -> Array:
    """The five points of a face `side` px wide around `centre`, turned by `angle` radians."""
    turn = np.array(
        ((math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))), np.float32
    )
    points: Array = ((SHAPE - 0.5) * side) @ turn.T + np.array(centre, np.float32)
    return points


class DetectorTest(unittest.TestCase):
    def found(self, magenta: tuple[int, int, int, int]) -> list[detector.Face]:
        """A face of 80 px stands around each magenta cell; its points are those of TEMPLATE."""
        points = [(share * 80 - 36) / 8 for point in TEMPLATE for share in point]
        image = Image.new("RGB", (300, 200), "white")
        image.paste((255, 0, 255), magenta)
        with TemporaryDirectory() as folder:
            path = Path(folder, "yunet.onnx")
            path.write_bytes(graphs.detector((0.5, 0.5, math.log(10), math.log(10)), points))
            return detector.faces(Session(path, 1), image)

    def test_a_face_is_found_where_it_is(self) -> None:
        (face,) = self.found((160, 80, 168, 88))
        wanted = placed((164, 84), 80)
        self.assertLess(float(abs(face.points - wanted).max()), 0.01)
        self.assertEqual((124, 44, 204, 124), tuple(round(edge) for edge in face.box))
        self.assertLess(face.points[0, 0], face.points[1, 0], "the left eye of the picture first")

    def test_many_finds_of_one_face_are_one(self) -> None:
        self.assertEqual(1, len(self.found((160, 80, 176, 96))))

    def test_no_face_is_found_where_there_is_none(self) -> None:
        self.assertEqual([], self.found((0, 0, 0, 0)))

    def test_a_face_of_a_few_px_is_left_alone(self) -> None:
        points = [share for point in TEMPLATE for share in point]
        with TemporaryDirectory() as folder:
            path = Path(folder, "yunet.onnx")
            path.write_bytes(graphs.detector((0.5, 0.5, 0.0, 0.0), points))
            image = Image.new("RGB", (64, 64), (255, 0, 255))
            self.assertEqual([], detector.faces(Session(path, 1), image))


class AlignmentTest(unittest.TestCase):
    def test_similarity_finds_turn_scale_and_shift(self) -> None:
        for angle, side in ((0.0, 80.0), (0.7, 300.0), (-2.0, 40.0)):
            points = placed((120, 90), side, angle)
            matrix = similarity(points, SHAPE * 512)
            again = points @ matrix[:, :2].T + matrix[:, 2]
            self.assertLess(float(abs(again - SHAPE * 512).max()), 0.01)
            self.assertAlmostEqual(512 / side, math.sqrt(np.linalg.det(matrix[:, :2])), places=3)
            back = again @ inverse(matrix)[:, :2].T + inverse(matrix)[:, 2]
            self.assertLess(float(abs(back - points).max()), 0.01)

    def test_no_mirror_image_is_taken(self) -> None:
        mirrored = SHAPE * np.array((-1, 1), np.float32)
        matrix = similarity(mirrored, SHAPE)
        self.assertGreater(float(np.linalg.det(matrix[:, :2])), 0)

    def test_an_aligned_face_beyond_the_edge_goes_on_with_the_edge(self) -> None:
        image = Image.new("RGB", (60, 60), (10, 200, 30))
        back = inverse(similarity(placed((0, 0), 100), SHAPE * 64))
        face = aligned(image, back, 64)
        self.assertLess(float(abs(face * 255 - np.array((10, 200, 30))).max()), 1)


class PasteTest(unittest.TestCase):
    IMAGE = Image.linear_gradient("L").resize((240, 200)).convert("RGB")

    def renewed(self, points: Array, share: float, add: float = 0.3) -> Array:
        made = renewed(self.IMAGE, self.IMAGE, points, 512, lambda face: face + add, share)
        return np.asarray(made, np.float32)

    def test_it_changes_the_face_and_nothing_beyond(self) -> None:
        before = np.asarray(self.IMAGE, np.float32)
        points = placed((120, 70), 90, 0.3)
        after = self.renewed(points, 1.0)
        self.assertAlmostEqual(0.3 * 255, float((after - before)[70, 120, 0]), delta=2)
        box = box_of(points, 512, self.IMAGE.size)
        assert box is not None
        outside = np.ones(before.shape[:2], bool)
        outside[box[1] : box[3], box[0] : box[2]] = False
        self.assertTrue(np.array_equal(before[outside], after[outside]))

    def test_no_square_is_visible(self) -> None:
        """The change rises over many px: nowhere by more than its feather makes of it."""
        change = self.renewed(placed((120, 80), 120), 1.0) - np.asarray(self.IMAGE, np.float32)
        steps = max(float(abs(np.diff(change, axis=axis)).max()) for axis in (0, 1))
        self.assertLess(steps, 0.3 * 255 * 1.5 / (0.15 * 120) + 1.5)

    def test_strength_blends(self) -> None:
        before = np.asarray(self.IMAGE, np.float32)
        points = placed((120, 80), 120)
        changes = [
            float(abs(self.renewed(points, share) - before).mean()) for share in (0.1, 0.5, 1.0)
        ]
        self.assertEqual(changes, sorted(changes))
        self.assertAlmostEqual(0.1, changes[0] / changes[2], delta=0.03)


if __name__ == "__main__":
    unittest.main()
