"""JPEG files: a list of segments, whether the picture is all there, and metadata in and out.

It may not know other formats, what is done with a picture, or pixels beyond what the check decodes.

    parsing     segments, frame and scans; the parts that make the picture
    checking    is the picture all there?
    metadata    EXIF, XMP, ICC and density, as segments
"""

from restore.images.jpeg.checking import check
from restore.images.jpeg.metadata import header, metadata_of, spliced_parts
from restore.images.jpeg.parsing import (
    BASELINE,
    EXTENDED,
    PROGRESSIVE,
    Jpeg,
    parse,
    picture_parts,
    read_frame,
)

__all__ = [
    "BASELINE",
    "EXTENDED",
    "PROGRESSIVE",
    "Jpeg",
    "check",
    "header",
    "metadata_of",
    "parse",
    "picture_parts",
    "read_frame",
    "spliced_parts",
]
