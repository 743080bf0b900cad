"""Faces of a picture, by a model file: found in what came, restored in what was made of it."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from restore import progress
from restore.providers.arrays import Array
from restore.providers.generic.picture import Picture
from restore.providers.generic.plan import Plan
from restore.providers.onnx import Entry
from restore.providers.onnx.detector import faces
from restore.providers.onnx.faces import TEMPLATE, box_of, renewed
from restore.providers.onnx.network import once
from restore.providers.onnx.session import session

_MARGIN = 4  # px around a face that its alignment looks at
_LARGEST_ALIGNED = 1024  # px a side of a picture that may be one aligned face
_SIDE = 512  # px of an aligned face where the file takes any size


class FilePortraits:
    """Portraits by the face model `entry`, found by `detector`, if there is one."""

    def __init__(self, entry: Entry, detector: Entry | None, threads: int) -> None:
        self._entry, self._detector, self._threads = entry, detector, threads

    def find(self, picture: Picture) -> Sequence[Array]:
        """The five points (5, 2) of each face, in px of the picture; says how many there are.

        Without a detector a small square picture is taken for one aligned face.
        """
        width, height = picture.size
        found: list[Array] = []
        if self._detector is not None:
            image = picture.eight_bit().convert("RGB")
            opened = session(self._detector.path, self._threads)
            found = [face.points for face in faces(opened, image)]
            progress.note(f"faces: {len(found)}")
        elif width == height <= _LARGEST_ALIGNED:
            found = [np.array(TEMPLATE, np.float32) * width]
            progress.note("faces: taken for one aligned face, as there is no detector")
        else:
            progress.note("faces: not looked for, as there is no detector in MODELS_DIR")
        return found

    def lay(
        self,
        image: Image.Image,
        picture: Picture,
        found: Sequence[Array],
        plan: Plan,
        advance: Callable[[float], None],
    ) -> None:
        """Restore each face in `image`, the result of `picture`, in place."""
        opened = session(self._entry.path, self._threads)
        side = opened.height or _SIDE
        for number, face in enumerate(found):
            points = face * np.float32(plan.upscale)
            box = box_of(points, side, image.size)
            if box is not None:
                box = _widened(box, image.size, plan.upscale)
                part = image.crop(box)
                made = renewed(
                    _rgb(part),
                    _plain(picture, box, plan.upscale),
                    points - np.array(box[:2], np.float32),
                    side,
                    lambda aligned: once(self._entry, opened, aligned),
                    plan.strength,
                )
                image.paste(_in_mode_of(part, made), box[:2])
            advance((number + 1) / len(found))


def _widened(
    box: tuple[int, int, int, int], size: tuple[int, int], factor: int
) -> tuple[int, int, int, int]:
    """`box` with a margin, on whole px of the small picture, within `size`."""
    left, top = (max(0, (edge - _MARGIN) // factor * factor) for edge in box[:2])
    right, bottom = (-(-(edge + _MARGIN) // factor) * factor for edge in box[2:])
    return left, top, min(right, size[0]), min(bottom, size[1])


def _plain(picture: Picture, box: tuple[int, int, int, int], factor: int) -> Image.Image:
    """`box` of the plain enlargement of `picture`, as RGB."""
    small = (box[0] // factor, box[1] // factor, box[2] // factor, box[3] // factor)
    bands = [plane.to_bytes() for plane in picture.channels(small)]
    image = bands[0].convert("RGB") if len(bands) == 1 else Image.merge("RGB", bands)
    size = (box[2] - box[0], box[3] - box[1])
    return image if factor == 1 else image.resize(size, Image.Resampling.LANCZOS)


def _rgb(part: Image.Image) -> Image.Image:
    if part.mode != "I;16":
        return part.convert("RGB")
    grey = np.asarray(part).astype(np.float32) / 257
    return Image.fromarray(np.uint8(grey + 0.5)).convert("RGB")


def _in_mode_of(part: Image.Image, made: Image.Image) -> Image.Image:
    """`made` (RGB) in the mode of `part`, with its alpha, and in 16 bits with its finer levels."""
    if part.mode == "I;16":
        change = np.asarray(made.convert("L"), np.float32)
        change = change - np.asarray(_rgb(part).convert("L"), np.float32)
        deep = np.asarray(part).astype(np.float32) + 257 * change
        return Image.fromarray(np.uint16(np.clip(deep + 0.5, 0, 65535)))
    if part.mode in ("LA", "RGBA"):
        made = made.convert(part.mode)
        made.putalpha(part.getchannel("A"))
        return made
    return made.convert(part.mode)
