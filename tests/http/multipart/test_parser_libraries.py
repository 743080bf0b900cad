"""What programs written with common libraries send, byte for byte, and what the parser makes of it.

requests 2.34.2, httpx 0.28.1 and aiohttp 3.14.5 were recorded on 2026-11-22; the others follow the
code that writes them. `JPEG` stands for the picture.
"""

import unittest

from tests.support.multipart_testcase import FORM_DATA, JPEG, Client, assert_understood, image

LIBRARIES = (
    Client(
        "requests",
        FORM_DATA + "26c487f6c167d2936b52f0c25751ffab",
        b"--26c487f6c167d2936b52f0c25751ffab\r\n"
        b'Content-Disposition: form-data; name="strength"\r\n\r\n0.6\r\n'
        b"--26c487f6c167d2936b52f0c25751ffab\r\n"
        b'Content-Disposition: form-data; name="\xc3\xa9"\r\n\r\n\xc3\xbc\r\n'
        b"--26c487f6c167d2936b52f0c25751ffab\r\n"
        b'Content-Disposition: form-data; name="image"; filename="gr\xc3\xbcn \xe4\xb8\xad.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--26c487f6c167d2936b52f0c25751ffab--\r\n",
        (("strength", None, "", b"0.6"), ("é", None, "", "ü".encode()), image("grün 中.jpg")),
    ),
    Client(
        "urllib3 1: filename* alone",
        FORM_DATA + "c487f6c167d2936b52f0c25751ffab26",
        b"--c487f6c167d2936b52f0c25751ffab26\r\n"
        b'Content-Disposition: form-data; name="image"; '
        b"filename*=utf-8''gr%C3%BCn%20%E4%B8%AD.jpg\r\n"
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--c487f6c167d2936b52f0c25751ffab26--\r\n",
        (image("grün 中.jpg"),),
    ),
    Client(
        "httpx",
        FORM_DATA + "415e6f1458baceb6c8d04583abf2c93a",
        b"--415e6f1458baceb6c8d04583abf2c93a\r\n"
        b'Content-Disposition: form-data; name="strength"\r\n\r\n0.6\r\n'
        b"--415e6f1458baceb6c8d04583abf2c93a\r\n"
        b'Content-Disposition: form-data; name="image"; filename="a%22b.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--415e6f1458baceb6c8d04583abf2c93a--\r\n",
        (("strength", None, "", b"0.6"), image('a"b.jpg')),
    ),
    Client(
        "aiohttp: FormData",
        FORM_DATA + "50cf8aee8acc4fcf9ae4361d8531f604",
        b"--50cf8aee8acc4fcf9ae4361d8531f604\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b'Content-Disposition: form-data; name="strength"\r\n\r\n0.6\r\n'
        b"--50cf8aee8acc4fcf9ae4361d8531f604\r\nContent-Type: image/jpeg\r\n"
        b'Content-Disposition: form-data; name="image"; filename="gr%C3%BCn%20%E4%B8%AD.jpg"\r\n'
        b"\r\n" + JPEG + b"\r\n"
        b"--50cf8aee8acc4fcf9ae4361d8531f604--\r\n",
        (
            ("strength", None, "text/plain", b"0.6"),
            image("gr%C3%BCn%20%E4%B8%AD.jpg"),  # nothing says that this was an encoding
        ),
    ),
    Client(
        "aiohttp: FormData(quote_fields=False)",
        FORM_DATA + "b0db90a3d0714cfc9f4aaf5f7029b1e9",
        b"--b0db90a3d0714cfc9f4aaf5f7029b1e9\r\nContent-Type: image/jpeg\r\n"
        b'Content-Disposition: form-data; name="image"; filename="a\\"b\\\\c.jpg"\r\n\r\n'
        + JPEG
        + b"\r\n--b0db90a3d0714cfc9f4aaf5f7029b1e9--\r\n",
        (image("c.jpg"),),
    ),
    Client(
        "aiohttp: MultipartWriter with append_json()",
        FORM_DATA + "31b8b13a919e426bb3a6cb24b6778466",
        b"--31b8b13a919e426bb3a6cb24b6778466\r\nContent-Type: application/json\r\n"
        b'Content-Disposition: form-data; name="upscale"\r\n\r\n2\r\n'
        b"--31b8b13a919e426bb3a6cb24b6778466--\r\n",
        (("upscale", None, "application/json", b"2"),),
    ),
    Client(
        "Apache HttpClient, strict",
        FORM_DATA + "-_1234567890abcdefghijklmnopqr; charset=ISO-8859-1",
        b"---_1234567890abcdefghijklmnopqr\r\n"
        b'Content-Disposition: form-data; name="strength"\r\n'
        b"Content-Type: text/plain; charset=ISO-8859-1\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\n0.6\r\n"
        b"---_1234567890abcdefghijklmnopqr\r\n"
        b'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\nContent-Transfer-Encoding: binary\r\n\r\n" + JPEG + b"\r\n"
        b"---_1234567890abcdefghijklmnopqr--\r\n",
        (("strength", None, "text/plain", b"0.6"), image()),
    ),
    Client(
        "Apache HttpClient, legacy: a file name in the machine's charset",
        FORM_DATA + "abcdefghijklmnopqrstuvwxyz0123",
        b"--abcdefghijklmnopqrstuvwxyz0123\r\n"
        b'Content-Disposition: form-data; name="image"; filename="gr\xfcn.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--abcdefghijklmnopqrstuvwxyz0123--\r\n",
        (image("gr\ufffdn.jpg"),),
    ),
    Client(
        "Apache HttpClient 5, extended, with preamble and epilogue",
        FORM_DATA + "bcdefghijklmnopqrstuvwxyz01234; charset=UTF-8",
        b"This is the preamble.  It is to be ignored.\r\n"
        b"--bcdefghijklmnopqrstuvwxyz01234\r\n"
        b'Content-Disposition: form-data; name="image"; filename="gr%C3%BCn.jpg"; '
        b"filename*=\"UTF-8''gr%C3%BCn.jpg\"\r\n"
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--bcdefghijklmnopqrstuvwxyz01234--\r\n"
        b"This is the epilogue.  It is also to be ignored.\r\n",
        (image("grün.jpg"),),
    ),
    Client(
        "JavaMail: a quoted boundary with =, folded headers",
        'multipart/form-data; \tboundary="----=_Part_0_1330910954.1480000000000"',
        b"------=_Part_0_1330910954.1480000000000\r\n"
        b"Content-Type: image/jpeg; \r\n\tname=photo.jpg\r\nContent-Transfer-Encoding: 7bit\r\n"
        b'Content-Disposition: form-data; \r\n\tname="image"; \r\n\tfilename=photo.jpg\r\n\r\n'
        + JPEG
        + b"\r\n------=_Part_0_1330910954.1480000000000--\r\n",
        (image(),),
    ),
    Client(
        "email.mime of Python",
        'multipart/form-data; boundary="===============8129302819203847561=="',
        b"--===============8129302819203847561==\r\n"
        b"Content-Type: image/jpeg\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n"
        b'Content-Disposition: form-data;\r\n name="image"; filename="photo.jpg"\r\n\r\n'
        + JPEG
        + b"\r\n--===============8129302819203847561==--\r\n",
        (image(),),
    ),
    Client(
        ".NET: MultipartFormDataContent",
        'multipart/form-data; boundary="5f0b4c0e-6f0a-4f5e-9d3e-0f6f3a1b2c3d"',
        b"--5f0b4c0e-6f0a-4f5e-9d3e-0f6f3a1b2c3d\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Disposition: form-data; name=strength\r\n\r\n0.6\r\n"
        b"--5f0b4c0e-6f0a-4f5e-9d3e-0f6f3a1b2c3d\r\nContent-Type: image/jpeg\r\n"
        b"Content-Disposition: form-data; name=image; filename=photo.jpg; "
        b"filename*=utf-8''photo.jpg\r\n\r\n" + JPEG + b"\r\n"
        b"--5f0b4c0e-6f0a-4f5e-9d3e-0f6f3a1b2c3d--\r\n",
        (("strength", None, "text/plain", b"0.6"), image()),
    ),
    Client(
        "mime/multipart of Go",
        FORM_DATA + "1f3e5d7c9bb8a6948271605f4e3d2c1b0a998877665544332211ffeeddcc",
        b"--1f3e5d7c9bb8a6948271605f4e3d2c1b0a998877665544332211ffeeddcc\r\n"
        b'Content-Disposition: form-data; name="image"; filename="a\\"b.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--1f3e5d7c9bb8a6948271605f4e3d2c1b0a998877665544332211ffeeddcc--\r\n",
        (image('a"b.jpg'),),
    ),
    Client(
        "form-data of Node, as axios and Postman use it",
        FORM_DATA + "--------------------------515890814546601021194782",
        b"----------------------------515890814546601021194782\r\n"
        b'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"----------------------------515890814546601021194782--\r\n",
        (image(),),
    ),
    Client(
        "fetch in Node",
        FORM_DATA + "----formdata-undici-032159845718",
        b"------formdata-undici-032159845718\r\n"
        b'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"------formdata-undici-032159845718--",
        (image(),),
    ),
    Client(
        "HttpURLConnection by hand: a boundary of stars, a file's whole path",
        FORM_DATA + "*****",
        b"--*****\r\n"
        b'Content-Disposition: form-data; name="image";filename="/sdcard/DCIM/photo.jpg"\r\n\r\n'
        + JPEG
        + b"\r\n--*****--\r\n",
        (image("photo.jpg", ""),),
    ),
)


class TestLibraries(unittest.TestCase):
    """Each library's upload is understood, however it is cut."""

    def test_libraries(self) -> None:
        for library in LIBRARIES:
            with self.subTest(library.name):
                assert_understood(self, library)
