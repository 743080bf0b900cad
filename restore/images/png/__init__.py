"""PNG files: a list of chunks, whether the picture is all there, and a quick way to write.

It may not know other formats, or what is done with a picture; no pixel is decoded here.

    parsing     chunks read and put together again
    checking    is the picture all there?
    storing     a PNG without compression
"""

from restore.images.png.checking import check
from restore.images.png.parsing import (
    Png,
    chunks_of,
    metadata_of,
    parse,
    picture_parts,
    read_header,
    spliced_parts,
)
from restore.images.png.storing import write

__all__ = [
    "Png",
    "check",
    "chunks_of",
    "metadata_of",
    "parse",
    "picture_parts",
    "read_header",
    "spliced_parts",
    "write",
]
