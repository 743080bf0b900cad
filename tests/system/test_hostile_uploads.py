"""Uploads that are refused, broken off or oddly sent: who is told what, and what stays behind."""

import http.client
import socket
import struct
import time
import unittest
from typing import ClassVar

from tests.support.functional_testcase import picture
from tests.support.rawclient import answers_in, connect, read_answers, read_to_end
from tests.support.service import PATIENCE_S, Answer, Service, form, wait_until

MIB = 1 << 20
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def setUpModule() -> None:
    UploadTest.service = Service()
    UploadTest.service.start()
    unittest.addModuleCleanup(UploadTest.service.__exit__)


def head(content_type: str, *fields: str) -> bytes:
    lines = (
        "POST /v1/restore HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {content_type}",
        *fields,
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def chunked(body: bytes, size: int, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = [b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces]
    return b"".join(chunks) + b"0" + extension + b"\r\n" + trailer + b"\r\n"


class UploadTest(unittest.TestCase):
    """One server; whatever happened, no test leaves a file that belongs to no job."""

    service: ClassVar[Service]
    image: bytes
    body: bytes
    type: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.image = picture("PNG")
        cls.body, cls.type = form(cls.image)

    def connect(self) -> socket.socket:
        return self.enterContext(connect(self.service.port))

    def tearDown(self) -> None:
        self.assertEqual(self.service.request("GET", "/healthz").status, 200)
        wait_until(lambda: not self.files(), "the end of what is temporary")
        self.assertNotIn("Traceback", self.service.log)

    def files(self) -> list[str]:
        """What lies in temporary storage."""
        return [path.name for path in (self.service.storage / "tmp").iterdir()]

    def assert_created(self, answer: Answer) -> None:
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(self.service.ended(answer.json["job_id"])["status"], "succeeded")


class ExpectTest(UploadTest):
    def test_a_body_that_is_wanted_is_asked_for(self) -> None:
        sock = self.connect()
        length = f"Content-Length: {len(self.body)}"
        sock.sendall(head(self.type, length, "Expect: 100-continue"))
        self.assertEqual([a.status for a in read_answers(sock, 1)], [100])
        sock.sendall(self.body + GET)
        created, served = read_answers(sock, 2)
        self.assertEqual(served.status, 200)
        self.assert_created(created)

    def test_a_chunked_body_is_asked_for_too(self) -> None:
        sock = self.connect()
        sock.sendall(head(self.type, "Transfer-Encoding: chunked", "Expect: 100-Continue"))
        self.assertEqual([a.status for a in read_answers(sock, 1)], [100])
        sock.sendall(chunked(self.body, 100))
        self.assert_created(read_answers(sock, 1)[0])

    def test_who_doesn_t_wait_is_not_asked(self) -> None:
        sock = self.connect()
        length = f"Content-Length: {len(self.body)}"
        sock.sendall(head(self.type, length, "Expect: 100-continue") + self.body)
        self.assert_created(read_answers(sock, 1)[0])

    def test_who_speaks_1_0_is_not_asked(self) -> None:
        sock = self.connect()
        data = head(self.type, f"Content-Length: {len(self.body)}", "Expect: 100-continue")
        sock.sendall(data.replace(b"HTTP/1.1", b"HTTP/1.0"))
        sock.sendall(self.body)
        self.assert_created(answers_in(read_to_end(sock))[0])

    def test_a_refusal_comes_first_and_alone(self) -> None:
        for status, content_type, fields in (
            (413, self.type, ("Content-Length: 999999999",)),
            (415, "image/png", ("Content-Length: 1000",)),
            (415, self.type, ("Content-Length: 1000", "Content-Encoding: gzip")),
            (400, "multipart/form-data", ("Content-Length: 1000",)),
            (403, self.type, ("Content-Length: 1000", "Origin: null")),
        ):
            with self.subTest(status=status):
                sock = self.connect()
                sock.sendall(head(content_type, *fields, "Expect: 100-continue"))
                (answer,) = answers_in(read_to_end(sock))
                self.assertEqual((answer.status, answer.headers["connection"]), (status, "close"))


class OddlySentTest(UploadTest):
    def test_chunks_of_all_sizes(self) -> None:
        for size in (1, 2, 7, 100, 10_000):
            with self.subTest(size):
                sock = self.connect()
                sock.sendall(head(self.type, "Transfer-Encoding: chunked"))
                sock.sendall(chunked(self.body, size))
                self.assert_created(read_answers(sock, 1)[0])

    def test_extensions_and_trailers(self) -> None:
        sock = self.connect()
        trailer = b"X-Checksum: abc\r\nContent-Length: 5\r\n"
        body = chunked(self.body, 300, b' ; a=b;c="d \\" e"', trailer)
        sock.sendall(
            head(self.type, "Transfer-Encoding: chunked", "Trailer: X-Checksum") + body + GET
        )
        created, served = read_answers(sock, 2)
        self.assertEqual(served.status, 200)
        self.assert_created(created)

    def test_an_upload_before_other_requests(self) -> None:
        """They wait for it, and are answered in order."""
        upload = head(self.type, f"Content-Length: {len(self.body)}") + self.body
        missing = GET.replace(b"healthz", b"missing")
        methods = ("GET", "POST", "HEAD", "GET", "POST", "GET")
        sock = self.connect()
        sock.sendall(GET + upload + GET.replace(b"GET", b"HEAD") + missing + upload + GET)
        answers = read_answers(sock, len(methods), methods)
        self.assertEqual([a.status for a in answers], [200, 201, 200, 404, 201, 200])
        self.assertEqual(answers[2].body, b"")
        for created in (answers[1], answers[4]):
            self.assert_created(created)

    def test_a_client_that_half_closes_behind_its_upload(self) -> None:
        sock = self.connect()
        sock.sendall(head(self.type, f"Content-Length: {len(self.body)}") + self.body)
        sock.shutdown(socket.SHUT_WR)
        self.assert_created(answers_in(read_to_end(sock))[0])

    def test_no_body_at_all(self) -> None:
        for fields in ((), ("Content-Length: 0",), ("Transfer-Encoding: chunked",)):
            with self.subTest(fields):
                sock = self.connect()
                sock.sendall(
                    head(self.type, *fields) + (b"0\r\n\r\n" if "T" in str(fields) else b"")
                )
                self.assertEqual(read_answers(sock, 1)[0].status, 400)


class RefusedTest(UploadTest):
    """The client has 15 MB to send, and reads nothing before it has sent all."""

    SIZE = 15 * MIB

    def send_slowly(self, sock: socket.socket, data: bytes, piece: int, pause_s: float) -> None:
        for start in range(0, len(data), piece):
            sock.sendall(data[start : start + piece])
            time.sleep(pause_s)  # the speed of the client

    def test_at_any_speed(self) -> None:
        big = self.image + bytes(self.SIZE)
        wrong_bytes, wrong_type = form(b"GIF89a" + bytes(self.SIZE))
        too_large, too_large_type = form(big)
        cases = {
            "a type": (415, "image/png", big),
            "the first bytes": (415, wrong_type, wrong_bytes),
            "a length": (413, too_large_type, too_large + bytes(64 << 10)),
            "a form": (400, "multipart/form-data; boundary=x", b"--x\r\nX\r\n\r\n" + big),
        }
        speeds = ((1 << 22, 0.0, "close"), (1 << 16, 0.0, "keep-alive"), (1 << 18, 0.003, "close"))
        for name, (status, content_type, body) in cases.items():
            for piece, pause_s, connection in speeds:
                with self.subTest(name, piece=piece), connect(self.service.port) as sock:
                    length = f"Content-Length: {len(body)}"
                    sock.sendall(head(content_type, length, f"Connection: {connection}"))
                    self.send_slowly(sock, body, piece, pause_s)
                    (answer,) = answers_in(read_to_end(sock))
                    self.assertEqual(answer.status, status, answer.body)

    def test_in_chunks_that_never_end(self) -> None:
        sock = self.connect()
        sock.sendall(head(self.type, "Transfer-Encoding: chunked"))
        sock.sendall(chunked(self.body[:-30], 1000)[:-5])
        chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
        for _ in range(17 * 16):
            sock.sendall(chunk)
        (answer,) = answers_in(read_to_end(sock))
        self.assertEqual((answer.status, answer.json["code"]), (413, "payload_too_large"))

    def test_python_s_own_client(self) -> None:
        body, content_type = form(b"GIF89a" + bytes(self.SIZE))
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=PATIENCE_S)
        connection.request("POST", "/v1/restore", body, {"Content-Type": content_type})
        self.assertEqual(connection.getresponse().status, 415)
        connection.close()


class BrokenOffTest(UploadTest):
    def break_off(self, data: bytes, how: str) -> None:
        sock = self.connect()
        sock.sendall(data)
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "half-close":
            sock.shutdown(socket.SHUT_WR)
            (answer,) = answers_in(read_to_end(sock))
            self.assertEqual((answer.status, answer.json["code"]), (400, "malformed_request"))
        sock.close()

    def test_at_many_places(self) -> None:
        jobs = len(self.service.events("restore.requested"))
        body, content_type = form(self.image + bytes(MIB), {"strength": "0.5"})
        sized = head(content_type, f"Content-Length: {len(body)}") + body
        in_chunks = head(content_type, "Transfer-Encoding: chunked") + chunked(body, 5000)
        for data in (sized, in_chunks):
            start = data.index(b"\r\n\r\n") + 5
            cuts = (start, start + 100, start + 5000, MIB // 2, MIB, len(data) - 1)
            for cut in cuts:
                for how in ("close", "reset", "half-close"):
                    with self.subTest(cut=cut, how=how):
                        self.break_off(data[:cut], how)
        wait_until(lambda: not self.files(), "no file")
        self.assertEqual(len(self.service.events("restore.requested")), jobs)

    def test_some_bytes_are_in_a_file_meanwhile(self) -> None:
        """So that an empty folder above says something."""
        body, content_type = form(self.image + bytes(MIB))
        sock = self.connect()
        sock.sendall(head(content_type, f"Content-Length: {len(body)}") + body[:-1])
        wait_until(self.files, "a file")
        sock.close()


if __name__ == "__main__":
    unittest.main()
