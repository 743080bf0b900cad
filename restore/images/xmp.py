"""XMP packets (ISO 16684-1): the orientation read, and taken out together with thumbnails.

The packet is text of a stranger and is never parsed as XML (entity bombs): a few patterns find what
matters here. Where they don't suffice to take the orientation out, the packet is dropped.
"""

import re

# The reading follows Pillow's, so that both turn the same pictures. No pattern here can take more
# than linear time: repetitions are bounded.
_READ = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_ATTRIBUTE = re.compile(rb"\s?\btiff:Orientation\s{0,8}=\s{0,8}(?:\"[^\"]{0,64}\"|'[^']{0,64}')")
_ELEMENT = re.compile(rb"<tiff:Orientation\b[^>]{0,256}>[^<]{0,64}</tiff:Orientation\s{0,8}>")
_THUMBNAILS = (
    (b"<xmp:Thumbnails>", b"</xmp:Thumbnails>"),
    (b"<xap:Thumbnails>", b"</xap:Thumbnails>"),
)
_MAX_BYTES = 1024 * 1024  # longer packets are no metadata of a photo


def orientation(xmp: bytes) -> int | None:
    """The orientation's digit; None where there is none."""
    found = _READ.search(xmp)
    return int(found[1]) if found else None


def clean(xmp: bytes) -> bytes | None:
    """The packet without orientation and thumbnails; None where that can't be done."""
    if len(xmp) > _MAX_BYTES:
        return None
    xmp = _ELEMENT.sub(b"", _ATTRIBUTE.sub(b"", xmp))
    for opening, closing in _THUMBNAILS:
        xmp = _cut(xmp, opening, closing)
    return None if b"tiff:Orientation" in xmp else xmp


def _cut(text: bytes, opening: bytes, closing: bytes) -> bytes:
    """`text` without what stands from the first `opening` to the last `closing`."""
    start, end = text.find(opening), text.rfind(closing)
    return text if start < 0 or end < start else text[:start] + text[end + len(closing) :]
