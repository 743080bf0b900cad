"""formparser: forms whole and in pieces, their fields, their refusals and their sizes."""

import base64
import gzip
import json

from restore.api import limits
from restore.api.form import Form, too_large
from restore.contract import kinds
from restore.contract.units import MIB
from restore.http.multipart import FormLimits
from tests.support.formparser_testcase import (
    AVIF,
    HEIC,
    JPEG,
    PNG,
    WEBP,
    FakeFile,
    FormParserTestCase,
    form,
    image,
    part,
)


class WholeFormsTest(FormParserTestCase):
    async def test_an_image_alone(self) -> None:
        parsed = await self.parse(image())
        self.assertEqual(parsed, Form(kinds.Kind.PNG, len(PNG), {}))
        self.assertEqual(self.file.data, PNG)

    async def test_every_accepted_format(self) -> None:
        for data, kind in ((PNG, "png"), (JPEG, "jpeg"), (HEIC, "heic"), (WEBP, "webp")):
            with self.subTest(kind):
                self.file = FakeFile()
                self.assertEqual((await self.parse(image(data))).kind, kind)
                self.assertEqual(self.file.data, data)

    async def test_fields_in_every_order(self) -> None:
        fields = {"strength": "0.5", "upscale": "2", "model_id": "a/ü"}
        parts = [part(name, text) for name, text in fields.items()]
        for place in range(4):
            with self.subTest(place):
                self.file = FakeFile()
                parsed = await self.parse(*parts[:place], image(), *parts[place:])
                self.assertEqual(parsed, Form(kinds.Kind.PNG, len(PNG), fields))
                self.assertEqual(self.file.data, PNG)

    async def test_an_image_without_file_name_or_type(self) -> None:
        self.assertEqual((await self.parse(part("image", PNG))).kind, "png")

    async def test_names_and_declared_types_say_nothing(self) -> None:
        odd = part("image", PNG, "Content-Type: application/json", filename="x.exe")
        self.assertEqual((await self.parse(odd)).kind, "png")

    async def test_unknown_fields_are_ignored_however_often(self) -> None:
        others = [part("colour", "blue"), part("", "x"), part("Strength", "9"), part("image2", PNG)]
        parsed = await self.parse(*others, image(), *others)
        self.assertEqual(parsed.fields, {})
        self.assertEqual(self.file.data, PNG)

    async def test_an_empty_field_is_there(self) -> None:
        self.assertEqual((await self.parse(image(), part("strength", ""))).fields, {"strength": ""})

    async def test_a_tiny_image_is_told_at_its_end(self) -> None:
        self.assertEqual((await self.parse(image(JPEG[:4]))).image_bytes, 4)

    async def test_cut_at_every_byte(self) -> None:
        quoted = part("upscale", '"2"', "Content-Type: application/json")
        whole = form(part("strength", "0.5"), image(JPEG), quoted)
        expected = Form(kinds.Kind.JPEG, len(JPEG), {"strength": "0.5", "upscale": "2"})
        cuts = [[whole[:cut], whole[cut:]] for cut in range(1, len(whole))]
        for pieces in (*cuts, [whole[at : at + 1] for at in range(len(whole))]):
            self.file = FakeFile()
            self.assertEqual(await self.parse_pieces(pieces), expected)
            self.assertEqual(self.file.data, JPEG)

    async def test_views_are_read_as_bytes_are(self) -> None:
        whole = form(image())
        pieces = [memoryview(whole)[at : at + 100] for at in range(0, len(whole), 100)]
        self.assertEqual((await self.parse_pieces(pieces)).image_bytes, len(PNG))
        self.assertEqual(self.file.data, PNG)


