"""The grammar of a request's head: request line and field lines."""

import unittest

from restore.http.http11 import Headers, Request
from tests.support.http11_testcase import GET, Http11TestCase, head


def with_line(line: bytes) -> bytes:
    return head(line=line)


class RequestLineTest(Http11TestCase):
    def test_a_plain_request(self) -> None:
        request = self.request(
            b"GET /v1/jobs/7?x=1&y=%20?z HTTP/1.1\r\nHost: 10.0.2.2:8000\r\nAccept:  */* \t\r\n\r\n"
        )
        self.assertEqual(
            request,
            Request(
                method="GET",
                target="/v1/jobs/7?x=1&y=%20?z",
                path="/v1/jobs/7",
                query="x=1&y=%20?z",
                headers=Headers([("Host", "10.0.2.2:8000"), ("Accept", "*/*")]),
                host="10.0.2.2:8000",
                http_version=(1, 1),
                keep_alive=True,
                expect_continue=False,
                content_length=None,
                chunked=False,
            ),
        )
        self.assertFalse(request.has_body)

    def test_any_token_is_a_method(self) -> None:
        for method in (b"get", b"PROPFIND", b"M-SEARCH", b"!#$%&'*+-.^_`|~09azAZ", b"x" * 32):
            with self.subTest(method=method):
                self.assertEqual(
                    self.request(with_line(method + b" / HTTP/1.1")).method, method.decode()
                )

    def test_a_tls_handshake_is_named(self) -> None:
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        for count in (1, len(hello)):
            self.assertIn("TLS handshake", self.reason(hello[:count]))
        self.assertNotIn("TLS", self.reason(b"\x17" + hello))

    def test_a_line_that_is_none_is_refused(self) -> None:
        for line in (
            b"GET",
            b"GET ",
            b"GET /",
            b"GET / ",
            b"GET HTTP/1.1",
            b"GET  HTTP/1.1",
            b" GET / HTTP/1.1",
            b"GET  / HTTP/1.1",
            b"GET /  HTTP/1.1",
            b"GET / HTTP/1.1 ",
            b"GET / a HTTP/1.1",
            b"GET\t/ HTTP/1.1",
            b"GET /\tHTTP/1.1",
            b"GET / HTTP/1.1\t",
            b"GET /\x00 HTTP/1.1",
            b"GET /\x0b HTTP/1.1",
            b"GET /\x7f HTTP/1.1",
            b"GET /\xc3\xa4 HTTP/1.1",
            b"GET /a\rb HTTP/1.1",
            b"G(T / HTTP/1.1",
            b"G\x00T / HTTP/1.1",
            b"G\xc4T / HTTP/1.1",
            b"G:T / HTTP/1.1",
            b'"GET" / HTTP/1.1',
            b"{} / HTTP/1.1",
            b"GET / http/1.1",
            b"GET / HTTP/1",
            b"GET / HTTP/1.",
            b"GET / HTTP/.1",
            b"GET / HTTP/1.10",
            b"GET / HTTP/11.1",
            b"GET / HTTP/01.1",
            b"GET / HTTP/+1.1",
            b"GET / HTTP/1,1",
            b"GET / HTTP 1.1",
            b"GET / HTTP/1.x",
            b"GET / HTTP/\xb9.1",
            b"GET / HTTPS/1.1",
            b"GET / FTP/1.1",
            b"GET / HTTP/0.9",
            b"GET / HTTP/0.0",
            b"HTTP/1.1 200 OK",
        ):
            with self.subTest(line=line):
                self.assert_refused(400, with_line(line))

    def test_other_major_versions_are_a_505(self) -> None:
        for version in (b"2.0", b"3.0", b"2.7", b"9.9"):
            with self.subTest(version=version):
                self.assert_refused(505, with_line(b"GET / HTTP/" + version))
        self.assert_refused(505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

    def test_later_minor_versions_are_served_as_1_1(self) -> None:
        for version in (b"1.2", b"1.9"):
            with self.subTest(version=version):
                request = self.request(with_line(b"GET / HTTP/" + version))
                self.assertEqual((request.http_version, request.keep_alive), ((1, 1), True))

    def test_a_method_longer_than_any_is_a_501(self) -> None:
        self.assert_refused(501, with_line(b"x" * 33 + b" / HTTP/1.1"))
        self.assert_refused(501, b"A" * 33)

    def test_a_few_empty_lines_before_a_request_are_tolerated(self) -> None:
        for lines in (b"\r\n", b"\r\n\r\n"):
            with self.subTest(lines=lines):
                self.assertEqual(self.request(lines + GET).target, "/")
                twice = self.conversation(lines + GET + lines + GET)
                self.assertEqual(twice[:2], twice[2:])
        self.assert_refused(400, b"\r\n\r\n\r\n" + GET)
        self.assert_refused(400, b"\r\n \r\n" + GET)
        self.assert_refused(400, b"\n" + GET)
        self.assert_refused(400, b"\r" + GET)

    def test_hopeless_beginnings_are_refused_without_a_line_end(self) -> None:
        tls_client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        for first_bytes in (tls_client_hello[:1], tls_client_hello, b"\x00", b"\x80", b"\xef\xbb"):
            with self.subTest(first_bytes=first_bytes):
                self.assert_refused(400, first_bytes)
        for beginning in (
            b" ",
            b"{",
            b"GE(",
            b"GET\x00",
            b"GET /\x01",
            b"GET /\r/",
            b"\r\r",
            b"\ra",
        ):
            with self.subTest(beginning=beginning):
                self.assert_refused(400, beginning)


class FieldLineTest(Http11TestCase):
    def test_values_lose_the_space_around_them_and_nothing_else(self) -> None:
        for sent, value in (
            (b"X:y", "y"),
            (b"X:", ""),
            (b"X: \t ", ""),
            (b"X: \t y z\t ", "y z"),
            (b"X: a: b", "a: b"),
            (b"X: \xa0\x85\xff", "\xa0\x85\xff"),
            (b"!#$%&'*+-.^_`|~09: y", None),
        ):
            with self.subTest(sent=sent):
                self.assertEqual(self.request(head(sent)).headers.get("x"), value)

    def test_lines_that_are_none_are_refused(self) -> None:
        for line in (
            b" X: y",
            b"\tX: y",
            b"X : y",
            b"X\t: y",
            b"X",
            b": y",
            b"",
            b"X y: z",
            b"(X): y",
            b"X\x00: y",
            b"X\x80: y",
            b"X: \x00",
            b"X: \x01",
            b"X: \x0b",
            b"X: \x1b[0m",
            b"X: \x7f",
            b"X: y\rZ: z",
            b"X: y\r",
            b"X: y\nZ: z",
            b"X: y\n",
            b"X: y\n z",
            b"X: y\r\n z",
            b"X: y\r\n\tz",
            b"X: y\r\n \r\n",
        ):
            with self.subTest(line=line):
                self.assert_refused(400, b"GET / HTTP/1.1\r\n" + line + b"\r\nHost: a\r\n\r\n")

    def test_bare_line_ends_are_refused_wherever_they_stand(self) -> None:
        for place in (b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"\r\n\r\n"):
            for end in (b"\n", b"\r", b"\n\r", b"\r\r\n"):
                broken = GET.replace(place, place[:-2] + end)
                with self.subTest(broken=broken):
                    self.assert_refused(400, broken + b"x")

    def test_faults_in_fields_are_told_before_the_line_ends(self) -> None:
        for beginning in (b"X\x00", b"X: \x00", b"X: y\n", b"X: y\rz"):
            with self.subTest(beginning=beginning):
                self.assert_refused(400, b"GET / HTTP/1.1\r\nHost: a\r\n" + beginning)


class HeadersTest(Http11TestCase):
    def test_names_are_asked_for_in_lower_case(self) -> None:
        headers = self.request(head(b"CONTENT-type: a/b", b"x: 1")).headers
        self.assertEqual(headers.get("content-type"), "a/b")
        self.assertEqual(headers.get_all("content-type"), ("a/b",))
        self.assertIsNone(headers.get("accept"))
        self.assertEqual(headers.get_all("accept"), ())
        self.assertIn("x", headers)
        self.assertNotIn("accept", headers)
        self.assertEqual((list(headers), len(headers)), (["host", "content-type", "x"], 3))

    def test_repeated_fields_are_joined_in_order(self) -> None:
        headers = self.request(head(b"X-Forwarded-For: 1", b"Y: z", b"x-forwarded-for: 2 ")).headers
        self.assertEqual(headers.get("x-forwarded-for"), "1, 2")
        self.assertEqual(headers.get_all("x-forwarded-for"), ("1", "2"))
        self.assertEqual(headers.get_all("y"), ("z",))

    def test_equality_sees_lines(self) -> None:
        self.assertEqual(Headers([("A", "b ")]), Headers([("a", "b")]))
        self.assertNotEqual(Headers([("a", "b, c")]), Headers([("a", "b"), ("a", "c")]))
        self.assertNotEqual(Headers([]), 0)
        self.assertEqual(repr(Headers([("A", "b")])), "Headers({'a': 'b'})")


if __name__ == "__main__":
    unittest.main()
