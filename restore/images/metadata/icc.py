"""ICC profiles (ICC.1): which pixels they speak of, applying them, and making one.

A profile that fits a picture's pixels is kept byte for byte; one that doesn't fit what leaves is
applied, to sRGB. A broken profile never breaks a job: then colours stay as Pillow converts them.
"""

import io
import struct
from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageCms

_D50 = (0.9642, 1.0, 0.8249)  # the white of all profiles' XYZ
# XYZ to the responses of the eye in which whites are adapted, ICC.1:2022 annex E.
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_SPACES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK", b"Lab ": "LAB"}


def space(icc: bytes) -> str | None:
    """The Pillow mode whose pixels the profile speaks of, None where its header doesn't say.

    ICC.1:2022 section 7.2: the colour space stands at byte 16, the signature `acsp` at 36.
    """
    if icc[36:40] != b"acsp":
        return None
    return _SPACES.get(icc[16:20], "other")


def fits(icc: bytes, mode: str) -> bool:
    """Whether the profile may stand in a file with pixels of `mode`.

    One whose header is unreadable counts as fitting: viewers ignore it, and it is kept as it came.
    """
    plain = "L" if mode in ("1", "L", "LA", "I;16", "I") else "RGB"
    return space(icc) in (None, plain)


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """A CMYK picture as sRGB, through its profile where that can be used."""
    if icc and space(icc) == image.mode:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, profile, _srgb(), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def grey_ramp(icc: bytes) -> list[int] | None:
    """What the 256 greys of the profile's space are in sRGB; None where that can't be computed."""
    mode = space(icc)
    if mode not in ("L", "RGB"):
        return None
    ramp = Image.frombytes("L", (256, 1), bytes(range(256))).convert(mode)
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        shown = ImageCms.profileToProfile(ramp, profile, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return None if shown is None else list(shown.getchannel("G").tobytes())


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


# -- making one

_Vector = tuple[float, float, float]
_Matrix = tuple[_Vector, _Vector, _Vector]


def rgb_profile(name: str, corners: Sequence[tuple[float, float]], gamma: float | None) -> bytes:
    """A display profile (ICC.1:2022 section 8.3.3) that viewers call `name`.

    `corners` are the CIE x and y of red, green, blue and white, no y of them 0; `gamma` is the
    curve of the levels, None for sRGB's. Raises ValueError where the corners span no space.
    """
    *primaries, white = (_xyz_of(x, y) for x, y in corners)
    columns = _transposed((primaries[0], primaries[1], primaries[2]))
    shares = _times(_inverse(columns), white)
    adapt = _adaptation(white)
    kind, numbers = (3, _SRGB_CURVE) if gamma is None else (0, (gamma,))
    curve = struct.pack(">4s4xHxx", b"para", kind) + _fixed(*numbers)
    tags = [(b"desc", _text(name)), (b"cprt", _text("none")), (b"wtpt", _xyz_tag(_D50))]
    tags.append((b"chad", b"sf32" + bytes(4) + _fixed(*adapt[0], *adapt[1], *adapt[2])))
    for colour, primary, share in zip((b"r", b"g", b"b"), primaries, shares, strict=True):
        x, y, z = _times(adapt, primary)
        tags.append((colour + b"XYZ", _xyz_tag((x * share, y * share, z * share))))
        tags.append((colour + b"TRC", curve))
    return _put_together(tags)


def _put_together(tags: list[tuple[bytes, bytes]]) -> bytes:
    """Header, table and content; tags of the same content share it."""
    start, content = 128 + 4 + 12 * len(tags), b""
    places: dict[bytes, int] = {}
    for _, value in tags:
        if value not in places:
            places[value] = start + len(content)
            content += value + bytes(-len(value) % 4)
    table = struct.pack(">I", len(tags))
    for kind, value in tags:
        table += kind + struct.pack(">II", places[value], len(value))
    head = struct.pack(">I4xI4s4s4s", start + len(content), 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + _fixed(*_D50)
    return head.ljust(128, b"\x00") + table + content


def _fixed(*numbers: float) -> bytes:
    """As s15Fixed16Number."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _xyz_tag(xyz: _Vector) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*xyz)


def _text(text: str) -> bytes:
    """As multiLocalizedUnicodeType, in English."""
    coded = text.encode("utf-16-be")
    return struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(coded), 28) + coded


def _xyz_of(x: float, y: float) -> _Vector:
    return x / y, 1.0, (1 - x - y) / y


def _adaptation(white: _Vector) -> _Matrix:
    """From colours seen under `white` to the same under D50."""
    before, after = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    scaled = [
        (row[0] * to / of, row[1] * to / of, row[2] * to / of)
        for row, of, to in zip(_BRADFORD, before, after, strict=True)
    ]
    back = _inverse(_BRADFORD)
    columns = [_times(back, column) for column in _transposed((scaled[0], scaled[1], scaled[2]))]
    return _transposed((columns[0], columns[1], columns[2]))


def _times(matrix: _Matrix, vector: _Vector) -> _Vector:
    first, second, third = (
        sum(cell * part for cell, part in zip(row, vector, strict=True)) for row in matrix
    )
    return first, second, third


def _transposed(matrix: _Matrix) -> _Matrix:
    first, second, third = zip(*matrix, strict=True)
    return first, second, third


def _inverse(matrix: _Matrix) -> _Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    if abs(determinant) < 1e-9:
        raise ValueError("primaries that span no space")
    first, second, third = (
        (row[0] / determinant, row[1] / determinant, row[2] / determinant) for row in cofactors
    )
    return first, second, third