class JsonFieldsTest(FormParserTestCase):
    """A text part that Retrofit wrote with Gson or Moshi."""

    TYPE = "Content-Type: application/json; charset=UTF-8"

    async def field(self, text: str | bytes, *lines: str) -> str:
        parsed = await self.parse(image(), part("strength", text, *(lines or (self.TYPE,))))
        return parsed.fields["strength"]

    async def test_strings_and_numbers(self) -> None:
        for text, value in (
            ('"0.5"', "0.5"),
            ('"restoration\\/classic"', "restoration/classic"),
            ('"\\u00fc"', "ü"),
            ('""', ""),
            ("0.5", "0.5"),
            (" 0.50 ", "0.50"),
            ("2", "2"),
            ("2.0", "2.0"),
            ("1e-1", "1e-1"),
            ("NaN", "NaN"),
            ("", ""),
            (" ", " "),
        ):
            with self.subTest(text):
                self.assertEqual(await self.field(text), value)

    async def test_the_type_is_read_in_any_case(self) -> None:
        self.assertEqual(await self.field('"1"', "content-type: Application/JSON"), "1")

    async def test_plain_text_keeps_its_quotes(self) -> None:
        for line in ("Content-Type: text/plain", "X-Other: 1", "Content-Type: application/jsonp"):
            self.assertEqual(await self.field('"1"', line), '"1"')

    async def test_a_long_number_is_one(self) -> None:
        self.assertEqual(await self.field("9" * 4096), "9" * 4096)

    async def test_other_json(self) -> None:
        texts = ("true", "null", "[1]", '{"a": 1}', "{", '"', "0.5.5", "0x1", "nope", "[" * 4000)
        for text in (*texts, b'"\xff"'):
            with self.subTest(text[:10]):
                whole = form(image(), part("strength", text, self.TYPE))
                refusal = await self.assert_refused("malformed_form", [whole])
                self.assertRegex(refusal.sentence, r"^The field strength (can't|must) be ")

    async def test_what_is_no_utf_8(self) -> None:
        whole = form(image(), part("model_id", b"\xff"))
        refusal = await self.assert_refused("malformed_form", [whole])
        self.assertEqual(refusal.sentence, "The field model_id can't be read.")

    async def test_all_of_a_gson_client(self) -> None:
        fields = {"model_id": "restoration/classic", "strength": 0.8, "upscale": 2}
        parts = [part(name, json.dumps(value), self.TYPE) for name, value in fields.items()]
        parsed = await self.parse(*parts, image())
        self.assertEqual(parsed.fields, {name: str(value) for name, value in fields.items()})


class RefusedFormsTest(FormParserTestCase):
    async def test_each_kind_of_damage_has_a_sentence(self) -> None:
        whole = form(image())
        line = whole.split(b"\r\n", 1)[0]
        for body, words in (
            (b"", "the body is empty"),
            (gzip.compress(whole), "compressed with gzip"),
            (whole.replace(line, b"--another"), "another boundary than the Content-Type"),
            (whole.replace(line, line[2:]), "lacks the two dashes"),
            (b"hello", "is not in the body"),
            (whole[:-8], "its end is missing"),
            (whole.replace(b"\r\n", b"\n"), "no CRLF"),
        ):
            with self.subTest(words):
                for pieces in ([body] if body else [], [body[i : i + 1] for i in range(len(body))]):
                    refusal = await self.assert_refused("malformed_form", pieces)
                    self.assertIn(words, refusal.sentence)
        refusal = await self.assert_refused("malformed_form", [whole.replace(b"--", b"+-") * 200])
        self.assertIn("is not in the body", refusal.sentence)

    async def test_a_large_photo_in_base64(self) -> None:
        photo = PNG + bytes(200_000)
        head = b'Content-Disposition: form-data; name="image"\r\n'
        quoted = [
            b"".join(b"=%02X" % byte for byte in photo[i : i + 24])
            for i in range(0, len(photo), 24)
        ]
        for name, data in (
            (b"base64", base64.encodebytes(photo).replace(b"\n", b"\r\n")),
            (b"quoted-printable", b"=\r\n".join(quoted)),
        ):
            with self.subTest(name):
                lines = head + b"Content-Transfer-Encoding: " + name + b"\r\n\r\n"
                self.file.data.clear()
                parsed = await self.parse(lines + data)
                self.assertEqual(len(photo), parsed.image_bytes)
                self.assertEqual(photo, self.file.data)

    async def test_no_image(self) -> None:
        await self.assert_refused("image_missing", [form(part("strength", "0.5"))])
        await self.assert_refused("image_missing", [form(part("Image", PNG))])

    async def test_an_empty_image(self) -> None:
        await self.assert_refused("image_empty", [form(image(b""))])

    async def test_two_images(self) -> None:
        await self.assert_refused("image_repeated", [form(image(), image())])
        await self.assert_refused("image_repeated", [form(image(), part("image", ""))])

    async def test_a_field_twice(self) -> None:
        for texts in (("1", "1"), ("", "1"), ("1", "")):
            parts = [part("upscale", text) for text in texts]
            for whole in (form(*parts, image()), form(parts[0], image(), parts[1])):
                refusal = await self.assert_refused("field_repeated", [whole])
                self.assertEqual(refusal.sentence, "The field upscale is given more than once.")

    async def test_what_is_no_form(self) -> None:
        whole = form(image())
        for pieces in ([], [b"x"], [whole[:-8]], [whole.replace(b"form-data", b"\x00")]):
            refusal = await self.assert_refused("malformed_form", pieces)
            self.assertTrue(refusal.detail.isascii())
            self.assertEqual(f"The form can't be read: {refusal.detail}.", refusal.sentence)

    async def test_other_formats(self) -> None:
        for data, word in ((b"GIF89a" + bytes(50), "GIF"), (AVIF, "AVIF"), (b"hello" * 9, "text")):
            refusal = await self.assert_refused("unsupported_image", [form(image(data))])
            self.assertIn(word, refusal.sentence)

    async def test_the_first_bytes_tell(self) -> None:
        """Refused before more of the body is read, and nothing written."""
        whole = form(image(b"GIF89a" + bytes(5000)))
        start = whole.index(b"GIF89a")
        await self.assert_refused("unsupported_image", [whole[: start + 16], whole[start + 16 :]])
        self.assertEqual((self.body.reads, self.file.writes), (1, []))

    async def test_boxes_are_told_by_more(self) -> None:
        """The brands of AVIF begin like those of HEIC."""
        data = AVIF + bytes(8000)
        whole = form(image(data))
        start = whole.index(AVIF)
        pieces = [whole[: start + 4095], whole[start + 4095 : start + 4096], whole[start + 4096 :]]
        await self.assert_refused("unsupported_image", pieces)
        self.assertEqual(self.body.reads, 2)

    async def test_a_body_that_breaks_off(self) -> None:
        fault = ConnectionError("gone")
        with self.assertRaises(ConnectionError):
            await self.parse_pieces([form(image())[:-20]], error=fault)


