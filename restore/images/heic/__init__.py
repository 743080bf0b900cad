"""HEIC files: opened by libheif, checked, their colours made what a viewer shows.

It may not know other formats, or what is done with a picture.

    opening         the primary picture, opened and decoded
    checking        is it all there?
    sequence        the first picture of a track, as a still
    colour          nclx as an ICC profile, HDR for a screen
    tonemapping     the curves of PQ and HLG
"""

from restore.images.heic.opening import is_foreign, load, open_picture, read_size

__all__ = ["is_foreign", "load", "open_picture", "read_size"]
