"""The samples contrib/nginx.conf and contrib/Caddyfile, in the real nginx and Caddy.

Both are put to the same questions; where one isn't installed (.ci/install brings them), its tests
are skipped.
"""

import re
import select
import socket
import unittest
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection

from tests.support.pictures import drawing, encode
from tests.support.proxies import Caddy, Nginx, Proxy
from tests.support.service import PATIENCE_S, Answer, Service, form, wait_until

_MIB = 1024 * 1024


class ThroughAProxy:
    """The questions; the classes below say which proxy. One proxy and server answer them all."""

    proxy_kind: type[Proxy]
    proxy: Proxy
    service: Service
    port: int
    origin: str
    photo: bytes

    @classmethod
    def setUpClass(cls) -> None:
        assert issubclass(cls, unittest.TestCase)
        cls.proxy = cls.proxy_kind()
        cls.addClassCleanup(cls.proxy.stop)
        cls.origin = f"http://127.0.0.1:{cls.proxy.port}"
        cls.service = Service(
            RESULT_BASE_URL=f"{cls.origin}/restore", TRUSTED_PROXIES="127.0.0.1"
        ).start()
        cls.addClassCleanup(cls.service.__exit__)
        cls.proxy.start(cls.service.port)
        cls.port = cls.proxy.port
        cls.photo = encode(drawing(), "JPEG")

    @property
    def case(self) -> unittest.TestCase:
        assert isinstance(self, unittest.TestCase)
        return self

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> Answer:
        """One request to the proxy, from the address `source`."""
        connection = HTTPConnection("127.0.0.1", self.port, PATIENCE_S, (source, 0))
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def upload(self, image: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        body, content_type = form(image)
        return self.ask(
            "POST", "/restore/v1/restore", body, {"Content-Type": content_type, **(headers or {})}
        )

    def test_a_photo_goes_all_the_way_under_the_sub_path(self) -> None:
        created = self.upload(self.photo, {"Origin": self.origin})
        self.case.assertEqual(created.status, 201, created.body)
        path = f"/restore/v1/jobs/{created.json['job_id']}"

        def end() -> bool:
            return bool(self.ask("GET", path).json["status"] == "succeeded")

        wait_until(end, "the job's end")
        url = self.ask("GET", path).json["result_url"]
        self.case.assertTrue(url.startswith(f"{self.origin}/restore/outputs/"), url)
        result = self.ask("GET", url.removeprefix(self.origin))
        self.case.assertEqual((result.status, result.body), (200, self.photo))
        part = self.ask("GET", url.removeprefix(self.origin), headers={"Range": "bytes=2-5"})
        self.case.assertEqual((part.status, part.body), (206, self.photo[2:6]))
        self.case.assertEqual(self.ask("DELETE", path).status, 204)
        self.case.assertEqual(self.ask("GET", path).status, 404)

    def test_an_upload_is_passed_on_as_it_comes(self) -> None:
        """What its first bytes get refused for is answered before its last are sent.

        Caddy passes an early answer on once more of the body comes, so some more is sent.
        """
        body, content_type = form(b"This is text, and no photo. " * 300_000)
        sent = 0
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as sock:
            sock.sendall(self.head(content_type, len(body)))
            while not select.select([sock], [], [], 0.1)[0] and sent < len(body) // 2:
                sock.sendall(body[sent : sent + 65536])
                sent += 65536
            answer = sock.recv(65536)
        self.case.assertRegex(answer, rb"^HTTP/1.1 415 ")

    def head(self, content_type: str, length: int) -> bytes:
        return (
            f"POST /restore/v1/restore HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def test_a_large_photo_passes(self) -> None:
        noise = encode(drawing().resize((2600, 1900)), "PNG", compress_level=0)
        self.case.assertGreater(len(noise), 14 * _MIB)
        self.case.assertLess(len(noise), 15 * _MIB)
        answer = self.upload(noise)
        self.case.assertEqual(answer.status, 201, answer.body)

    def test_a_photo_over_the_servers_limit_is_refused_in_its_words(self) -> None:
        answer = self.upload(self.photo + bytes(15 * _MIB))
        self.case.assertEqual(answer.status, 413)
        self.case.assertEqual(answer.json["code"], "payload_too_large")
        self.case.assertIn("15", answer.json["error"])

    def test_a_body_over_every_limit_is_refused_in_the_same_shape(self) -> None:
        """By nginx itself, which has a limit, and by the server where the proxy has none."""
        body, content_type = form(self.photo + bytes(20 * _MIB))
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as sock:
            # Who is refused early may find the connection closed before all is sent.
            with suppress(ConnectionError):
                sock.sendall(self.head(content_type, len(body)) + body)
            answer = sock.recv(65536)
        self.case.assertRegex(answer, rb"^HTTP/1.1 413 ")
        self.case.assertIn(b'"code": "payload_too_large"', answer)

    def test_the_clients_address_is_the_clients_own(self) -> None:
        """Not the proxy's, and not the one that a client makes up."""
        made_up = {"X-Forwarded-For": "203.0.113.9"}
        answer = self.ask("GET", "/restore/v1/jobs/asked", headers=made_up, source="127.0.0.2")
        self.case.assertEqual(answer.status, 404)
        lines = wait_until(
            lambda: [line for line in self.service.lines if "/v1/jobs/asked" in line],
            "the request in the log",
        )
        self.case.assertRegex(lines[0], r"\b127\.0\.0\.2\b")
        self.case.assertNotIn("203.0.113.9", self.service.log)
        own = answer.headers["x-request-id"]
        self.case.assertIn(f"id={own}", lines[0])

    def test_a_page_of_another_site_is_refused(self) -> None:
        answer = self.upload(self.photo, {"Origin": "http://evil.example"})
        self.case.assertEqual((answer.status, answer.json["code"]), (403, "cross_origin"))

    def test_the_sub_path_without_its_slash_leads_there(self) -> None:
        answer = self.ask("GET", "/restore")
        self.case.assertEqual(answer.status, 308)
        self.case.assertTrue(re.fullmatch(r"(http://[^/]+)?/restore/", answer.headers["location"]))


@unittest.skipUnless(Nginx.is_here(), "nginx is not installed")
class NginxTest(ThroughAProxy, unittest.TestCase):
    proxy_kind = Nginx


@unittest.skipUnless(Caddy.is_here(), "Caddy is not installed")
class CaddyTest(ThroughAProxy, unittest.TestCase):
    proxy_kind = Caddy