class SizesTest(FormParserTestCase):
    async def test_the_image_at_its_limit_and_one_over(self) -> None:
        most = 600_000
        data = JPEG + bytes(most - len(JPEG))
        for size in (1 << 16, 1 << 18, most * 2):
            self.file = FakeFile()
            whole = form(image(data))
            pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
            self.assertEqual((await self.parse_pieces(pieces, most)).image_bytes, most)
            self.assertEqual(self.file.data, data)
            whole = form(image(data + b"\x00"))
            pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
            refusal = await self.assert_refused("payload_too_large", pieces, most)
            self.assertEqual(refusal.status, 413)

    async def test_an_image_that_is_too_large_is_refused_before_its_end(self) -> None:
        begin = form(image(JPEG)).partition(JPEG)[0] + JPEG
        await self.assert_refused("payload_too_large", [begin, *[bytes(1 << 16)] * 1000], 100_000)
        self.assertLess(self.body.reads, 5)

    async def test_the_sentence_names_the_limit(self) -> None:
        self.assertEqual(too_large(15 * MIB).sentence, "The image is larger than 15 MB.")

    async def test_a_photo_in_a_field_of_another_name(self) -> None:
        for data in (JPEG, JPEG + bytes(2 * limits.FORM_OVERHEAD_BYTES)):
            whole = form(image(data).replace(b'name="image"', b'name="photo"', 1))
            refusal = await self.assert_refused("image_missing", [whole])
            self.assertEqual(
                refusal.sentence,
                "The file is in the field 'photo', and belongs in the field 'image'.",
            )

    async def test_a_field_at_its_limit_and_one_over(self) -> None:
        text = "x" * limits.FIELD_BYTES
        self.assertEqual(
            (await self.parse(part("model_id", text), image())).fields["model_id"], text
        )
        await self.assert_refused("form_too_large", [form(part("model_id", text + "x"), image())])

    async def test_the_forms_own_limits(self) -> None:
        most = FormLimits()
        fields = [part(f"field{number}", "x") for number in range(most.part_count)]
        await self.parse(*fields[:-1], image())
        long_name = part("x" * (most.name_bytes + 1), "x")
        for parts in ([*fields, image()], [long_name, image()]):
            await self.assert_refused("form_too_large", [form(*parts)])

    async def test_what_is_not_the_image_at_its_limit_and_one_over(self) -> None:
        overhead = len(form(part("other", ""), image(b"")))
        text = "x" * (limits.FORM_OVERHEAD_BYTES - overhead)
        for name, parts in (
            ("before", (part("other", text), image())),
            ("behind", (image(), part("other", text))),
        ):
            whole = form(*parts)
            self.assertEqual(len(whole), len(PNG) + limits.FORM_OVERHEAD_BYTES)
            for size in (len(whole), 7):
                with self.subTest(name, size=size):
                    self.file = FakeFile()
                    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
                    self.assertEqual((await self.parse_pieces(pieces)).image_bytes, len(PNG))
            over = whole.replace(b"xx", b"xxx", 1)
            with self.subTest(name):
                await self.assert_refused("form_too_large", [over])

    async def test_an_endless_field_ends(self) -> None:
        begin = form(part("other", "#")).partition(b"#")[0]
        for chunk in (b"x" * 4096, b"\r\n" * 2048, b"-" * 4096, b"\r\n------" * 512):
            await self.assert_refused("form_too_large", [begin, *[chunk] * 1000])
            self.assertLessEqual(self.body.reads, 18)
