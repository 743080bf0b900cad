"""Where faces are: YuNet (Wu, Peng and Yu 2023), decoded and thinned out here.

Coordinates are continuous px of the picture: pixel 0 reaches from 0.0 to 1.0. The five points are
those of the left eye, right eye, nose, left and right corner of the mouth, as seen in the picture.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from restore.providers.arrays import Array
from restore.providers.onnx.session import Session

LONGEST_SIDE = 960  # px of the copy that is looked at: faces from 1 % of a large group's width
LEAST_SCORE = 0.7
MOST_OVERLAP = 0.3  # intersection over union above which two finds are one face
LEAST_EYE_DISTANCE = 5.0  # px of the picture: below there is nothing to restore from
MOST_FACES = 40
_STRIDES = (8, 16, 32)
_MULTIPLE = 32  # px: the coarsest stride


@dataclass(frozen=True, slots=True)
class Face:
    """One find: `points` (5, 2) in px of the picture, `score` 0..1; `box` in px of the copy."""

    points: Array
    score: float
    box: tuple[float, float, float, float]


def faces(opened: Session, picture: Image.Image) -> list[Face]:
    """The faces in an RGB picture, largest first, MOST_FACES at most."""
    longest = max(opened.height or 0, opened.width or 0) or LONGEST_SIDE
    factor = min(1.0, longest / max(picture.size))
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    copy = np.asarray(picture.resize(size, Image.Resampling.BOX), np.float32)
    height = opened.height or _rounded_up(size[1])
    width = opened.width or _rounded_up(size[0])
    canvas: Array = np.zeros((height, width, 3), np.float32)
    fitting = copy[:height, :width]
    canvas[: fitting.shape[0], : fitting.shape[1]] = fitting[..., ::-1]
    made = dict(zip(opened.outputs, opened.run(canvas.transpose(2, 0, 1)[None]), strict=True))
    found = decoded(made, width)
    scale = np.array((picture.width / size[0], picture.height / size[1]), np.float32)
    kept = [Face(face.points * scale, face.score, face.box) for face in thinned(found)]
    kept = [face for face in kept if eye_distance(face.points) >= LEAST_EYE_DISTANCE]
    return sorted(kept, key=lambda face: -eye_distance(face.points))[:MOST_FACES]


def decoded(made: dict[str, Array], width: int) -> list[Face]:
    """All finds above LEAST_SCORE in YuNet's twelve outputs, for an input `width` px wide.

    Each cell of a stride s says: a face of exp(b2) s by exp(b3) s px around (column + b0) s,
    (row + b1) s, with points at (column + k) s.
    """
    found = []
    for stride in _STRIDES:
        parts = [made[f"{name}_{stride}"] for name in ("cls", "obj", "bbox", "kps")]
        sure, there, boxes, points = (part.reshape(-1, part.shape[-1]) for part in parts)
        scores = np.sqrt(np.clip(sure[:, 0], 0, 1) * np.clip(there[:, 0], 0, 1))
        for cell in np.flatnonzero(scores >= LEAST_SCORE):
            at = np.array((cell % (width // stride), cell // (width // stride)), np.float32)
            centre = (at + boxes[cell, :2]) * stride
            half = np.exp(np.minimum(boxes[cell, 2:4], 8)) * stride / 2
            corners = [*(centre - half).tolist(), *(centre + half).tolist()]
            face = (points[cell].reshape(5, 2) + at) * stride
            found.append(Face(face, float(scores[cell]), tuple(corners)))
    return found


def thinned(found: list[Face]) -> list[Face]:
    """The best of each group of finds that overlap: greedy non-maximum suppression."""
    kept: list[Face] = []
    for face in sorted(found, key=lambda each: -each.score):
        if all(_overlap(face.box, other.box) <= MOST_OVERLAP for other in kept):
            kept.append(face)
    return kept


def eye_distance(points: Array) -> float:
    """Px between the eyes."""
    return float(np.linalg.norm(points[1] - points[0]))


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _rounded_up(length: int) -> int:
    return -(-length // _MULTIPLE) * _MULTIPLE
