"""The way from an upload to what a provider gets, and from what it returns to what leaves.

    upload ── inspect ──► width, height                     header only
           ── normalize ─► Normalized: upright JPEG or PNG   problems: decode_failed
    provider's file ── finish ──► the PNG or JPEG that leaves            bad_output

For people only: docs/FORMATS.md has the same as a table, one line for each kind of file. Import
this package in child processes only: it loads codecs that run over strangers' bytes, and it sets
Pillow's limits for the whole process. Each function may use much memory and time; whoever starts
the child bounds both.
"""

from restore.images.finishing import finish
from restore.images.inspection import inspect
from restore.images.normalization import Normalized, normalize
from restore.images.problem import ImageError

__all__ = ["ImageError", "Normalized", "finish", "inspect", "normalize"]
