"""responses: refusals, what stands above every answer, and how it is framed."""

import json
import tempfile
import unittest

from restore.contract.http import Refusal
from restore.http.responses import (
    JSON_HEADERS,
    FileSlice,
    Response,
    allow,
    head_of,
    refused,
    retry_after,
)

DATE = "Sun, 22 Nov 2026 19:00:00 GMT"


class RefusedTest(unittest.TestCase):
    def test_answer(self) -> None:
        answer = refused(Refusal("rate_limited", headers=retry_after(7), detail="log only"))
        self.assertEqual((answer.status, answer.code, answer.file), (429, "rate_limited", None))
        self.assertEqual(answer.headers, (*JSON_HEADERS, ("Retry-After", "7")))
        self.assertEqual(
            json.loads(answer.body),
            {"error": "Too many requests. Please wait a moment.", "code": "rate_limited"},
        )

    def test_what_every_json_answer_says(self) -> None:
        self.assertEqual(
            dict(refused(Refusal("not_found")).headers),
            {
                "Content-Type": "application/json",
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )

    def test_retry_after_is_never_0(self) -> None:
        for seconds, text in ((-1, "1"), (0, "1"), (1, "1"), (60, "60")):
            self.assertEqual(retry_after(seconds), (("Retry-After", text),))

    def test_an_answer_without_more(self) -> None:
        self.assertEqual(Response(204), Response(204, (), b"", None, ""))


class AllowTest(unittest.TestCase):
    def test_head_wherever_get(self) -> None:
        self.assertEqual(allow(["GET", "DELETE"]), (("Allow", "GET, DELETE, HEAD, OPTIONS"),))
        self.assertEqual(allow(["POST"]), (("Allow", "POST, OPTIONS"),))


class HeadTest(unittest.TestCase):
    def test_an_answer_in_memory(self) -> None:
        response = Response(200, (("Content-Type", "a/b"),), b"body")
        self.assertEqual(
            head_of(response, DATE, "r-1", keep=True),
            b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nDate: " + DATE.encode() + b"\r\n"
            b"Content-Length: 4\r\nX-Request-Id: r-1\r\n\r\n",
        )

    def test_the_length_of_a_file_is_its_slice(self) -> None:
        with tempfile.TemporaryFile() as file:
            head = head_of(Response(206, file=FileSlice(file, 10, 20)), DATE, "r-1", keep=True)
        self.assertIn(b"\r\nContent-Length: 20\r\n", head)

    def test_an_empty_answer_says_so(self) -> None:
        self.assertIn(b"\r\nContent-Length: 0\r\n", head_of(Response(200), DATE, "r-1", keep=True))

    def test_what_has_no_content_has_no_length(self) -> None:
        for status in (204, 304):
            self.assertNotIn(b"Content-Length", head_of(Response(status), DATE, "r-1", keep=True))

    def test_connection(self) -> None:
        for keep, old, said in (
            (True, False, None),
            (True, True, b"keep-alive"),
            (False, False, b"close"),
            (False, True, b"close"),
        ):
            with self.subTest(keep=keep, old=old):
                head = head_of(Response(200), DATE, "r-1", keep=keep, old=old)
                if said is None:
                    self.assertNotIn(b"Connection", head)
                else:
                    self.assertIn(b"\r\nConnection: " + said + b"\r\n", head)

    def test_a_header_that_would_split_the_answer_is_a_fault(self) -> None:
        with self.assertRaises(ValueError):
            head_of(Response(200, (("X", "a\r\nB: c"),)), DATE, "r-1", keep=True)
