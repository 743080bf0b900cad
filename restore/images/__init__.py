"""The way from an upload to what a provider gets, and from what it returns to what leaves.

    upload ── inspect ──► width, height                     header only
           ── normalize ─► Normalized: upright JPEG or PNG   problems: decode_failed
    provider's file ── finish ──► the PNG or JPEG that leaves            bad_output

    jpeg                a package: a list of segments, checked, with metadata in and out
    png                 a package: the same of chunks, and a quick way to write
    heic                a package: opened by libheif, checked, colours made what viewers show
    webp                its header and metadata
    metadata            a package: EXIF, XMP, ICC and resolution, apart from files
    inspection          can the header be read, and how large is the picture?
    normalization       from an upload to what a provider gets
    preview             how the upload looks, for those whose browser can't show it
    finishing           from what a provider returned to what leaves
    pixels              decoded, turned, encoded
    pieces              parts of a file seen as one file
    problem             the errors of this package

For people only: docs/FORMATS.md has the same as a table, one line for each kind of file. Import
this package in child processes only: it loads codecs that run over strangers' bytes, and it sets
Pillow's limits for the whole process. Each function may use much memory and time; whoever starts
the child bounds both.
"""

from restore.images.finishing import finish
from restore.images.inspection import inspect
from restore.images.normalization import Normalized, normalize
from restore.images.preview import preview
from restore.images.problem import ImageError

__all__ = ["ImageError", "Normalized", "finish", "inspect", "normalize", "preview"]
