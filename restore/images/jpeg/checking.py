"""Is a JPEG's picture all there?

libjpeg fills what is missing with grey and counts a warning, which Pillow doesn't show: a file cut
in the middle, with an end marker put behind it, opens as half a picture. Rule: such a file is known
from a whole one with no more work than one or two decodings, and no whole one is refused, not even
for want of its end marker, which old programs and transfers lose. Of 931 JPEGs that Pillow 13.0
opens, from the test suites of ten image libraries (2026-11), 911 pass; the other 20 were cut,
flipped or fuzzed by their makers.
"""

from collections.abc import Sequence
from typing import BinaryIO

from PIL import Image, ImageChops

from restore.images.jpeg import parsing as jpeg
from restore.images.pieces import Part, open_pieces
from restore.images.problem import BrokenFile

# Put where the EOI of a single scan stood: enough for libjpeg to fill its 64-bit buffer and finish
# the last blocks, too little to make up blocks that are missing. All ones is no Huffman code.
_PADDING = b"\xff\x00" * 12
# Put behind the last of several scans: bits that decode to something wherever blocks are missing.
# They begin with a zero byte, which makes data of an FF that the file may have been cut behind.
_NOISE = b"\x00" + bytes(1 + (41 * number * number + 7 * number) % 253 for number in range(512))


def check(file: BinaryIO, parsed: jpeg.Jpeg) -> None:
    """Find out whether the picture is all there. Raises BrokenFile or what Pillow raises."""
    process = parsed.frame.process
    if process not in (jpeg.BASELINE, jpeg.EXTENDED, jpeg.PROGRESSIVE):
        if not parsed.closed:
            raise BrokenFile("JPEG: no EOI")
        _load(file, jpeg.picture_parts(parsed))  # arithmetic or lossless: rare, and not checked
        return
    if missing := _missing_components(parsed):
        raise BrokenFile(f"JPEG: no scan of components {missing}")
    if process == jpeg.PROGRESSIVE and not parsed.closed and (lacking := _unfinished(parsed)):
        raise BrokenFile(f"JPEG: no EOI, and scans of components {lacking} to come")
    if len(parsed.scans) == 1 and process != jpeg.PROGRESSIVE:
        _check_one_scan(file, parsed)
    else:
        _check_last_scan(file, parsed)


def _missing_components(parsed: jpeg.Jpeg) -> set[int]:
    """The components that no scan codes.

    A progressive file may leave details out: it shows the whole picture, if less sharp.
    """
    return set(parsed.frame.components).difference(*(scan.components for scan in parsed.scans))


def _unfinished(parsed: jpeg.Jpeg) -> set[int]:
    """The components of a progressive file some of whose coefficients lack their last bits.

    Where no EOI says that this was meant, the file was cut between two scans. T.81 B.2.3.
    """
    exact: dict[int, set[int]] = {number: set() for number in parsed.frame.components}
    for scan in parsed.scans:
        first, last, bits = scan.header[-3:]
        if bits & 15 == 0:
            for number in scan.components:
                exact.get(number, set()).update(range(first, last + 1))
    return {number for number, coefficients in exact.items() if len(coefficients) < 64}


def _check_one_scan(file: BinaryIO, parsed: jpeg.Jpeg) -> None:
    """libjpeg stops, and Pillow raises, where data ends without a marker: so leave the EOI out.

    Decoded at an eighth of its size, which reads all the data too: 31 ms for 4096 x 4096, at full
    size 256 ms (Pillow 13.0). What is missing is noticed from some 30 bytes on.
    """
    _load(file, [*jpeg.picture_parts(parsed, closed=False), _PADDING], eighth=True)


def _check_last_scan(file: BinaryIO, parsed: jpeg.Jpeg) -> None:
    """Several scans are read up to the EOI before a picture comes out, so it can't be left out.

    But noise behind a complete scan is skipped, and behind a cut one decoded: then the two pictures
    differ. 0.5 s for 4096 x 4096 (Pillow 13.0).
    """
    picture = _load(file, jpeg.picture_parts(parsed))
    parts = [*jpeg.picture_parts(parsed, closed=False), _NOISE, b"\xff\xd9"]
    if ImageChops.difference(picture, _load(file, parts)).getbbox():
        raise BrokenFile("JPEG: last scan cut")


def _load(file: BinaryIO, parts: Sequence[Part], *, eighth: bool = False) -> Image.Image:
    with open_pieces(file, parts) as stream, Image.open(stream, formats=["JPEG"]) as image:
        if eighth:
            image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        image.load()
        return image
