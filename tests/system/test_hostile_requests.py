"""Requests that break a rule, over a real socket: one answer, the end, and nothing that hid behind.

That a hidden request was not served is seen twice: by the answers, and by the access log.
"""

import re
import socket
import unittest
from collections.abc import Mapping
from typing import ClassVar

from restore.contract.http import PROBLEMS
from restore.http.http11 import DEFAULT_LIMITS
from tests.http.http11.test_connection_smuggling import ATTEMPTS, CHUNK_ATTEMPTS
from tests.support.functional_testcase import picture
from tests.support.rawclient import answers_in, connect, read_answers, read_to_end, talk
from tests.support.service import Answer, Service, wait_until

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/restore HTTP/1.1\r\nHost: localhost\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=x\r\n"
CHUNKED = POST + FORM + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = 1 << 16

# Heads that never become a request, beside those of tests/test_http11_smuggling.py.
HEADS = {
    "no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "empty Host": (400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    "Host with space": (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "Host with user": (400, b"GET / HTTP/1.1\r\nHost: a@localhost\r\n\r\n"),
    "Host list": (400, b"GET / HTTP/1.1\r\nHost: localhost, localhost\r\n\r\n"),
    "Host with port out of range": (400, b"GET / HTTP/1.1\r\nHost: localhost:99999\r\n\r\n"),
    "obs-fold": (400, GET + b"X: a\r\n b\r\n\r\n"),
    "obs-fold by tab": (400, GET + b"X: a\r\n\tb\r\n\r\n"),
    "space before the colon": (400, GET + b"X : a\r\n\r\n"),
    "no colon": (400, GET + b"X\r\n\r\n"),
    "no name": (400, GET + b": a\r\n\r\n"),
    "name with a letter beyond ASCII": (400, GET + b"X\xe9: a\r\n\r\n"),
    "bare CR": (400, GET + b"X: a\rb\r\n\r\n"),
    "bare LF": (400, GET + b"X: a\n\r\n"),
    "NUL": (400, GET + b"X: a\x00b\r\n\r\n"),
    "escape": (400, GET + b"X: a\x1bb\r\n\r\n"),
    "DEL": (400, GET + b"X: a\x7fb\r\n\r\n"),
    "NUL in the target": (400, b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "target beyond ASCII": (400, b"GET /\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "two spaces": (400, b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "tabs for spaces": (400, b"GET\t/healthz\tHTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "fragment": (400, b"GET /healthz#a HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "asterisk with GET": (400, b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "another scheme": (400, b"GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "lower-case version": (400, b"GET /healthz http/1.1\r\nHost: localhost\r\n\r\n"),
    "version of two digits": (400, b"GET /healthz HTTP/1.10\r\nHost: localhost\r\n\r\n"),
    "no version at all": (400, b"GET /healthz\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(100))),
    "SOCKS": (400, b"\x05\x01\x00"),
    "an answer": (400, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "many empty lines": (400, b"\r\n" * 100),
    "version 3": (505, b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n"),
    "long method": (501, b"A" * 100 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "long request line": (414, b"GET /" + b"a" * LONG + b" HTTP/1.1\r\n"),
    "long header": (431, GET + b"X: " + b"a" * LONG),
    "long header name": (431, GET + b"X" * LONG),
    "many headers": (431, GET + b"X: a\r\n" * (DEFAULT_LIMITS.header_count + 1)),
}
# Bodies of which the reading fails, beside those of tests/test_http11_smuggling.py.
CHUNKS = {
    "no size": (400, b"\r\n\r\n"),
    "space before the size": (400, b" 1\r\nx\r\n0\r\n\r\n"),
    "space behind the size": (400, b"1 \r\nx\r\n0\r\n\r\n"),
    "underscore": (400, b"1_0\r\n"),
    "negative": (400, b"-1\r\n"),
    "extension that isn't one": (400, b"1;\r\nx\r\n0\r\n\r\n"),
    "control byte in an extension": (400, b"1;a=\x01\r\nx\r\n0\r\n\r\n"),
    "long extension": (431, b"1;a=" + b"b" * LONG),
    "long trailer": (431, b"0\r\nX: " + b"a" * LONG),
    "many trailers": (431, b"0\r\n" + b"X: a\r\n" * (DEFAULT_LIMITS.header_count + 1)),
    "nothing but framing": (400, (b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 2000),
}
# Requests that are ones, and refused before a byte of their body is read.
UNREAD = {
    "not_found": (b"POST /nowhere HTTP/1.1", b""),
    "method_not_allowed": (b"POST /healthz HTTP/1.1", b""),
    "unsupported_content_type": (b"POST /v1/restore HTTP/1.1", b"Content-Type: image/png\r\n"),
    "malformed_form": (b"POST /v1/restore HTTP/1.1", b"Content-Type: multipart/form-data\r\n"),
    "cross_origin": (b"POST /v1/restore HTTP/1.1", FORM + b"Origin: http://evil.example\r\n"),
}


def with_local_host(attempt: bytes) -> bytes:
    return attempt.replace(b"Host: a\r\n", b"Host: localhost\r\n")


def setUpModule() -> None:
    HostileTest.service = Service()
    HostileTest.service.start()
    unittest.addModuleCleanup(HostileTest.service.__exit__)


class HostileTest(unittest.TestCase):
    """One server for all; what it says of itself is looked at after each test."""

    service: ClassVar[Service]

    def setUp(self) -> None:
        self.seen = len(self.service.lines)

    def tearDown(self) -> None:
        """The server lives, has served nothing hidden, and its log is one of plain lines."""
        self.assertEqual(self.service.request("GET", "/healthz").status, 200)
        wait_until(lambda: "/healthz 200" in "".join(self.service.lines[self.seen :]), "the log")
        log = "".join(self.service.lines[self.seen :])
        self.assertNotIn("hidden", log)
        self.assertNotIn("Traceback", log)
        self.assertTrue(re.fullmatch(r"(?:[ -~]+\n)*", log), log)

    def assert_refused(self, received: bytes, status: int) -> Answer:
        """Exactly one answer, of this status, that says no more than it should."""
        (answer,) = answers_in(received)
        self.assertEqual((answer.status, answer.headers["connection"]), (status, "close"))
        problem = PROBLEMS[answer.json["code"]]
        self.assertEqual((problem.status, problem.sentence), (status, answer.json["error"]))
        known = {"content-type", "cache-control", "x-content-type-options", "date", "x-request-id"}
        self.assertEqual(set(answer.headers) - known, {"content-length", "connection"})
        return answer


class RefusedTest(HostileTest):
    def assert_hides(self, attempts: Mapping[str, tuple[int, bytes]], before: bytes = b"") -> None:
        for name, (status, attempt) in attempts.items():
            with self.subTest(name):
                data = before + with_local_host(attempt)
                self.assert_refused(talk(self.service.port, data + 3 * HIDDEN), status)
                self.assert_refused(talk(self.service.port, data, HIDDEN, HIDDEN), status)

    def test_heads(self) -> None:
        self.assert_hides(ATTEMPTS | HEADS)

    def test_chunks(self) -> None:
        attempts = {name: (400, attempt) for name, attempt in CHUNK_ATTEMPTS.items()}
        self.assert_hides(attempts | CHUNKS, CHUNKED)

    def test_behind_requests_that_are_answered(self) -> None:
        """What came before the fault is answered, in order, and then the fault once."""
        for name, (status, attempt) in HEADS.items():
            with self.subTest(name):
                received = talk(self.service.port, GET + b"\r\n" + GET + b"\r\n" + attempt + HIDDEN)
                first, second, last = answers_in(received)
                self.assertEqual((first.status, second.status, last.status), (200, 200, status))

    def test_broken_off(self) -> None:
        for data in (
            b"GET",
            GET,
            POST + FORM + b"Content-Length: 9\r\n\r\n1234",
            CHUNKED + b"5\r\nx",
        ):
            with self.subTest(data):
                self.assert_refused(talk(self.service.port, data, half_close=True), 400)

    def test_each_is_one_line_in_the_log(self) -> None:
        hostile = b"GET /\x1b[31m\xff\x00\n HTTP/1.1\r\nHost: \x1b]0;x\x07\r\n\r\n"
        self.assert_refused(talk(self.service.port, hostile), 400)
        line = r"Z 127\.0\.0\.1 - - 400 0\.0ms malformed_request: [a-z ,]+ id=\S+\n"
        wait_until(lambda: any(re.search(line, each) for each in self.service.lines), "the line")


class UnreadTest(HostileTest):
    """A body that nobody wanted is no request, whether it is there or not.

    Where it is there and malformed, so is its request, whatever the head deserved.
    """

    def test_a_malformed_body(self) -> None:
        job = self.service.promise(picture("PNG", (1, 1)))
        url = self.service.ended(job)["result_url"]
        lines = [
            *(b"GET /healthz HTTP/1.1", b"HEAD /healthz HTTP/1.1", b"OPTIONS * HTTP/1.1"),
            *(
                f"GET /{path} HTTP/1.1".encode()
                for path in (f"v1/jobs/{job}", url.split("/", 3)[3])
            ),
            *(line for line, _ in UNREAD.values()),
        ]
        for line in lines:
            for chunks in (b"-1\r\n", b"1\r\nxy\r\n0\r\n\r\n", b"0\r\nX : a\r\n\r\n"):
                fields = b"\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                with self.subTest(line, chunks=chunks):
                    received = talk(self.service.port, line + fields + chunks + HIDDEN)
                    methods = [line.split()[0].decode()]
                    self.assertEqual([a.status for a in answers_in(received, methods)], [400])

    def test_a_body_that_looks_like_a_request(self) -> None:
        for code, (line, fields) in UNREAD.items():
            length = b"Content-Length: %d\r\n\r\n" % len(HIDDEN)
            data = line + b"\r\nHost: localhost\r\n" + fields + length + HIDDEN
            with self.subTest(code), connect(self.service.port) as sock:
                sock.sendall(data + GET + b"\r\n")
                refused, served = read_answers(sock, 2)
                self.assertEqual((refused.json["code"], served.status), (code, 200))

    def test_a_body_that_is_still_on_its_way(self) -> None:
        for code, (line, fields) in UNREAD.items():
            for framing in (
                b"Content-Length: 99999\r\n\r\n",
                b"Transfer-Encoding: chunked\r\n\r\nFFFF\r\n",
            ):
                data = line + b"\r\nHost: localhost\r\n" + fields + framing
                with self.subTest(code, framing=framing):
                    received = talk(self.service.port, data + HIDDEN, HIDDEN, HIDDEN)
                    answer = answers_in(received)[0]
                    self.assertEqual(answer.json["code"], code)
                    self.assertEqual(received.count(b"HTTP/1.1 "), 1)

    def test_too_large_by_its_own_word(self) -> None:
        data = POST + FORM + b"Content-Length: 99999999\r\n\r\n"
        answer = answers_in(talk(self.service.port, data + HIDDEN, HIDDEN))[0]
        self.assertEqual(answer.json["code"], "payload_too_large")


class OutputsTest(HostileTest):
    """No path reaches any file but a result, and that only by its own name."""

    def get(self, path: str) -> Answer:
        with connect(self.service.port) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1"))
            return read_answers(sock, 1)[0]

    def test_other_files(self) -> None:
        names = ("jobs.sqlite3", "lock", "tmp", "outputs", "etc/passwd", "", ".", "*")
        ups = (
            *("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "....//", "%252e%252e%252f"),
            *("/", "//", "./", "%00", "..%c0%af", "..;/", "/proc/self/root/", "%2fproc%2fself/"),
        )
        for name in names:
            for up in ups:
                for times in (1, 3, 12):
                    path = f"/outputs/{up * times}{name}"
                    with self.subTest(path):
                        answer = self.get(path)
                        self.assertEqual((answer.status, len(answer.json)), (404, 2))

    def test_other_names_of_a_result(self) -> None:
        job_id = self.service.promise(picture("PNG"))
        self.service.ended(job_id)
        path = f"/outputs/{job_id}.png"
        self.assertEqual(
            [self.get(path + query).status for query in ("", "?", "?a=../b")], [200] * 3
        )
        for other in (
            *(path.upper(), path.replace(".png", ".PNG"), path.replace(".png", ".jpg"), path[:-4]),
            *(path + "/", path + ".", path + "%00", path + "%00.jpg", path + ";a", path + "/../x"),
            *(path.replace("-", "%2d"), path.replace("/outputs/", "/outputs//"), "/" + path),
            *(path.replace("/outputs/", "/Outputs/"), path.replace("/outputs/", "/outputs/./")),
        ):
            with self.subTest(other):
                self.assertEqual(self.get(other).status, 404)


class AtTheLimitTest(HostileTest):
    """As much as is accepted, is."""

    def assert_served(self, head: bytes) -> None:
        with connect(self.service.port) as sock:
            sock.sendall(head)
            self.assertEqual(read_answers(sock, 1)[0].status, 200)

    def test_request_line(self) -> None:
        line = b"GET /healthz?%b HTTP/1.1"
        rest = DEFAULT_LIMITS.request_line_bytes - len(line % b"")
        self.assert_served(line % (b"a" * rest) + b"\r\nHost: localhost\r\n\r\n")

    def test_header_bytes(self) -> None:
        fields = b"Host: localhost\r\nX: %b\r\n"
        rest = DEFAULT_LIMITS.header_bytes - len(fields % b"")
        self.assert_served(b"GET /healthz HTTP/1.1\r\n" + fields % (b"a" * rest) + b"\r\n")

    def test_header_count(self) -> None:
        self.assert_served(GET + b"X: a\r\n" * (DEFAULT_LIMITS.header_count - 1) + b"\r\n")


class MannersTest(HostileTest):
    """Odd requests that are well-formed are served."""

    def test_they_are_served(self) -> None:
        for data in (
            b"\r\n\r\n" + GET + b"\r\n",
            b"GET http://localhost:1/healthz HTTP/1.1\r\nHost: localhost:2\r\n\r\n",
            b"GET HTTP://LOCALHOST/healthz?a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET /healthz HTTP/1.0\r\n\r\n",
            b"GET /healthz HTTP/1.0\r\nHost: 10.0.2.2:8000\r\n\r\n",
            b"GET /healthz HTTP/1.2\r\nHost: [::1]:8000\r\n\r\n",
            GET + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
            GET + b"Content-Length: 5\r\n\r\nhello",
            GET + b"Transfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
            GET + b"X:\r\nY:\t a \t\r\nZ: \xe9\xff\r\n\r\n",
        ):
            with self.subTest(data), connect(self.service.port) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                (answer,) = answers_in(read_to_end(sock))
                self.assertEqual((answer.status, answer.json), (200, {"status": "ok"}))

    def test_options(self) -> None:
        for target in (b"*", b"/healthz", b"http://localhost", b"/v1/restore", b"/outputs/x"):
            with self.subTest(target), connect(self.service.port) as sock:
                sock.sendall(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
                (answer,) = read_answers(sock, 1)
                self.assertEqual((answer.status, answer.body), (204, b""))
                self.assertIn("OPTIONS", answer.headers["allow"])

    def test_who_asks_to_close_is_closed(self) -> None:
        for fields in (b"Connection: close\r\n\r\n", b"Connection: x, Close\r\n\r\n"):
            self.assertEqual(len(answers_in(talk(self.service.port, GET + fields + HIDDEN))), 1)

    def test_who_speaks_1_0_is_closed_unless_he_asks_not_to_be(self) -> None:
        old = GET.replace(b"1.1", b"1.0")
        (answer,) = answers_in(talk(self.service.port, old + b"\r\n" + HIDDEN))
        self.assertEqual(answer.headers["connection"], "close")
        kept = old + b"Connection: keep-alive\r\n\r\n"
        first, second, _ = answers_in(talk(self.service.port, kept, kept, old + b"\r\n"))
        self.assertEqual(first.headers["connection"], "keep-alive")
        self.assertEqual(second.headers["connection"], "keep-alive")

    def test_no_upgrade_to_http_2(self) -> None:
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04\x00\x00\x00\x00\x00"
        self.assert_refused(talk(self.service.port, preface), 505)


if __name__ == "__main__":
    unittest.main()
