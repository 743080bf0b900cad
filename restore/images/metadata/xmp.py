"""XMP packets (ISO 16684-1): the orientation read, and taken out with what else is no longer true.

That is thumbnails, and every property that names a part which stays behind when a picture is worked
on: a motion photo's video, a gain map, a depth map, a sound, a directory of such parts, an extended
packet. The packet is text of a stranger and is never parsed as XML (entity bombs): tags are found
one by one, in linear time, and all else stays byte for byte. Where that doesn't suffice to take
something out, the packet is dropped.
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
# Namespaces, by how they begin, that speak of nothing but parts and where in the file these are.
_OF_PARTS = (
    b"http://ns.google.com/photos/1.0/container/",  # with item/ below it: GContainer, Ultra HDR
    b"http://ns.google.com/photos/1.0/depthmap/",
    b"http://ns.google.com/photos/1.0/image/",
    b"http://ns.google.com/photos/1.0/audio/",
    b"http://ns.google.com/photos/dd/1.0/",  # dynamic depth
    b"http://ns.adobe.com/hdr-gain-map/",
    b"http://ns.adobe.com/xmp/note/",  # HasExtendedXMP
    b"http://ns.apple.com/HDRGainMap/",
    b"http://ns.apple.com/pixeldatainfo/",
    b"http://ns.apple.com/depthData/",
    b"http://ns.apple.com/portraitEffectsMatte/",
    b"http://ns.apple.com/semanticSegmentationMatte/",
    b"http://ns.xiaomi.com/photos/1.0/camera/",  # XMPMeta: a list of parts
    b"http://ns.oplus.com/photos/1.0/camera/",  # the length of the video, and whose it is
)
# One that speaks of the camera, too; names that begin so are the video's.
_CAMERA, _OF_VIDEO = b"http://ns.google.com/photos/1.0/camera/", (b"MotionPhoto", b"MicroVideo")
_NAMESPACE = re.compile(rb"xmlns:([\w.-]{1,64}+)\s{0,8}+=\s{0,8}+[\"']([^\"'<]{1,256}+)[\"']")
# Nothing is tried twice (*+, ?>), and no part of a tag runs over the next <, which XML has only
# there. A group is atomic, not possessive: that fails up to Python 3.11.4 (gh-106052).
_TAG = re.compile(rb"<(/?)([\w.:-]++)((?>(?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*))>")
_ONE_ATTRIBUTE = re.compile(rb"\s*+([\w.:-]++)\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+')")
_MAX_BYTES = 1024 * 1024  # longer packets are no metadata of a photo


def orientation(xmp: bytes) -> int | None:
    """The orientation's digit; None where there is none."""
    found = _READ.search(xmp)
    return int(found[1]) if found else None


def clean(xmp: bytes) -> bytes | None:
    """The packet without orientation, thumbnails and names of parts; None where that can't be."""
    if len(xmp) > _MAX_BYTES:
        return None
    xmp = _ELEMENT.sub(b"", _ATTRIBUTE.sub(b"", xmp))
    for opening, closing in _THUMBNAILS:
        xmp = _cut(xmp, opening, closing)
    return None if b"tiff:Orientation" in xmp else _without_parts(xmp)


def _cut(text: bytes, opening: bytes, closing: bytes) -> bytes:
    """`text` without what stands from the first `opening` to the last `closing`."""
    start, end = text.find(opening), text.rfind(closing)
    return text if start < 0 or end < start else text[:start] + text[end + len(closing) :]


def _without_parts(xmp: bytes) -> bytes | None:
    """The packet without properties that name parts; None where an element of them has no end."""
    names = _Names(xmp)
    kept, at, inside, depth = bytearray(), 0, b"", 0
    for tag in _TAG.finditer(xmp) if names else ():
        closes, name, attributes = tag.groups()
        opens = not closes and not attributes.endswith(b"/")
        if inside:
            depth += (opens - bool(closes)) * (name == inside)
            if depth == 0:
                at, inside = tag.end(), b""
        elif not closes and names.is_of_part(name):
            kept += xmp[at : tag.start()]
            at = tag.end()
            inside, depth = (name, 1) if opens else (b"", 0)
        elif not closes:
            kept += xmp[at : tag.start(3)] + names.without_parts(attributes)
            at = tag.end(3)
    return None if inside else bytes(kept + xmp[at:])


class _Names:
    """Which names of a packet are of parts, whatever prefixes it gives their namespaces."""

    def __init__(self, xmp: bytes) -> None:
        spaces = _NAMESPACE.findall(xmp)
        self._of_parts = {prefix for prefix, space in spaces if space.startswith(_OF_PARTS)}
        self._of_camera = {prefix for prefix, space in spaces if space == _CAMERA}

    def __bool__(self) -> bool:
        return bool(self._of_parts or self._of_camera)

    def is_of_part(self, name: bytes) -> bool:
        prefix, _, local = name.partition(b":")
        if prefix == b"xmlns":
            return local in self._of_parts
        of_video = prefix in self._of_camera and local.startswith(_OF_VIDEO)
        return of_video or prefix in self._of_parts

    def without_parts(self, attributes: bytes) -> bytes:
        """What stands in a tag behind its name, without attributes that are of parts."""
        kept, at = bytearray(), 0
        while found := _ONE_ATTRIBUTE.match(attributes, at):
            kept += b"" if self.is_of_part(found[1]) else found[0]
            at = found.end()
        return bytes(kept + attributes[at:])
