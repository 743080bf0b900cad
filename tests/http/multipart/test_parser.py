"""The framing of a form: boundaries, what stands around the parts, and what only looks like one."""

import unittest

from restore.http.multipart import (
    NEED_DATA,
    Data,
    EndOfForm,
    EndOfPart,
    FormError,
    MultipartParser,
    Part,
    State,
)
from tests.support.multipart_testcase import (
    NAMED_F,
    PART_F,
    assert_data,
    assert_refused,
    form,
    said_of,
)


def drained(parser: MultipartParser) -> list[object]:
    """What the parser has to say now."""
    events: list[object] = []
    while (event := parser.next_event()) is not NEED_DATA:
        events.append(event)
    return events


class TestAround(unittest.TestCase):
    """Preamble, epilogue, the first and the last delimiter."""

    def test_no_parts(self) -> None:
        assert_data(self, b"--b--\r\n")
        assert_data(self, b"--b--")
        assert_data(self, b"\r\n--b--\r\n")

    def test_preamble(self) -> None:
        for preamble in (b"\r\n", b"hello\r\n", b"--bx\r\n", b"-\r\n", b"x--b\r\n", b"\n\r\r\n"):
            with self.subTest(preamble):
                assert_data(self, preamble + form(b"data"), b"data")

    def test_a_delimiter_that_begins_no_line_is_preamble(self) -> None:
        assert_data(self, b"x" + form(b"data"))  # a form without parts; its reader misses them

    def test_epilogue(self) -> None:
        closed = form(b"data")[:-2]
        for epilogue in (b"", b"\r", b"\n", b" \t\r\n", b"--", b"junk", b"\r\n" + form(b"second")):
            with self.subTest(epilogue):
                assert_data(self, closed + epilogue, b"data")

    def test_transport_padding(self) -> None:
        for padding in (b" ", b"\t", b" \t \t", b" " * 64):
            with self.subTest(padding):
                body = b"--b" + padding + b"\r\n" + NAMED_F + b"\r\ndata\r\n--b"
                assert_data(self, body + b"--" + padding + b"\r\n", b"data")
                body += padding + b"\r\n" + NAMED_F + b"\r\nmore\r\n--b--"
                assert_data(self, body, b"data", b"more")

    def test_too_much_padding(self) -> None:
        assert_refused(self, b"--b" + b" " * 65 + b"\r\n" + NAMED_F + b"\r\ndata\r\n--b--")
        assert_refused(self, form(b"data\r\n--b" + b"\t" * 65 + b"x"))

    def test_truncated_at_every_byte(self) -> None:
        body = form(b"data\r\n--bx")
        for end in range(len(body) - 2):
            with self.subTest(end):
                said = said_of(body[:end])
                self.assertNotIn(EndOfForm(), said)
                self.assertEqual(said[-1:], assert_refused(self, body[:end])[-1:])

    def test_bare_line_ends_in_the_framing(self) -> None:
        whole = form(b"data")
        assert_refused(self, whole.replace(b"\r\n", b"\n"))
        assert_refused(self, whole.replace(b"\r\n", b"\r"))
        assert_refused(self, whole.replace(b"\r\n", b"\n\r"))
        for place in range(whole.count(b"\r\n") - 1):  # the last one is epilogue
            lines = whole.split(b"\r\n")
            for end in (b"\n", b"\r", b"\r\r\n"):
                body = b"\r\n".join(lines[: place + 1]) + end + b"\r\n".join(lines[place + 1 :])
                if end == b"\r\r\n" and place == 3:  # behind the data, one CR more is data
                    assert_data(self, body, b"data\r")
                    continue
                with self.subTest(place=place, end=end):
                    assert_refused(self, body)


