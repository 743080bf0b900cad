"""formparser: whole forms over a body and a writer that the test holds in its hand."""

import asyncio
import json
import unittest
from collections.abc import Callable, Sequence

from restore import limits, sniff
from restore.contract import Refusal
from restore.formparser import Chunk, Form, FormParser, too_large

BOUNDARY = b"----X"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 60
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1" + b"\x00" * 100
AVIF = b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1" + b"\x00" * 100
WEBP = b"RIFF\x40\x00\x00\x00WEBPVP8 " + b"\x00" * 60
MAX = 1024 * 1024


def part(name: str, data: bytes | str, *lines: str, filename: str | None = None) -> bytes:
    """One part of a form; `lines` are further header lines."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    head = "\r\n".join([disposition, *lines]).encode()
    return head + b"\r\n\r\n" + (data.encode() if isinstance(data, str) else data)


def image(data: bytes = PNG) -> bytes:
    """The image's part as apps send it."""
    return part("image", data, "Content-Type: image/*", filename="photo")


def form(*parts: bytes) -> bytes:
    """A whole form."""
    begin = b"--" + BOUNDARY
    return b"".join(begin + b"\r\n" + each + b"\r\n" for each in parts) + begin + b"--\r\n"


class FakeBody:
    """A body in given pieces; then its end, or `error`."""

    def __init__(self, pieces: Sequence[bytes | memoryview], error: Exception | None = None):
        self.pieces = list(pieces)
        self.error = error
        self.reads = 0

    async def read(self) -> bytes | memoryview:
        self.reads += 1
        if self.pieces:
            return self.pieces.pop(0)
        if self.error is not None:
            raise self.error
        return b""


