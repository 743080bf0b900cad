"""The description: valid by its own schema, complete, and true of a running server."""

import json
import re
import subprocess
import unittest
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from restore import __version__
from restore.contract.http import JOBS_PATH, OUTPUTS_PATH, PROBLEMS, RESTORE_PATH, ROUTES
from restore.contract.openapi import _ANSWER_HEADERS, REFUSALS, description
from tests.support.pictures import drawing, encode
from tests.support.service import Service, form, wait_until
from tests.support.tools import PYTHON, missing

PATIENCE_S = 60.0
NO_JOB = "/v1/jobs/00000000-0000-0000-0000-000000000000"


class DescriptionTest(unittest.TestCase):
    def setUp(self) -> None:
        self.tree = description("1.2.3", ["restoration/classic"])

    def test_every_route_and_method_is_described(self) -> None:
        described = {
            (re.sub("{.*}", "", path), method.upper())
            for path, item in self.tree["paths"].items()
            for method in item
            if method != "parameters"
        }
        routes = {(each.path + each.suffix, method) for each in ROUTES for method in each.methods}
        self.assertEqual(described, routes)
        handlers = {handler for route in ROUTES for handler in route.methods.values()}
        self.assertEqual(set(REFUSALS), handlers)

    def test_every_refusal_is_described_somewhere(self) -> None:
        codes = {
            code
            for answer in self.answers()
            for media in answer.get("content", {}).values()
            for code in media["schema"].get("properties", {}).get("code", {}).get("enum", ())
        }
        self.assertEqual(codes, set(PROBLEMS))

    def answers(self) -> list[dict[str, Any]]:
        return [
            answer
            for item in self.tree["paths"].values()
            for method, operation in item.items()
            if method != "parameters"
            for answer in operation["responses"].values()
        ]

    @unittest.skipIf(missing(PYTHON), missing(PYTHON))
    def test_is_valid(self) -> None:
        done = subprocess.run(
            [PYTHON, "-m", "openapi_spec_validator", "-"],
            input=json.dumps(self.tree),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class ServedTest(unittest.TestCase):
    """Each status that an address is said to give, asked for over a socket.

    Not 500, which takes a mistake of the server, and not 408, which takes patience: both are
    tested where they are made.
    """

    service: Service
    photo: bytes
    tree: Any
    job: str
    output: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Service().start()
        cls.addClassCleanup(cls.service.__exit__)
        cls.photo = encode(drawing(), "JPEG")
        answer = cls.service.request("GET", "/openapi.json")
        cls.tree = answer.json
        job = cls.service.ended(cls.service.promise(cls.photo))
        cls.job = f"/v1/jobs/{job['job_id']}"
        cls.output = "/" + job["result_url"].split("/", 3)[3]

    def test_is_served_as_it_is_made(self) -> None:
        answer = self.service.request("GET", "/openapi.json")
        self.assertEqual(answer.headers["content-type"], "application/json")
        models = ["restoration/dummy", "restoration/gfpgans-1.4"]
        self.assertEqual(answer.json, description(__version__, models))

    def seen(self, method: str, path: str, *, plain: bool = True) -> set[int]:
        """The statuses of all that may happen to a request anywhere, and of the request itself."""
        start = f"{method} {path} HTTP/1.1\r\n"
        host = f"Host: 127.0.0.1:{self.service.port}\r\n"
        close = "Connection: close\r\n\r\n"
        heads = [
            start + "Host: evil.example\r\n" + close,
            start + host + "Expect: a-miracle\r\n" + close,
            start + host + "Transfer-Encoding: gzip, chunked\r\n" + close,
            start + host + "A: " + "a" * 100_000 + "\r\n" + close,
            start + host + "no colon\r\n" + close,
            f"{method} {path}?{'a' * 100_000} HTTP/1.1\r\n" + host + close,
            f"{method} {path} HTTP/3.7\r\n" + host + close,
            f"PATCH {path} HTTP/1.1\r\n" + host + close,
            f"{method} /nothing/here HTTP/1.1\r\n" + host + close,
        ]
        if plain:
            heads.append(start + host + close)
        answers = [self.service.raw(head.encode()) for head in heads]
        return {int(answer.split()[1]) for answer in answers if answer}

    def described(self, method: str, path: str) -> set[int]:
        """The statuses said, but those that the class tells of."""
        [item] = [
            item for name, item in self.tree["paths"].items() if re.sub("{.*}", "", name) == path
        ]
        return set(map(int, item[method.lower()]["responses"])) - {500, 408}

    def test_jobs(self) -> None:
        status = self.service.request
        seen = self.seen("GET", self.job) | {status("GET", NO_JOB).status}
        self.assert_all("GET", JOBS_PATH, seen | {401, 503})
        origin = {"Origin": "http://evil.example"}
        seen = self.seen("DELETE", NO_JOB) | {status("DELETE", NO_JOB, headers=origin).status}
        self.assert_all("DELETE", JOBS_PATH, seen | {401, 503})

    def test_results(self) -> None:
        def get(**headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return self.service.request("GET", self.output, headers=named).status

        tag = self.service.request("GET", self.output).headers["etag"]
        seen = {get(Range="bytes=0-1"), get(Range="bytes=99999999-"), get(If_Match='"other"')}
        seen |= {get(If_None_Match=tag), *self.seen("GET", self.output)}
        self.assert_all("GET", OUTPUTS_PATH, seen | {401, 503})

    def test_uploads(self) -> None:
        def post(image: bytes, headers: dict[str, str] | None = None) -> int:
            return self.service.upload(image, headers=headers).status

        seen = {post(self.photo), post(b"text, no photo"), post(b"")}
        seen |= {post(self.photo, {"Origin": "http://evil.example"})}
        key = {"Idempotency-Key": "one-key"}
        seen |= {post(self.photo, key), post(encode(drawing(), "PNG"), key)}
        _, kind = form(self.photo)
        head = f"POST {RESTORE_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{self.service.port}\r\n"
        large = f"{head}Content-Type: {kind}\r\nContent-Length: 99999999\r\n\r\n"
        seen.add(int(self.service.raw(large.encode(), half_close=True).split()[1]))
        seen |= self.seen("POST", RESTORE_PATH, plain=False)
        with Service(RATE_LIMIT_PER_MIN=1, RESTORE_ENABLED="true") as limited:
            seen |= {limited.upload(self.photo).status for _ in range(2)}
        self.assert_all("POST", RESTORE_PATH, seen | {401, 503})

    def test_the_others(self) -> None:
        for path in ("/healthz", "/readyz"):
            self.assert_all("GET", path, self.seen("GET", path) | {503})
        self.assert_all("GET", "/openapi.json", self.seen("GET", "/openapi.json") | {401, 503})

    def test_details_and_models(self) -> None:
        details = f"{self.job}/details"
        seen = self.seen("GET", details) | {self.service.request("GET", f"{NO_JOB}/details").status}
        self.assert_all("GET", f"{JOBS_PATH}/details", seen | {401, 503})
        before = f"{self.job}/before"
        seen = self.seen("GET", before) | {self.service.request("GET", f"{NO_JOB}/before").status}
        for name, value in (
            ("If-Match", '"other"'),
            ("Range", "bytes=0-1"),
            ("Range", "bytes=9999999-"),
        ):
            seen.add(self.service.request("GET", before, headers={name: value}).status)
        etag = self.service.request("GET", before).headers["etag"]
        seen.add(self.service.request("GET", before, headers={"If-None-Match": etag}).status)
        self.assert_all("GET", f"{JOBS_PATH}/before", seen | {401, 503})
        self.assert_all("GET", "/v1/models", self.seen("GET", "/v1/models") | {401, 503})

    def assert_all(self, method: str, path: str, seen: set[int]) -> None:
        """401 and 503 are added by who calls: DoorsTest sees these."""
        self.assertEqual(seen, self.described(method, path))


class HeadersTest(unittest.TestCase):
    def test_every_header_is_described_and_every_described_one_comes(self) -> None:
        known = {"accept-ranges", "cache-control", "content-disposition", "content-length", "date"}
        known |= {"connection", "content-type", "last-modified", "x-content-type-options"}
        photo = encode(drawing(), "PNG")
        image, kind = form(photo)
        came = set()
        with (
            Service(RATE_LIMIT_PER_MIN=9) as service,
            Service(API_TOKENS="desk:0123456789abcdef") as closed,
        ):
            job = service.ended(service.promise(photo))
            path, output = f"{JOBS_PATH}{job['job_id']}", urlsplit(job["result_url"]).path
            broken = service.ended(service.promise(photo[: len(photo) // 2]))
            jobs, outputs = f"{JOBS_PATH}{{job_id}}", f"{OUTPUTS_PATH}{{file}}"
            for server, method, where, operation, headers, status in (
                (service, "POST", RESTORE_PATH, RESTORE_PATH, {"Content-Type": kind}, 201),
                (service, "POST", RESTORE_PATH, RESTORE_PATH, {"Content-Type": "text/plain"}, 415),
                (service, "GET", path, jobs, {"Prefer": "wait=1"}, 200),
                (service, "GET", f"{JOBS_PATH}{broken['job_id']}", jobs, {}, 200),
                (service, "GET", NO_JOB, jobs, {}, 404),
                (service, "DELETE", NO_JOB, jobs, {}, 204),
                (service, "PUT", path, jobs, {}, 405),
                (closed, "GET", path, jobs, {}, 401),
                (service, "GET", output, outputs, {}, 200),
                (service, "GET", output, outputs, {"Range": "bytes=0-1"}, 206),
                (service, "GET", output, outputs, {"Range": "bytes=9999999-"}, 416),
                (service, "GET", output, outputs, {"If-None-Match": "*"}, 304),
                (service, "GET", f"{path}/before", f"{jobs}/before", {}, 200),
                (service, "GET", "/readyz", "/readyz", {}, 200),
            ):
                with self.subTest(method, where=where, status=status):
                    answer = server.request(method, where, image, headers)
                    item = description("1", ["m"])["paths"][operation]
                    described = item.get(method.lower(), item.get("get"))["responses"]
                    names = {name.lower() for name in described[str(status)]["headers"]}
                    self.assertEqual(status, answer.status)
                    self.assertEqual(set(), answer.headers.keys() - known - names)
                    came |= answer.headers.keys() - known
        self.assertEqual({name.lower() for name in _ANSWER_HEADERS}, came)


class DoorsTest(unittest.TestCase):
    """What is described of tokens, hosts, the flag and readiness, over a socket."""

    def test_a_token_is_wanted_but_for_health_page_and_options(self) -> None:
        token = "0123456789abcdef-own"
        with Service(API_TOKENS=f"phone:another-0123456789,desk:{token}") as service:
            for method, path in (
                *(("GET", NO_JOB), ("DELETE", NO_JOB), ("POST", RESTORE_PATH)),
                *(("GET", "/outputs/a.png"), ("GET", "/openapi.json")),
                *(("GET", f"{NO_JOB}/details"), ("GET", "/v1/models")),
                ("GET", f"{NO_JOB}/before"),
            ):
                for given in ("", "Bearer", "Bearer 0123456789abcdef-ow", f"Basic {token}"):
                    with self.subTest(path, method=method, given=given):
                        headers = {"Authorization": given} if given else {}
                        answer = service.request(method, path, headers=headers)
                        self.assertEqual(
                            (answer.status, answer.json["code"]), (401, "unauthorized")
                        )
                        self.assertTrue(answer.headers["www-authenticate"].startswith("Bearer"))
            own = {"Authorization": f"bearer {token}"}
            self.assertEqual(service.request("GET", NO_JOB, headers=own).status, 404)
            photo = encode(drawing(), "JPEG")
            self.assertEqual(service.upload(photo, headers=own).status, 201)
            for path in ("/healthz", "/readyz", "/"):
                self.assertEqual(service.request("GET", path).status, 200, path)
            self.assertEqual(service.request("OPTIONS", RESTORE_PATH).status, 204)
            self.assertNotIn(token, service.log)

    def test_only_allowed_hosts_are_answered(self) -> None:
        with Service(HOST="0.0.0.0", ALLOWED_HOSTS="Photos.example, box") as service:
            for host, status in (
                *(("photos.example", 200), ("box:8000", 200), ("localhost", 200)),
                *(("127.0.0.1", 200), ("evil.example", 421)),
            ):
                answer = service.request("GET", "/healthz", headers={"Host": host})
                self.assertEqual(answer.status, status, host)

    def test_the_flag_stops_uploads_and_not_readiness(self) -> None:
        with Service(RESTORE_ENABLED="false") as service:
            answer = service.upload(encode(drawing(), "JPEG"))
            self.assertEqual((answer.status, answer.json["code"]), (503, "disabled"))
            ready = service.request("GET", "/readyz")
            self.assertEqual((ready.status, ready.json), (200, {"status": "ready"}))

    def test_not_ready_says_why(self) -> None:
        with Service(MIN_FREE_DISK_MB=1 << 30) as service:
            answer = service.request("GET", "/readyz")
            self.assertEqual((answer.status, answer.json["code"]), (503, "not_ready"))
            self.assertIn("MIN_FREE_DISK_MB", answer.json["reasons"][0])
            self.assertEqual(service.request("GET", "/healthz").status, 200)

    def test_a_request_keeps_its_id_where_that_is_sane(self) -> None:
        photo = encode(drawing(), "JPEG")
        with Service() as service:
            answer = service.upload(photo, headers={"X-Request-Id": "abc-1.2_3"})
            self.assertEqual(answer.headers["x-request-id"], "abc-1.2_3")
            wait_until(lambda: service.events("restore.succeeded"), "the events")
            for event in service.events():
                self.assertEqual(event["request_id"], "abc-1.2_3")
            job_id = answer.json["job_id"]
            wait_until(lambda: service.log_has(f"{job_id} (request abc-1.2_3) succeeded"), "it")
            wait_until(lambda: service.log_has("201") and service.log_has("id=abc-1.2_3"), "a line")
            for odd in ("a b", "x" * 65, "{}"):
                answer = service.request("GET", "/healthz", headers={"X-Request-Id": odd})
                self.assertRegex(answer.headers["x-request-id"], r"\A[0-9a-f]{8}-[0-9a-f]+\Z")
                wait_until(partial(service.log_has, f"id={answer.headers['x-request-id']}"), "it")
            own = service.upload(photo, headers={"X-Request-Id": "{}"}).headers["x-request-id"]
            self.assertRegex(own, r"\A[0-9a-f]{8}-[0-9a-f]+\Z")
            wait_until(lambda: service.log_has(f"(request {own}) succeeded"), "the line")

    def test_a_jobs_request_is_known_after_a_crash(self) -> None:
        with Service(DUMMY_DELAY_S=60) as service:
            service.upload(encode(drawing(), "JPEG"), headers={"X-Request-Id": "before"})
            service.kill_group()
            service.settings["DUMMY_DELAY_S"] = "0"
            service.start()
            [event] = wait_until(lambda: service.events("restore.succeeded"), "the end")
            self.assertEqual(event["request_id"], "before")

    def test_only_listed_origins_are_told_that_they_may(self) -> None:
        listed, other = {"Origin": "https://app.example"}, {"Origin": "https://evil.example"}
        photo = encode(drawing(), "JPEG")
        with Service(CORS_ORIGINS="https://app.example") as service:
            ask = {"Access-Control-Request-Method": "POST"}
            answer = service.request("OPTIONS", RESTORE_PATH, headers=listed | ask)
            self.assertEqual(answer.status, 204)
            self.assertEqual(answer.headers["access-control-allow-origin"], listed["Origin"])
            self.assertIn("POST", answer.headers["access-control-allow-methods"])
            answer = service.upload(photo, headers=listed | {"Sec-Fetch-Site": "cross-site"})
            self.assertEqual(answer.status, 201)
            self.assertIn("Location", answer.headers["access-control-expose-headers"])
            self.assertNotIn("access-control-allow-credentials", answer.headers)
            refused = service.request("GET", NO_JOB, headers=listed)
            self.assertEqual(refused.headers["access-control-allow-origin"], listed["Origin"])
            self.assertEqual(service.upload(photo, headers=other).status, 403)
            answer = service.request("OPTIONS", RESTORE_PATH, headers=other | ask)
            self.assertNotIn("access-control-allow-origin", answer.headers)
            self.assertEqual(answer.headers["vary"], "Origin")

    def test_a_log_in_json_is_json_in_every_line(self) -> None:
        with Service(LOG_FORMAT="json") as service:
            service.request("GET", NO_JOB)
            service.stop()
            lines = [json.loads(line) for line in service.lines]
        [request] = [line for line in lines if line.get("path") == NO_JOB]
        self.assertEqual((request["status"], request["code"]), (404, "job_not_found"))
        self.assertTrue(any(line.get("message", "").startswith("Listening") for line in lines))
