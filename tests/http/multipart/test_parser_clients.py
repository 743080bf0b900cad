"""What phones, browsers and curl send, byte for byte, and what the parser makes of it.

curl 7.88.1 was recorded on 2026-11-22; the others follow the code that writes them, or what people
published of their traffic. `JPEG` stands for the picture.
"""

import unittest

from tests.support.multipart_testcase import FORM_DATA, JPEG, Client, assert_understood, image

CLIENTS = (
    Client(
        "curl -F strength=0.6 -F image=@photo.jpg",
        FORM_DATA + "------------------------ac1aa9a74d29e614",
        b"--------------------------ac1aa9a74d29e614\r\n"
        b'Content-Disposition: form-data; name="strength"\r\n\r\n0.6\r\n'
        b"--------------------------ac1aa9a74d29e614\r\n"
        b'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--------------------------ac1aa9a74d29e614--\r\n",
        (("strength", None, "", b"0.6"), image()),
    ),
    Client(
        "curl with ;filename= and ;type=",
        FORM_DATA + "------------------------22c7770e360c2c99",
        b"--------------------------22c7770e360c2c99\r\n"
        b'Content-Disposition: form-data; name="image"; filename="C:\\x\\a%22b.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--------------------------22c7770e360c2c99\r\n"
        b'Content-Disposition: form-data; name="strength"\r\n'
        b"Content-Type: application/json\r\n\r\n0.6\r\n"
        b"--------------------------22c7770e360c2c99--\r\n",
        (image('a"b.jpg'), ("strength", None, "application/json", b"0.6")),
    ),
    Client(
        "curl --form-escape, and every curl before 7.81",
        FORM_DATA + "------------------------04cf294eb8146a90",
        b"--------------------------04cf294eb8146a90\r\n"
        b'Content-Disposition: form-data; name="image"; filename="a\\"b.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--------------------------04cf294eb8146a90--\r\n",
        (image('a"b.jpg'),),
    ),
    Client(
        "curl with a header of its own and a nameless field",
        FORM_DATA + "------------------------0feffac7499a3d0a",
        b"--------------------------0feffac7499a3d0a\r\n"
        b'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\nX-Custom: 1\r\n\r\n" + JPEG + b"\r\n"
        b"--------------------------0feffac7499a3d0a\r\n"
        b"Content-Disposition: form-data\r\n\r\nnameless\r\n"
        b"--------------------------0feffac7499a3d0a--\r\n",
        (image(), ("", None, "", b"nameless")),
    ),
    Client(
        "OkHttp 4, with Content-Length in each part",
        FORM_DATA + "d0b1c2a3-1111-2222-3333-444455556666",
        b"--d0b1c2a3-1111-2222-3333-444455556666\r\n"
        b'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/*\r\nContent-Length: 19\r\n\r\n" + JPEG + b"\r\n"
        b"--d0b1c2a3-1111-2222-3333-444455556666\r\n"
        b'Content-Disposition: form-data; name="upscale"\r\nContent-Length: 1\r\n\r\n2\r\n'
        b"--d0b1c2a3-1111-2222-3333-444455556666--\r\n",
        (image("photo.jpg", "image/*"), ("upscale", None, "", b"2")),
    ),
    Client(
        "OkHttp 5: addPart(body) without headers",
        FORM_DATA + "0b1c2a3d-1111-2222-3333-444455556666",
        b"--0b1c2a3d-1111-2222-3333-444455556666\r\n\r\n\r\n"
        b"--0b1c2a3d-1111-2222-3333-444455556666\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nloose\r\n"
        b"--0b1c2a3d-1111-2222-3333-444455556666\r\n"
        b'Content-Disposition: form-data; name="image"\r\n\r\n' + JPEG + b"\r\n"
        b"--0b1c2a3d-1111-2222-3333-444455556666--\r\n",
        (("", None, "", b""), ("", None, "text/plain", b"loose"), image(None, "")),
    ),
    Client(
        "Retrofit with Gson: text parts are JSON",
        FORM_DATA + "1c2a3d0b-1111-2222-3333-444455556666",
        b"--1c2a3d0b-1111-2222-3333-444455556666\r\n"
        b'Content-Disposition: form-data; name="model_id"\r\n'
        b"Content-Transfer-Encoding: binary\r\n"
        b"Content-Type: application/json; charset=UTF-8\r\nContent-Length: 9\r\n\r\n"
        b'"a/gfpgan"\r\n'
        b"--1c2a3d0b-1111-2222-3333-444455556666\r\n"
        b'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--1c2a3d0b-1111-2222-3333-444455556666--\r\n",
        (("model_id", None, "application/json", b'"a/gfpgan"'), image()),
    ),
    Client(
        'Retrofit, @Part("image\\"; filename=\\"pp.png\\" ")',
        FORM_DATA + "2a3d0b1c-1111-2222-3333-444455556666",
        b"--2a3d0b1c-1111-2222-3333-444455556666\r\n"
        b'Content-Disposition: form-data; name="image"; filename="pp.png" "\r\n'
        b"Content-Transfer-Encoding: binary\r\nContent-Type: image/*\r\n\r\n" + JPEG + b"\r\n"
        b"--2a3d0b1c-1111-2222-3333-444455556666--\r\n",
        (image("pp.png", "image/*"),),
    ),
    Client(
        "Ktor: names unquoted where it can, a boundary with minus signs",
        FORM_DATA + "-5f1e2d3c4b5a69788796a5b4-c3d2e1f00f1e2d3c-4b5a69788796a5b4c3d2e1f0",
        b"---5f1e2d3c4b5a69788796a5b4-c3d2e1f00f1e2d3c-4b5a69788796a5b4c3d2e1f0\r\n"
        b"Content-Disposition: form-data; name=strength\r\nContent-Length: 3\r\n\r\n0.6\r\n"
        b"---5f1e2d3c4b5a69788796a5b4-c3d2e1f00f1e2d3c-4b5a69788796a5b4c3d2e1f0\r\n"
        b"Content-Disposition: form-data; name=image; filename=photo(1)-gr\xc3\xbcn.jpg\r\n"
        b"Content-Type: image/jpeg\r\nContent-Length: 19\r\n\r\n" + JPEG + b"\r\n"
        b"---5f1e2d3c4b5a69788796a5b4-c3d2e1f00f1e2d3c-4b5a69788796a5b4c3d2e1f0--\r\n",
        (("strength", None, "", b"0.6"), image("photo(1)-grün.jpg")),
    ),
    Client(
        "Ktor: quoted where it must",
        FORM_DATA + "7f",
        b"--7f\r\nContent-Type: image/jpeg\r\n"
        b'Content-Disposition: form-data; name=image; filename="my \\"best\\" photo.jpg"\r\n\r\n'
        + JPEG
        + b"\r\n--7f--\r\n",
        (image('my "best" photo.jpg'),),
    ),
    Client(
        "Dio: its boundary begins with dashes, its headers are lower-case",
        FORM_DATA + "--dio-boundary-2957463158",
        b"----dio-boundary-2957463158\r\n"
        b'content-disposition: form-data; name="model_id"\r\n'
        b"content-type: text/plain; charset=utf-8\r\ncontent-transfer-encoding: binary\r\n\r\n"
        b"gr\xc3\xbcn\r\n"
        b"----dio-boundary-2957463158\r\n"
        b'content-disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"content-type: application/octet-stream\r\ncontent-type: image/jpeg\r\n\r\n"
        + JPEG
        + b"\r\n"
        b"----dio-boundary-2957463158--\r\n",
        (
            ("model_id", None, "text/plain", "grün".encode()),
            image("photo.jpg", "application/octet-stream"),
        ),
    ),
    Client(
        "package:http of Dart",
        FORM_DATA + "dart-http-boundary-+_.aZ09-Qw",
        b"--dart-http-boundary-+_.aZ09-Qw\r\n"
        b'content-disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"content-type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--dart-http-boundary-+_.aZ09-Qw--\r\n",
        (image(),),
    ),
    Client(
        "URLSession by hand: a line too many in front, no CRLF at the end",
        FORM_DATA + "Boundary-3A42CBDB-01A2-4DDE-A9EE-425A344ABA13",
        b"\r\n--Boundary-3A42CBDB-01A2-4DDE-A9EE-425A344ABA13\r\n"
        b'Content-Disposition:form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--Boundary-3A42CBDB-01A2-4DDE-A9EE-425A344ABA13--",
        (image(),),
    ),
    Client(
        "Alamofire",
        FORM_DATA + "alamofire.boundary.0123456789abcdef",
        b"--alamofire.boundary.0123456789abcdef\r\n"
        b'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"--alamofire.boundary.0123456789abcdef--\r\n",
        (image(),),
    ),
    Client(
        "React Native",
        FORM_DATA + "o5XWe.7HB0lZk2mN8vYc_tR1pQ9sUj3a",
        b"--o5XWe.7HB0lZk2mN8vYc_tR1pQ9sUj3a\r\n"
        b'content-disposition: form-data; name="image"; filename="photo.jpg"; '
        b"filename*=utf-8''gr%C3%BCn%20photo.jpg\r\ncontent-type: image/jpeg\r\n\r\n"
        + JPEG
        + b"\r\n"
        b"--o5XWe.7HB0lZk2mN8vYc_tR1pQ9sUj3a--\r\n",
        (image("grün photo.jpg"),),
    ),
    Client(
        "fetch in Chromium and Safari, with an input left empty",
        FORM_DATA + "----WebKitFormBoundary7MA4YWxkTrZu0gW",
        b"------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n"
        b'Content-Disposition: form-data; name="mask"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n"
        b"------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n"
        b'Content-Disposition: form-data; name="image"; filename="\xe5\x86\x99\xe7\x9c\x9f.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"------WebKitFormBoundary7MA4YWxkTrZu0gW--\r\n",
        (("mask", "", "application/octet-stream", b""), image("写真.jpg")),
    ),
    Client(
        "fetch in an old Firefox",
        FORM_DATA + "---------------------------735323031399963166993862150",
        b"-----------------------------735323031399963166993862150\r\n"
        b'Content-Disposition: form-data; name="image"; filename="a\\"b.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"-----------------------------735323031399963166993862150--\r\n",
        (image('a"b.jpg'),),
    ),
    Client(
        "fetch in Firefox 140",
        FORM_DATA + "----geckoformboundaryfaa0f7b264525ad835555a5b95d739",
        b"------geckoformboundaryfaa0f7b264525ad835555a5b95d739\r\n"
        b'Content-Disposition: form-data; name="image"; filename="a%22b.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
        b"------geckoformboundaryfaa0f7b264525ad835555a5b95d739--\r\n",
        (image('a"b.jpg'),),
    ),
    Client(
        "Internet Explorer 8: the whole path",
        FORM_DATA + "---------------------------7da2d51d1205ec",
        b"-----------------------------7da2d51d1205ec\r\n"
        b'Content-Disposition: form-data; name="image"; filename="C:\\Users\\me\\photo.jpg"\r\n'
        b"Content-Type: image/pjpeg\r\n\r\n" + JPEG + b"\r\n"
        b"-----------------------------7da2d51d1205ec--\r\n",
        (image("photo.jpg", "image/pjpeg"),),
    ),
)


class TestClients(unittest.TestCase):
    """Each client's upload is understood, however it is cut."""

    def test_clients(self) -> None:
        for client in CLIENTS:
            with self.subTest(client.name):
                assert_understood(self, client)