class FakeFile:
    """Takes what is written; `gate` holds writes back, `error` fails them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.writes: list[int] = []
        self.under_way = 0
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def write(self, chunks: Sequence[Chunk]) -> None:
        assert not self.under_way, "two writes at a time"
        self.under_way += 1
        self.started.set()
        try:
            await self.gate.wait()
            if self.error is not None:
                raise self.error
            self.writes.append(sum(map(len, chunks)))
            self.data += b"".join(chunks)
        finally:
            self.under_way -= 1


class FormParserTestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.file = FakeFile()
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # which makes each await of these many small chunks ten times slower
        self.faults: list[object] = []
        loop.set_exception_handler(lambda _, context: self.faults.append(context))
        self.addCleanup(lambda: self.assertEqual(self.faults, []))

    async def parse_pieces(
        self, pieces: Sequence[bytes | memoryview], most: int = MAX, error: Exception | None = None
    ) -> Form:
        self.body = FakeBody(pieces, error)
        return await FormParser(BOUNDARY, most, self.file.write).parse(self.body)

    async def parse(self, *parts: bytes, most: int = MAX) -> Form:
        return await self.parse_pieces([form(*parts)], most)

    async def assert_refused(
        self, code: str, pieces: Sequence[bytes | memoryview], most: int = MAX
    ) -> Refusal:
        with self.assertRaises(Refusal) as caught:
            await self.parse_pieces(pieces, most)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self.file.under_way, 0)
        return caught.exception


class WholeFormsTest(FormParserTestCase):
    async def test_an_image_alone(self) -> None:
        parsed = await self.parse(image())
        self.assertEqual(parsed, Form(sniff.Kind.PNG, len(PNG), {}))
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
                self.assertEqual(parsed, Form(sniff.Kind.PNG, len(PNG), fields))
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
        expected = Form(sniff.Kind.JPEG, len(JPEG), {"strength": "0.5", "upscale": "2"})
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
            self.assertNotIn(refusal.detail, refusal.sentence)

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
        self.assertEqual(too_large(15 * limits.MIB).sentence, "The image is larger than 15 MB.")

    async def test_a_field_at_its_limit_and_one_over(self) -> None:
        text = "x" * limits.FIELD_BYTES
        self.assertEqual(
            (await self.parse(part("model_id", text), image())).fields["model_id"], text
        )
        await self.assert_refused("form_too_large", [form(part("model_id", text + "x"), image())])

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


class WritingTest(FormParserTestCase):
    DATA = JPEG + bytes(limits.WRITE_BYTES * 3)

    def pieces(self, data: bytes, size: int = 1 << 16) -> list[bytes]:
        whole = form(image(data))
        return [whole[at : at + size] for at in range(0, len(whole), size)]

    async def test_few_large_writes_however_it_arrives(self) -> None:
        for size in (999, 1 << 16, 1 << 20):
            self.file = FakeFile()
            await self.parse_pieces(self.pieces(self.DATA, size), 1 << 30)
            self.assertEqual(self.file.data, self.DATA)
            self.assertLessEqual(len(self.file.writes), 4)

    async def test_the_next_piece_arrives_while_one_is_written(self) -> None:
        self.file.gate.clear()
        parsing = asyncio.ensure_future(self.parse_pieces(self.pieces(self.DATA), 1 << 30))
        await self.file.started.wait()
        await self.quiet()
        held = self.body.reads * (1 << 16)
        self.assertGreaterEqual(held, limits.WRITE_BYTES * 2)
        self.assertLess(held, limits.WRITE_BYTES * 3)  # and no more than that one
        self.assertFalse(parsing.done())
        self.file.gate.set()
        await parsing
        self.assertEqual(self.file.data, self.DATA)

    async def quiet(self) -> None:
        """Let everything that can go on go on."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def test_the_last_write_is_waited_for(self) -> None:
        self.file.gate.clear()
        parsing = asyncio.ensure_future(self.parse_pieces(self.pieces(PNG)))
        await self.file.started.wait()
        await self.quiet()
        self.assertFalse(parsing.done())
        self.file.gate.set()
        self.assertEqual((await parsing).image_bytes, len(PNG))

    async def under_a_write(self, pieces: list[bytes], act: Callable[[], object]) -> BaseException:
        """Parse until the first write is under way and stuck, `act`, let the write go."""
        self.file.gate.clear()
        parsing = asyncio.ensure_future(self.parse_pieces(pieces, 1 << 30))
        await self.file.started.wait()
        await self.quiet()
        act()
        await self.quiet()
        self.assertFalse(parsing.done(), "ended under a write")
        self.assertEqual(self.file.under_way, 1)
        self.file.gate.set()
        try:
            await parsing
        except BaseException as error:
            return error
        raise AssertionError("not refused")

    async def test_a_refusal_waits_for_the_write_under_way(self) -> None:
        whole = b"".join(self.pieces(JPEG + bytes(limits.WRITE_BYTES)))
        repeated = whole[:-4] + form(image())[len(BOUNDARY) + 2 :]
        error = await self.under_a_write([repeated], lambda: None)
        self.assertEqual(str(error), "image_repeated")

    async def test_a_refusal_over_a_write_that_fails(self) -> None:
        """The refusal stands; the failure is neither raised nor left for the log."""
        whole = b"".join(self.pieces(JPEG + bytes(limits.WRITE_BYTES)))

        def fail() -> None:
            self.file.error = OSError("disk full")

        error = await self.under_a_write([whole[:-10] + b"\x00" * 10], fail)
        self.assertEqual(str(error), "malformed_form")

    async def test_a_cancel_waits_for_the_write_under_way(self) -> None:
        def cancel() -> None:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                if "parse_pieces" in repr(task.get_coro()):
                    task.cancel()

        error = await self.under_a_write(self.pieces(self.DATA), cancel)
        self.assertIsInstance(error, asyncio.CancelledError)
        self.assertEqual(len(self.file.writes), 1)

    async def test_a_write_that_is_cancelled_itself(self) -> None:
        self.file.gate.clear()
        parsing = asyncio.ensure_future(self.parse_pieces(self.pieces(PNG)))
        await self.file.started.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task(), parsing}:
            task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await parsing

    async def test_a_failed_write_ends_it(self) -> None:
        self.file.error = OSError("disk full")
        for data in (PNG, self.DATA):
            with self.assertRaises(OSError):
                await self.parse_pieces(self.pieces(data), 1 << 30)
        self.assertLess(self.body.reads, 10)

    async def test_bytes_one_by_one_cost_no_object_each(self) -> None:
        parser = FormParser(BOUNDARY, 1 << 30, self.file.write)
        pieces = self.pieces(JPEG + bytes(5000), 1)
        await parser.parse(FakeBody(pieces))
        self.assertEqual(self.file.writes, [len(JPEG) + 5000])
        self.assertIsInstance(parser._piece, bytearray)
