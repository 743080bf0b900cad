"""Who is asking: addresses behind proxies, both loopbacks, browsers on other people's pages."""

import re
import socket
import unittest
from collections.abc import Mapping
from contextlib import ExitStack

from tests.support.functional_testcase import picture
from tests.support.rawclient import answers_in, connect, read_answers, read_to_end
from tests.support.service import Answer, Service, wait_until

GET = "GET /healthz HTTP/1.1"
POST = "POST /v1/restore HTTP/1.1"
FORM = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "0"}
FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost@evil.example"},
    {"Origin": "http://localhost:1, http://evil.example"},
    {"Origin": "file://"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost:1", "Sec-Fetch-Site": "cross-site"},
)


def ask(service: Service, line: str, fields: Mapping[str, str], host: str = "127.0.0.1") -> Answer:
    """One request, whose Host is localhost:1 unless `fields` say otherwise."""
    named = {"Host": "localhost:1", **fields, "Connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    with connect(service.port, host) as sock:
        sock.sendall(f"{line}\r\n{head}\r\n".encode())
        (answer,) = answers_in(read_to_end(sock), (line.split()[0],))
    return answer


class BrowserTest(unittest.TestCase):
    """The same with uploads switched off: who may not ask isn't told either."""

    def setUp(self) -> None:
        stack = self.enterContext(ExitStack())
        self.services = [
            stack.enter_context(Service(RESTORE_ENABLED=flag)) for flag in ("true", "false")
        ]

    def statuses(self, line: str, fields: Mapping[str, str]) -> list[int]:
        answers = [ask(service, line, fields) for service in self.services]
        for answer in answers:
            cors = [name for name in answer.headers if name.startswith("access-control")]
            self.assertEqual(cors, [])
        return [answer.status for answer in answers]

    def test_every_method_and_origin(self) -> None:
        job = "/v1/jobs/00000000-0000-0000-0000-000000000000 HTTP/1.1"
        for fields in FOREIGN:
            for line, form, expected in (
                (POST, FORM, [403, 403]),
                (f"DELETE {job}", {}, [403, 403]),
                (POST.replace("restore", "other"), {}, [403, 403]),
                (f"GET {job}", {}, [404, 404]),
                (GET, {}, [200, 200]),
                (GET.replace("GET", "HEAD"), {}, [200, 200]),
                (GET.replace("GET", "OPTIONS"), {}, [204, 204]),
                (GET.replace("GET", "PUT"), {}, [405, 405]),
            ):
                with self.subTest(line, fields=fields):
                    self.assertEqual(self.statuses(line, {**form, **fields}), expected)
        for fields in (
            {},
            {"Origin": "http://localhost:1"},
            {"Origin": "http://LOCALHOST:1"},
            {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:1"},
            {"Sec-Fetch-Site": "none"},
        ):
            with self.subTest(fields=fields):
                self.assertEqual(self.statuses(POST, FORM | fields), [400, 503])
                self.assertEqual(self.statuses(f"DELETE {job}", fields), [204, 204])

    def test_every_method_and_host(self) -> None:
        for host, status in (
            ("evil.example", 421),
            ("localhost.evil.example", 421),
            ("localhost.", 421),
            ("a.localhost", 421),
            ("0x7f.1", 421),
            ("127.1", 421),
            ("localhost:65535", 200),
            ("LocalHost", 200),
            ("127.0.0.1:1", 200),
            ("192.168.1.2", 200),
            ("[::1]:1", 200),
            ("[fe80::1]", 200),
        ):
            with self.subTest(host):
                own = {"Host": host}
                self.assertEqual(self.statuses(GET, own), [status] * 2)
                target = GET.replace("/healthz", f"http://{host}/healthz")
                self.assertEqual(self.statuses(target, {}), [status] * 2)
                if status == 421:
                    for method in ("HEAD", "OPTIONS", "PUT", "DELETE"):
                        line = GET.replace("GET", method)
                        self.assertEqual(self.statuses(line, own), [421, 421])
                    self.assertEqual(self.statuses(POST, FORM | own), [421, 421])


class ProxyTest(unittest.TestCase):
    """The bucket holds two: the third of one client is refused."""

    def statuses(self, service: Service, *forwarded: str) -> list[int]:
        return [ask(service, POST, FORM | {"X-Forwarded-For": f}).status for f in forwarded]

    def test_what_anybody_says_of_himself_doesn_t_count(self) -> None:
        with Service(RATE_LIMIT_PER_MIN=2) as service:
            claims = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4")
            self.assertEqual(self.statuses(service, *claims), [400, 400, 429, 429])
            wait_until(lambda: service.log_has(" 429 "), "the log")
            self.assertFalse(service.log_has("192.0.2."))

    def test_what_a_trusted_proxy_says_counts(self) -> None:
        proxies = "127.0.0.1,10.0.0.0/8"
        with Service(RATE_LIMIT_PER_MIN=2, TRUSTED_PROXIES=proxies) as service:
            for forwarded in (
                ("192.0.2.1",) * 3,
                ("192.0.2.2, 10.1.1.1", "192.0.2.2", "192.0.2.2:4711"),
                # What stands in front of the last untrusted hop is his own word.
                ("192.0.2.9, 192.0.2.3", "192.0.2.3", "x, 192.0.2.3"),
                ("2001:db8::1", "2001:db8::2", "[2001:db8::ffff:3]:80"),  # one /64
                ("2001:db8:0:1::1", "2001:db8:0:1:ffff::", "2001:db8:0:1::"),
                ("garbage", "", "unknown"),
            ):
                with self.subTest(forwarded):
                    self.assertEqual(self.statuses(service, *forwarded), [400, 400, 429])
            wait_until(lambda: service.log_has("192.0.2.3 POST"), "the log")
            self.assertFalse(service.log_has("garbage"))

    def test_refusals_say_when_to_come_again(self) -> None:
        with Service(RATE_LIMIT_PER_MIN=1) as service:
            ask(service, POST, FORM)
            answer = ask(service, POST, FORM)
            self.assertEqual(answer.status, 429)
            self.assertRegex(answer.headers["retry-after"], r"^[1-9][0-9]?$")
            self.assertEqual(ask(service, GET, {}).status, 200)
            self.assertEqual(ask(service, GET.replace("healthz", "x"), {}).status, 404)

    def test_the_first_of_the_protocols_is_the_clients(self) -> None:
        with Service(TRUSTED_PROXIES="127.0.0.1") as service:
            job = service.ended(service.promise(picture("PNG")))
            line = f"GET /v1/jobs/{job['job_id']} HTTP/1.1"
            for said, scheme in (
                ("https", "https"),
                ("https, http", "https"),
                ("HTTPS,http", "https"),
                ("http, https", "http"),
                ("", "http"),
            ):
                with self.subTest(said):
                    answer = ask(service, line, {"X-Forwarded-Proto": said})
                    self.assertTrue(answer.json["result_url"].startswith(f"{scheme}://localhost:1"))

    def test_a_health_check_by_options(self) -> None:
        for page in ("true", "false"):
            with Service(PAGE=page) as service:
                self.assertEqual(204, ask(service, "OPTIONS / HTTP/1.1", {}).status)
                self.assertEqual(204, ask(service, "OPTIONS * HTTP/1.1", {}).status)


class SettingsNamedTest(unittest.TestCase):
    """Whoever is shut out is told by which setting he gets in; the log says it too."""

    def test_host(self) -> None:
        with Service() as service:
            answer = ask(service, GET, {"Host": "host.docker.internal:8000"})
            self.assertEqual((421, "host_not_allowed"), (answer.status, answer.json["code"]))
            for word in ("host.docker.internal:8000", "ALLOWED_HOSTS", "RESULT_BASE_URL"):
                self.assertIn(word, answer.json["error"])
            said = "refused with host_not_allowed: Host host.docker.internal:8000; ALLOWED_HOSTS"
            wait_until(lambda: service.log_has(said), "the log")
        with Service(ALLOWED_HOSTS="host.docker.internal") as service:
            self.assertEqual(200, ask(service, GET, {"Host": "host.docker.internal:8000"}).status)

    def test_origin(self) -> None:
        with Service() as service:
            answer = ask(service, POST, FORM | {"Origin": "https://photos.example"})
            self.assertEqual((403, "cross_origin"), (answer.status, answer.json["code"]))
            for word in ("https://photos.example", "localhost:1", "CORS_ORIGINS"):
                self.assertIn(word, answer.json["error"])
            wait_until(lambda: service.log_has("Origin https://photos.example, Host"), "the log")
        with Service(CORS_ORIGINS="https://photos.example") as service:
            answer = ask(service, POST, FORM | {"Origin": "https://photos.example"})
            self.assertEqual(400, answer.status)


class LoopbackTest(unittest.TestCase):
    def setUp(self) -> None:
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("no IPv6 here")

    def test_localhost_is_both(self) -> None:
        with Service(HOST="localhost") as service:
            for host in ("127.0.0.1", "::1"):
                self.assertEqual(ask(service, GET, {}, host).status, 200)
            with connect(service.port, "::1") as sock:
                sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n")
                self.assertEqual(read_answers(sock, 1)[0].status, 200)
            wait_until(lambda: service.log_has(" ::1 GET /healthz 200 "), "the log")

    def test_ipv6_alone(self) -> None:
        with Service(HOST="::1") as service:
            self.assertEqual(
                ask(service, GET, {"Host": f"[::1]:{service.port}"}, "::1").status, 200
            )
            self.assertEqual(ask(service, GET, {"Host": "evil.example"}, "::1").status, 421)
            with self.assertRaises(ConnectionError):
                ask(service, GET, {})
            self.assertTrue(re.search(r"Listening on http://\[::1\]:\d+", service.log))


if __name__ == "__main__":
    unittest.main()
