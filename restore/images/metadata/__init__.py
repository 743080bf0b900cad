"""What a file says beside its pixels: one shape for all formats, and each standard of its own.

It may not know files or formats: bytes of a block in, bytes out.

    fields      Metadata: all of it, in one shape
    exif        EXIF read, cleaned and shrunk
    icc         ICC profiles: what they fit, applied, made
    xmp         XMP cleaned
"""

from restore.images.metadata.fields import Metadata, of_info

__all__ = ["Metadata", "of_info"]
