"""What leaves without a part (video, gain map, depth map) names none, and keeps the rest."""

import time
import unittest
from xml.etree import ElementTree

from restore.images.metadata import xmp
from tests.support import pictures
from tests.support.image_case import ImageCase, Provider, returns_input, saves

SPACES = {
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "GImage": "http://ns.google.com/photos/1.0/image/",
    "GAudio": "http://ns.google.com/photos/1.0/audio/",
    "Device": "http://ns.google.com/photos/dd/1.0/device/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "HDRGainMap": "http://ns.apple.com/HDRGainMap/1.0/",
    "apdi": "http://ns.apple.com/pixeldatainfo/1.0/",
    "OpCamera": "http://ns.oplus.com/photos/1.0/camera/",
    "MiCamera": "http://ns.xiaomi.com/photos/1.0/camera/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "dc": "http://purl.org/dc/elements/1.1/",
}
DIRECTORY = """<Container:Directory><rdf:Seq>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary"
 Item:Mime="image/jpeg"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Length="4096">
<Item:Semantic>GainMap</Item:Semantic></Container:Item></rdf:li></rdf:Seq></Container:Directory>"""
WORDS = (
    '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">GDepth: '
    "kept &amp; &lt;words&gt;</rdf:li></rdf:Alt></dc:description>"
)
# Attributes, elements, and what may not be found of either in what leaves.
CLAIMS = (
    ('GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"', DIRECTORY, "MotionPhoto GainMap"),
    ("GCamera:MicroVideo='1'", "<GCamera:MicroVideoOffset>9</GCamera:MicroVideoOffset>", "Micro"),
    ('hdrgm:Version="1.0"', "<hdrgm:GainMapMax><rdf:Seq/></hdrgm:GainMapMax>", "hdrgm gain-map"),
    ('GDepth:Format="RangeInverse"', "<GDepth:Data>AAAA</GDepth:Data>", "GDepth=: RangeInverse"),
    ('GImage:Mime="image/jpeg" GAudio:Mime="audio/mp4"', "<GImage:Data/>", "GImage GAudio audio/"),
    ("", "<Device:Container><Device:Container/></Device:Container>", "Device"),
    ('HDRGainMap:HDRGainMapVersion="65536"', "", "HDRGainMap"),
    ("", "<apdi:AuxiliaryImageType>urn:x</apdi:AuxiliaryImageType>", "apdi Auxiliary"),
    ('OpCamera:VideoLength="99"', "<MiCamera:XMPMeta>x</MiCamera:XMPMeta>", "OpCamera MiCamera"),
    ('xmpNote:HasExtendedXMP="0123"', "", "HasExtendedXMP"),
)


def packet(attributes: str = "", elements: str = "", rename: str = "") -> bytes:
    """A packet that says it, and other things; `rename` is put before each prefix."""
    declared = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
    text = (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'{declared} {attributes} GCamera:SpecialTypeID="kept > type">{WORDS}{elements}'
        "<dc:subject>kept, too</dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    for prefix in SPACES if rename else ():
        text = text.replace(f"{prefix}:", f"{rename}{prefix}:").replace(
            f"xmlns:{prefix}=", f"xmlns:{rename}{prefix}="
        )
    return text.encode()


class PartsTest(unittest.TestCase):
    def test_what_names_a_part_goes_and_the_rest_stays(self) -> None:
        for attributes, elements, gone in CLAIMS:
            with self.subTest(gone):
                left = xmp.clean(packet(attributes, elements))
                assert left is not None
                ElementTree.fromstring(left)
                for word in gone.replace("=:", ":Format").split():
                    self.assertNotIn(word.encode(), left)
                for kept in (WORDS, "kept, too", 'GCamera:SpecialTypeID="kept > type"'):
                    self.assertIn(kept.encode(), left)

    def test_names_are_known_by_their_namespace(self) -> None:
        whole = packet('GCamera:MotionPhoto="1" hdrgm:Version="1.0"', DIRECTORY, rename="x")
        self.assertIn(b'xGCamera:MotionPhoto="1"', whole)
        left = xmp.clean(whole)
        assert left is not None
        ElementTree.fromstring(left)
        for gone in (b"MotionPhoto", b"Version", b"Directory", b"Semantic"):
            self.assertNotIn(gone, left)
        other = b'<a xmlns:GCamera="urn:mine" GCamera:MotionPhoto="1"/>'
        self.assertEqual(other, xmp.clean(other))

    def test_a_packet_that_names_nothing_stays_byte_for_byte(self) -> None:
        plain = pictures.xmp()
        self.assertEqual(plain, xmp.clean(plain))
        panorama = b'<a xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" GPano:X="1" />'
        self.assertEqual(panorama, xmp.clean(panorama))

    def test_an_element_without_an_end_takes_the_packet_with_it(self) -> None:
        self.assertIsNone(xmp.clean(packet("", "<GDepth:Data>AAAA")))

    def test_hostile_packets_take_no_time(self) -> None:
        space = packet()[:-90]
        start = time.process_time()
        for text in (
            b"<GDepth:A>" * 90_000,
            b"<GDepth:A a='" * 70_000,
            b"<GDepth:A/>" * 80_000,
            b'<a GDepth:b="" ' + b" " * 900_000 + b"x>",
            b'<a b="' + b'" c="' * 180_000,
            b"xmlns:" * 150_000,
        ):
            xmp.clean(space + text)
        self.assertLess(time.process_time() - start, 8.0)


class WholeWayTest(ImageCase):
    """Through what a client gets: the upload's own bytes, or a result without claims."""

    claims = packet('GCamera:MotionPhoto="1" hdrgm:Version="1.0"', DIRECTORY)

    def assert_names_nothing(self, data: bytes, provider: Provider) -> None:
        left = self.restore(data, provider).data
        for gone in (b"MotionPhoto", b"hdrgm", b"GainMap", b"21496"):
            self.assertFalse(gone in left, gone)
        self.assertTrue(b"kept, too" in left)

    def test_jpeg(self) -> None:
        video = b"\0\0\0\x18ftypmp42" + bytes(100)
        gain_map = pictures.jpeg_segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")
        photo = pictures.encode(pictures.drawing(), "JPEG", xmp=self.claims)
        whole = pictures.with_segments(photo, gain_map) + video
        self.assertEqual(whole, self.restore(whole).data)
        for provider in (saves("JPEG"), saves("PNG")):
            self.assert_names_nothing(whole, provider)

    def test_jpeg_that_is_not_coded_again(self) -> None:
        gain_map = pictures.jpeg_segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")
        photo = pictures.encode(pictures.drawing(), "JPEG", xmp=self.claims)
        self.assert_names_nothing(pictures.with_segments(photo, gain_map)[:-2], returns_input)

    def test_jpeg_of_several_pictures(self) -> None:
        """Pillow takes one whose XMP names Adobe's gain map for a single picture, as it may be."""
        image, claims = pictures.drawing(), packet('GCamera:MotionPhoto="1"', DIRECTORY)
        data = pictures.encode(
            image, "MPO", save_all=True, append_images=[image.copy()], xmp=claims
        )
        for provider in (returns_input, saves("JPEG")):
            self.assert_names_nothing(data, provider)

    def test_heic(self) -> None:
        data = pictures.encode(pictures.drawing(), "HEIF", xmp=self.claims)
        for provider in (returns_input, saves("PNG")):
            self.assert_names_nothing(data, provider)


if __name__ == "__main__":
    unittest.main()
