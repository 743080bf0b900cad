"""The head of an answer."""

import unittest

from restore.http.http11 import CONTINUE, REASONS, response_head


class ResponseHeadTest(unittest.TestCase):
    def test_bytes(self) -> None:
        self.assertEqual(
            response_head(405, [("Allow", "GET, HEAD"), ("Content-Length", "0"), ("X", "\t\xe4")]),
            b"HTTP/1.1 405 Method Not Allowed\r\n"
            b"Allow: GET, HEAD\r\nContent-Length: 0\r\nX: \t\xe4\r\n\r\n",
        )
        self.assertEqual(response_head(204, ()), b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertEqual(response_head(299, ()), b"HTTP/1.1 299 \r\n\r\n")
        self.assertEqual(CONTINUE, b"HTTP/1.1 100 Continue\r\n\r\n")

    def test_every_phrase_can_be_sent(self) -> None:
        for status, phrase in REASONS.items():
            self.assertRegex(phrase, r"\A[A-Z][A-Za-z ]+\Z")
            self.assertTrue(response_head(status, ()).startswith(b"HTTP/1.1 %d " % status))

    def test_what_would_break_an_answer_is_refused(self) -> None:
        for name, value in (
            ("X", "a\r\nY: b"),
            ("X", "a\nb"),
            ("X", "a\rb"),
            ("X", "a\r\n b"),
            ("X", "a\x00b"),
            ("X", "a\x7f"),
            ("X", "\u20ac"),
            ("", "a"),
            ("X Y", "a"),
            ("X\r\nY", "a"),
            ("X:", "a"),
            ("X: a\r\nY", "b"),
            ("\xe4", "a"),
        ):
            with self.subTest(name=name, value=value), self.assertRaises(ValueError):
                response_head(200, [("A", "b"), (name, value)])
        for status in (0, 99, 100, 199, 600, 1000):
            with self.subTest(status=status), self.assertRaises(ValueError):
                response_head(status, ())


if __name__ == "__main__":
    unittest.main()
