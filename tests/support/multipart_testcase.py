"""What the tests of the form parser share: recorded uploads, short forms, how to check both."""

import unittest
from dataclasses import dataclass

from restore.http.multipart import (
    DEFAULT_LIMITS,
    EndOfForm,
    EndOfPart,
    FormLimits,
    MultipartParser,
    Part,
    boundary_of,
)
from tests.support.sansio import Refused, assert_same_however_cut, events_of

JPEG = b"\xff\xd8\xff\xe0\r\n-\r\n--\x00JFIF\xff\xd9"
FORM_DATA = "multipart/form-data; boundary="
REFUSED = Refused(400, "malformed_form")
TOO_LARGE = Refused(400, "form_too_large")
NAMED_F = b'Content-Disposition: form-data; name="f"\r\n'
PART_F = Part("f", None, "")

Field = tuple[str, str | None, str, bytes]  # name, file name, content type, data


@dataclass(frozen=True, slots=True)
class Client:
    """One recorded upload: its Content-Type, its body and the fields in it."""

    name: str
    content_type: str
    body: bytes
    fields: tuple[Field, ...]


def image(filename: str | None = "photo.jpg", content_type: str = "image/jpeg") -> Field:
    """The field that almost all recorded uploads hold."""
    return ("image", filename, content_type, JPEG)


def assert_understood(case: unittest.TestCase, client: Client) -> None:
    """Assert that the parser finds the client's fields, however its body is cut."""
    boundary = boundary_of(client.content_type)
    expected: list[object] = []
    for name, filename, content_type, data in client.fields:
        expected += [Part(name, filename, content_type), *([data] if data else []), EndOfPart()]
    said = assert_same_however_cut(case, lambda: MultipartParser(boundary), client.body, eof=True)
    case.assertEqual(said, [*expected, EndOfForm()])


def form(data: bytes, headers: bytes = NAMED_F, boundary: bytes = b"b") -> bytes:
    """A form of one part. Its data follows the empty line, its headers end in CRLF."""
    line = b"--" + boundary
    return line + b"\r\n" + headers + b"\r\n" + data + b"\r\n" + line + b"--\r\n"


def said_of(
    body: bytes, limits: FormLimits = DEFAULT_LIMITS, boundary: bytes = b"b"
) -> list[object]:
    """All events of `body` fed whole, to its end."""
    return events_of(lambda: MultipartParser(boundary, limits), body, eof=True)


def assert_refused(
    case: unittest.TestCase,
    body: bytes,
    limits: FormLimits = DEFAULT_LIMITS,
    boundary: bytes = b"b",
    refused: Refused = REFUSED,
) -> list[object]:
    """Assert that `body` is refused, and the same however it is cut; return all events."""
    said = assert_same_however_cut(case, lambda: MultipartParser(boundary, limits), body, eof=True)
    case.assertEqual(said[-1], refused)
    return said


def assert_data(
    case: unittest.TestCase, body: bytes, *datas: bytes, boundary: bytes = b"b"
) -> None:
    """Assert that `body` is a sound form of fields "f" with these data, however it is cut."""
    said = assert_same_however_cut(case, lambda: MultipartParser(boundary), body, eof=True)
    expected: list[object] = []
    for data in datas:
        expected += [PART_F, *([data] if data else []), EndOfPart()]
    case.assertEqual(said, [*expected, EndOfForm()])