class TestData(unittest.TestCase):
    """A part's data arrives as it was sent, whatever it looks like."""

    def test_near_boundaries(self) -> None:
        boundary = b"--bou'nd()+_,-./:=?ary"
        line = b"\r\n--" + boundary
        for look_alike in (
            *(line[:end] for end in range(1, len(line))),
            *(line[start:] for start in range(1, len(line)) if start != 2),
            *(line + rest for rest in (b"x", b"-", b"-x", b" x", b" --", b"\0", b"\x80")),
            line[:-1] + b"Y",
            line[:9] + line[:9],
            b"\r" + line[:-1],
            b"\n--" + boundary + b"\r\n",
            b"\r--" + boundary + b"\r\n",
            b" --" + boundary + b"--",
        ):
            for data in (look_alike, b"ab" + look_alike + b"cd", look_alike * 3):
                with self.subTest(data):
                    assert_data(self, form(data, boundary=boundary), data, boundary=boundary)

    def test_data_that_ends_like_a_delimiter(self) -> None:
        for data in (b"\r", b"\r\n", b"x\r", b"x\r\n", b"x\r\n-", b"x\r\n--", b"\r\n\r\n", b"-"):
            with self.subTest(data):
                assert_data(self, form(data), data)

    def test_a_look_alike_before_the_delimiter_in_one_piece(self) -> None:
        assert_data(self, form(b"\r\n--bx\r\n--bx"), b"\r\n--bx\r\n--bx")
        assert_data(self, form(b"\r\n--b-"), b"\r\n--b-")
        assert_data(self, form(b"\r\n--b--x"), b"")  # a close is a close, the rest epilogue

    def test_bare_line_end_behind_a_boundary_in_data(self) -> None:
        for end in (b"\n", b"\r", b"\rx", b" \n", b"\t\r\r\n"):
            with self.subTest(end):
                assert_refused(self, form(b"data\r\n--b" + end + b"x"))

    def test_empty(self) -> None:
        assert_data(self, form(b""), b"")
        short = b"--b\r\n" + NAMED_F + b"\r\n--b"  # the empty line's CRLF is the delimiter's
        assert_data(self, short + b"--", b"")
        assert_data(self, short + b"\r\n" + NAMED_F + b"\r\n\r\n--b--", b"", b"")

    def test_data_that_begins_like_a_delimiter(self) -> None:
        for data in (b"-", b"--", b"--bx", b"--b-", b"---b", b"\n--b"):
            with self.subTest(data):
                assert_data(self, form(data), data)

    def test_nested_multipart_is_data(self) -> None:
        nested = b"--c\r\nContent-Disposition: file\r\n\r\nx\r\n--c--"
        assert_data(self, form(nested), nested)
        headers = NAMED_F + b"Content-Type: multipart/mixed; boundary=c\r\n"
        self.assertEqual(
            said_of(form(nested, headers)),
            [Part("f", None, "multipart/mixed"), nested, EndOfPart(), EndOfForm()],
        )

    def test_a_boundary_that_ends_in_a_space(self) -> None:
        assert_data(self, form(b"data", boundary=b"b "), b"data", boundary=b"b ")
        assert_data(self, form(b"\r\n--b\r\n", boundary=b"b "), b"\r\n--b\r\n", boundary=b"b ")

    def test_fields_after_the_file(self) -> None:
        body = b"--b\r\n" + NAMED_F + b"\r\nfile\r\n" + form(b"field")
        assert_data(self, body, b"file", b"field")


class TestFace(unittest.TestCase):
    """How the parser is spoken to."""

    def test_states(self) -> None:
        parser = MultipartParser(b"b")
        seen = [parser.state]
        for piece in (b"--b\r\n", NAMED_F + b"\r\n", b"data", b"\r\n--b--", b""):
            parser.receive_data(piece)
            drained(parser)
            seen.append(parser.state)
        self.assertEqual(
            seen,
            [
                State.PREAMBLE,
                State.PART_HEADERS,
                State.PART_DATA,
                State.PART_DATA,
                State.EPILOGUE,
                State.DONE,
            ],
        )

    def test_receive_eof_is_empty_data(self) -> None:
        for ended in (MultipartParser.receive_eof, lambda p: p.receive_data(memoryview(b""))):
            parser = MultipartParser(b"b")
            parser.receive_data(b"--b--")
            self.assertEqual(drained(parser), [])
            ended(parser)
            self.assertEqual(drained(parser), [EndOfForm()])

    def test_nothing_comes_after_the_end(self) -> None:
        parser = MultipartParser(b"b")
        parser.receive_data(b"--b--")
        parser.receive_eof()
        drained(parser)
        parser.receive_data(form(b"late"))
        self.assertEqual(drained(parser), [])
        self.assertEqual(parser.buffered, 0)

    def test_after_an_error_only_the_error(self) -> None:
        parser = MultipartParser(b"b")
        parser.receive_data(b"--b\n")
        reasons = set()
        for _ in range(3):
            with self.assertRaises(FormError) as caught:
                parser.next_event()
            reasons.add(caught.exception.reason)
            parser.receive_data(form(b"more"))
        self.assertEqual((caught.exception.status, caught.exception.code), (400, "malformed_form"))
        self.assertEqual(reasons, {"a boundary has no CRLF behind it"})
        self.assertIs(parser.state, State.FAILED)
        self.assertEqual(parser.buffered, 0)

    def test_data_is_a_view_into_the_chunk(self) -> None:
        parser = MultipartParser(b"b")
        parser.receive_data(b"--b\r\n" + NAMED_F + b"\r\nx")
        drained(parser)
        chunk = b"x" * 100
        parser.receive_data(chunk)
        (event,) = drained(parser)
        assert isinstance(event, Data) and isinstance(event.data, memoryview)
        self.assertIs(event.data.obj, chunk)

    def test_a_borrowed_view_may_be_written_over(self) -> None:
        parser = MultipartParser(b"b")
        parser.receive_data(b"--b\r\n" + NAMED_F + b"\r\nx")
        drained(parser)
        buffer = bytearray(b"data")
        parser.receive_data(memoryview(buffer))
        events = drained(parser)
        buffer[:] = b"ATAD"
        self.assertEqual(events, [Data(b"data")])

    def test_buffered(self) -> None:
        parser = MultipartParser(b"b")
        self.assertEqual(parser.buffered, 0)
        for piece, held in ((b"--b", 3), (b"\r\nab", 4), (b": c\r\n\r\n", 0), (b"xy\r\n--", 4)):
            parser.receive_data(piece)
            drained(parser)
            self.assertEqual(parser.buffered, held, piece)

    def test_events_are_given_one_at_a_time(self) -> None:
        parser = MultipartParser(b"b")
        parser.receive_data(form(b"data"))
        self.assertEqual(drained(parser), [PART_F, Data(b"data"), EndOfPart()])
