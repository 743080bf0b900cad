"""Each row of the contract, over a real socket against a real server process."""

import io
import json
import unittest
import uuid
from typing import ClassVar

import pillow_heif
from PIL import Image

from restore.contract import JOB_ERRORS, PROBLEMS
from tests.service import Answer, Service, form

MIB = 1024 * 1024
SIZE = (96, 64)
KEYS = ["job_id", "status", "progress", "result_url", "error"]


def picture(kind: str, size: tuple[int, int] = SIZE, **options: object) -> bytes:
    """A small picture with some content, in one of the four formats."""
    image = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_180), image))
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


class FunctionalTest(unittest.TestCase):
    """One server for all that doesn't change its settings."""

    service: ClassVar[Service]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Service(MAX_IMAGE_MB=1)
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)

    def assert_refused(self, answer: Answer, code: str) -> None:
        """An error of the table: its status, its slug, a sentence, and nothing of our insides."""
        self.assertEqual((PROBLEMS[code].status, code), (answer.status, answer.json["code"]))
        self.assertEqual(["code", "error"], sorted(answer.json))
        self.assertRegex(answer.json["error"], r"^[A-Z].+\.$|^\w+ must be .+\.$")
        for secret in ("/", "Traceback", "Error", ".py"):
            if code not in ("model_unknown", "unsupported_content_type"):
                self.assertNotIn(secret, answer.json["error"])


class JourneyTest(FunctionalTest):
    def test_created_job_is_polled_and_downloaded(self) -> None:
        answer = self.service.upload(picture("JPEG"))
        self.assertEqual(201, answer.status)
        self.assertEqual(["job_id", "status"], list(answer.json))
        job_id = answer.json["job_id"]
        self.assertEqual(job_id, str(uuid.UUID(job_id)))
        self.assertEqual("queued", answer.json["status"])
        self.assertEqual(f"/v1/jobs/{job_id}", answer.headers["location"])
        self.assertEqual("application/json", answer.headers["content-type"])
        job = self.service.ended(job_id)
        self.assertEqual(KEYS, list(job))
        url = f"http://127.0.0.1:{self.service.port}/outputs/{job_id}.jpg"
        expected = [job_id, "succeeded", 1.0, url, None]
        self.assertEqual(expected, list(job.values()))
        result = self.service.result(job)
        self.assertEqual("image/jpeg", result.headers["content-type"])
        self.assertEqual(SIZE, Image.open(io.BytesIO(result.body)).size)

    def test_every_format_comes_out_as_png_or_jpeg(self) -> None:
        for kind, media_type in (
            ("JPEG", "image/jpeg"),
            ("PNG", "image/png"),
            ("WEBP", "image/png"),
            ("HEIF", "image/jpeg"),
        ):
            with self.subTest(kind):
                job = self.service.ended(self.service.promise(picture(kind)))
                self.assertEqual(("succeeded", None), (job["status"], job["error"]))
                result = self.service.result(job)
                self.assertEqual(media_type, result.headers["content-type"])
                self.assertEqual(SIZE, Image.open(io.BytesIO(result.body)).size)

    def test_upscale_multiplies_the_sides(self) -> None:
        for upscale in (1, 2, 4):
            with self.subTest(upscale):
                job_id = self.service.promise(picture("PNG"), upscale=str(upscale))
                result = self.service.result(self.service.ended(job_id))
                width, height = Image.open(io.BytesIO(result.body)).size
                self.assertEqual((SIZE[0] * upscale, SIZE[1] * upscale), (width, height))

    def test_untouched_upload_leaves_byte_for_byte(self) -> None:
        upload = picture("JPEG", comment=b"as it came")
        job = self.service.ended(self.service.promise(upload))
        self.assertEqual(upload, self.service.result(job).body)

    def test_damaged_image_fails_its_job_with_a_sentence(self) -> None:
        whole = picture("JPEG", (400, 400), quality=95)
        job_id = self.service.promise(whole[: len(whole) // 2])
        job = self.service.ended(job_id)
        self.assertEqual(("failed", None), (job["status"], job["result_url"]))
        self.assertEqual(JOB_ERRORS["decode_failed"], job["error"])
        answer = self.service.request("GET", f"/v1/jobs/{job_id}")
        self.assertEqual("decode_failed", answer.headers["restore-error-code"])
        self.assertEqual("no-store", answer.headers["cache-control"])

    def test_events_tell_a_job_s_life(self) -> None:
        job_id = self.service.promise(picture("PNG"))
        self.service.ended(job_id)
        events = [event for event in self.service.events() if event["job_id"] == job_id]
        names = [event["event"] for event in events]
        self.assertEqual(["restore.requested", "restore.started", "restore.succeeded"], names)
        self.assertEqual("restoration/gfpgans-1.4", events[0]["model_id"])
        self.assertEqual(1, events[1]["attempt"])
        self.assertGreaterEqual(events[2]["duration_ms"], 0)
        self.assertTrue(all(event["provider"] == "dummy" and event["time"] for event in events))


class RefusalTest(FunctionalTest):
    def test_wrong_fields(self) -> None:
        image = picture("PNG")
        cases = [("strength", text, "strength_invalid") for text in ("0", "1.01", "nan", "1e-1", "x")]
        cases += [("upscale", text, "upscale_invalid") for text in ("0", "3", "2.0", "02", "two")]
        cases += [("model_id", "restoration/unknown", "model_unknown")]
        for name, text, code in cases:
            with self.subTest(name=name, text=text):
                self.assert_refused(self.service.upload(image, {name: text}), code)

    def test_good_fields(self) -> None:
        image = picture("PNG")
        for name, text in (
            ("strength", "0.1"),
            ("strength", " .5 "),
            ("strength", "1."),
            ("strength", ""),
            ("upscale", " 2 "),
            ("model_id", ""),
            ("model_id", "restoration/gfpgans-1.4"),
            ("anything", "else"),
        ):
            with self.subTest(name=name, text=text):
                self.assertEqual(201, self.service.upload(image, {name: text}).status)

    def test_field_given_twice(self) -> None:
        answer = self.service.upload(picture("PNG"), [("upscale", "1"), ("upscale", "1")])
        self.assert_refused(answer, "field_repeated")

    def test_form_without_image(self) -> None:
        self.assert_refused(self.service.upload(None, {"strength": "0.5"}), "image_missing")
        self.assert_refused(self.service.upload(b""), "image_empty")

    def test_what_is_no_form(self) -> None:
        answer = self.service.request("POST", "/v1/restore", b"{}", {"Content-Type": "text/json"})
        self.assert_refused(answer, "unsupported_content_type")
        for content_type in ("multipart/form-data", "multipart/form-data; boundary="):
            headers = {"Content-Type": content_type}
            answer = self.service.request("POST", "/v1/restore", b"--x--", headers)
            self.assert_refused(answer, "malformed_form")

    def test_what_is_no_image_of_ours(self) -> None:
        gif = picture("GIF")
        for data in (gif, picture("TIFF"), picture("BMP"), b"<svg></svg>" * 20, b"hello" * 20, b"x"):
            with self.subTest(data[:8]):
                self.assert_refused(self.service.upload(data), "unsupported_image")

    def test_format_is_told_by_the_bytes_alone(self) -> None:
        body, content_type = form(picture("PNG"), file_name="photo.gif")
        answer = self.service.request("POST", "/v1/restore", body, {"Content-Type": content_type})
        self.assertEqual(201, answer.status)

    def test_size_of_the_image_is_counted(self) -> None:
        image = picture("JPEG")
        exactly = image + bytes(MIB - len(image))
        self.assertEqual(201, self.service.upload(exactly).status)
        self.assert_refused(self.service.upload(exactly + b"\0"), "payload_too_large")

    def test_declared_length_is_refused_before_the_body(self) -> None:
        head = (
            "POST /v1/restore HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {3 * MIB}\r\n\r\n"
        )
        received = self.service.raw(head.encode(), half_close=True)
        self.assertTrue(received.startswith(b"HTTP/1.1 413 "), received[:80])

    def test_more_than_4096_pixels(self) -> None:
        answer = self.service.upload(picture("PNG", (4097, 8)))
        self.assert_refused(answer, "image_dimensions")
        self.assertIn("4097 x 8", answer.json["error"])
        self.assertIn("4096", answer.json["error"])
        self.assertEqual(201, self.service.upload(picture("PNG", (4096, 8))).status)

    def test_unknown_addresses_and_methods(self) -> None:
        missing = str(uuid.uuid4())
        for method, path, code in (
            ("GET", "/", "not_found"),
            ("GET", f"/v1/jobs/{missing}", "job_not_found"),
            ("GET", "/v1/jobs/nonsense", "job_not_found"),
            ("DELETE", "/v1/jobs/nonsense", "job_not_found"),
            ("GET", "/v1/jobs/", "not_found"),
            ("GET", f"/outputs/{missing}.png", "result_not_found"),
            ("GET", "/outputs/..%2fjobs.sqlite3", "result_not_found"),
            ("GET", "/outputs/../jobs.sqlite3", "not_found"),
            ("GET", "/v1/restore", "method_not_allowed"),
            ("PUT", f"/v1/jobs/{missing}", "method_not_allowed"),
            ("POST", "/healthz", "method_not_allowed"),
        ):
            with self.subTest(f"{method} {path}"):
                self.assert_refused(self.service.request(method, path), code)
        answer = self.service.request("GET", "/v1/restore")
        self.assertEqual("POST, OPTIONS", answer.headers["allow"])

    def test_options_and_health(self) -> None:
        answer = self.service.request("OPTIONS", "/v1/jobs/x")
        self.assertEqual((204, "GET, DELETE, HEAD, OPTIONS"), (answer.status, answer.headers["allow"]))
        self.assertEqual(200, self.service.request("GET", "/healthz").status)

    def test_each_request_leaves_a_line(self) -> None:
        self.service.request("GET", "/v1/jobs/for-the-log")
        line = r"127\.0\.0\.1 GET /v1/jobs/for-the-log 404 \d+\.\dms job_not_found\n"
        from tests.service import wait_until

        wait_until(lambda: any(_matches(line, text) for text in self.service.lines), "the line")


def _matches(pattern: str, text: str) -> bool:
    import re

    return re.search(pattern, text) is not None


class BrowserTest(FunctionalTest):
    def test_foreign_origin_is_refused(self) -> None:
        image = picture("PNG")
        own = f"http://127.0.0.1:{self.service.port}"
        self.assertEqual(201, self.service.upload(image, headers={"Origin": own}).status)
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": own + "0"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            with self.subTest(headers):
                self.assert_refused(self.service.upload(image, headers=headers), "cross_origin")
                path = f"/v1/jobs/{uuid.uuid4()}"
                answer = self.service.request("DELETE", path, headers=headers)
                self.assert_refused(answer, "cross_origin")

    def test_foreign_host_is_refused(self) -> None:
        for host, status in (
            ("evil.example", 421),
            ("localhost.evil.example:8000", 421),
            ("2130706433", 421),
            ("localhost:1", 200),
            ("10.0.2.2:8000", 200),
            ("[::1]", 200),
        ):
            with self.subTest(host):
                answer = self.service.request("GET", "/healthz", headers={"Host": host})
                self.assertEqual(status, answer.status)


class ResultTest(FunctionalTest):
    """Conditional and range requests: RFC 9110, sections 13 and 14."""

    url: ClassVar[str]
    whole: ClassVar[bytes]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        job = cls.service.ended(cls.service.promise(picture("PNG")))
        cls.url = "/" + job["result_url"].split("/", 3)[3]
        cls.whole = cls.service.result(job).body

    def get(self, method: str = "GET", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.service.request(method, self.url, headers=named)

    def test_headers_of_the_whole(self) -> None:
        answer = self.get()
        self.assertEqual((200, self.whole), (answer.status, answer.body))
        self.assertEqual("image/png", answer.headers["content-type"])
        self.assertIn("immutable", answer.headers["cache-control"])
        self.assertEqual("nosniff", answer.headers["x-content-type-options"])
        self.assertEqual("bytes", answer.headers["accept-ranges"])
        self.assertRegex(answer.headers["etag"], r'^"[^"]+"$')
        self.assertRegex(answer.headers["last-modified"], r"GMT$")
        self.assertRegex(answer.headers["content-disposition"], r'filename="restored-\w+\.png"')

    def test_head_is_get_without_body(self) -> None:
        answer, whole = self.get("HEAD"), self.get()
        self.assertEqual((200, b""), (answer.status, answer.body))
        for name in whole.headers.keys() - {"date"}:
            self.assertEqual(whole.headers[name], answer.headers[name])

    def test_ranges(self) -> None:
        size = len(self.whole)
        for text, expected in (
            ("bytes=0-9", slice(0, 10)),
            ("bytes=10-", slice(10, size)),
            ("bytes=-5", slice(size - 5, size)),
            (f"bytes=5-{size * 2}", slice(5, size)),
        ):
            with self.subTest(text):
                answer = self.get(Range=text)
                self.assertEqual((206, self.whole[expected]), (answer.status, answer.body))
                content_range = f"bytes {expected.start}-{expected.stop - 1}/{size}"
                self.assertEqual(content_range, answer.headers["content-range"])
        for text in ("bytes=9-5", "lines=1-2", "bytes=0-1,4-5", "bytes=", "bytes=-"):
            with self.subTest(text):
                self.assertEqual((200, self.whole), (self.get(Range=text).status, self.whole))
        answer = self.get(Range=f"bytes={size}-")
        self.assert_refused(answer, "range_not_satisfiable")
        self.assertEqual(f"bytes */{size}", answer.headers["content-range"])

    def test_conditions(self) -> None:
        whole = self.get()
        etag, modified = whole.headers["etag"], whole.headers["last-modified"]
        self.assertEqual(304, self.get(If_None_Match=etag).status)
        self.assertEqual(304, self.get(If_None_Match=f'"x", W/{etag}').status)
        self.assertEqual(304, self.get(If_None_Match="*").status)
        self.assertEqual(200, self.get(If_None_Match='"x"').status)
        self.assertEqual(304, self.get(If_Modified_Since=modified).status)
        self.assertEqual(200, self.get(If_None_Match='"x"', If_Modified_Since=modified).status)
        self.assertEqual(206, self.get(Range="bytes=0-1", If_Range=etag).status)
        self.assertEqual(200, self.get(Range="bytes=0-1", If_Range=f"W/{etag}").status)
        self.assertEqual(206, self.get(Range="bytes=0-1", If_Range=modified).status)
        self.assertEqual(b"", self.get(If_None_Match=etag).body)


class SettingsTest(unittest.TestCase):
    """What a setting changes."""

    def test_feature_flag_stops_new_uploads_only(self) -> None:
        with Service() as service:
            job = service.ended(service.promise(picture("PNG")))
            storage = service.storage
            service.stop()
            with Service(storage, RESTORE_ENABLED="false") as again:
                answer = again.upload(picture("PNG"))
                self.assertEqual((503, "disabled"), (answer.status, answer.json["code"]))
                self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
                self.assertEqual("succeeded", again.poll(job["job_id"])["status"])
                self.assertEqual(200, again.result(job).status)

    def test_rate_limit_counts_every_post(self) -> None:
        with Service(RATE_LIMIT_PER_MIN=2) as service:
            statuses = [service.upload(b"").status, service.upload(picture("PNG")).status]
            answer = service.upload(picture("PNG"))
            self.assertEqual([400, 201, 429], [*statuses, answer.status])
            self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
            self.assertEqual(200, service.request("GET", "/healthz").status)

    def test_queue_is_bounded(self) -> None:
        with Service(MAX_QUEUE=2, WORKERS=1, DUMMY_DELAY_S=600) as service:
            answers = [service.upload(picture("PNG")) for _ in range(4)]
            refused = [answer for answer in answers if answer.status != 201]
            self.assertIn(len(refused), (1, 2))  # the first may be running already, or not yet
            for answer in refused:
                self.assertEqual((503, "queue_full"), (answer.status, answer.json["code"]))
                self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)

    def test_result_url_begins_with_the_setting(self) -> None:
        with Service(RESULT_BASE_URL="http://10.0.2.2:8000/") as service:
            job = service.ended(service.promise(picture("PNG")))
            self.assertEqual(f"http://10.0.2.2:8000/outputs/{job['job_id']}.png", job["result_url"])
            self.assertTrue(service.log_has("WARNING RESULT_BASE_URL"))

    def test_empty_base_url_is_the_client_s_own_address(self) -> None:
        with Service() as service:
            job = service.ended(service.promise(picture("PNG")))
            host = {"Host": "localhost:1234"}
            answer = service.request("GET", f"/v1/jobs/{job['job_id']}", headers=host)
            self.assertTrue(answer.json["result_url"].startswith("http://localhost:1234/outputs/"))

    def test_start_says_what_runs(self) -> None:
        with Service() as service:
            for text in ("Listening on http://127.0.0.1:", "http://10.0.2.2:", "Provider: dummy"):
                self.assertTrue(service.log_has(text), text)
            self.assertTrue(service.log_has(str(service.storage)))

    def test_wrong_starts_end_with_one_sentence(self) -> None:
        with Service() as running:
            for settings, words in (
                ({"HOST": "photos.example"}, ("HOST", "photos.example")),
                ({"PORT": running.port}, (str(running.port),)),
                ({"STORAGE_DIR": running.storage, "SHUTDOWN_GRACE_S": "0"}, ("another",)),
                ({"PROVIDER": "nowhere:run"}, ("nowhere",)),
                ({"UPSCALE": "x", "WORKERS": "none"}, ("WORKERS", "none")),
            ):
                with self.subTest(settings):
                    service = Service(**settings)
                    service.launch()
                    self.assertNotEqual(0, service.wait())
                    from tests.service import wait_until

                    wait_until(lambda s=service: s.lines, "a sentence")
                    last = service.lines[-1]
                    for word in words:
                        self.assertIn(word, last)
                    self.assertNotIn("Traceback", service.log)
                    service.__exit__()


class ProviderTest(unittest.TestCase):
    def test_generic_restores(self) -> None:
        with Service(PROVIDER="generic") as service:
            answer = service.upload(picture("PNG"), {"model_id": "restoration/classic"})
            self.assertEqual(201, answer.status)
            job = service.ended(answer.json["job_id"])
            self.assertEqual("succeeded", job["status"])
            message = service.upload(picture("PNG"), {"model_id": "x"}).json["error"]
            self.assertIn("restoration/classic", message)
            self.assertIn("restoration/gfpgans-1.4", message)

    def test_progress_moves_and_never_falls(self) -> None:
        with Service(DUMMY_DELAY_S="1") as service:
            job_id = service.promise(picture("PNG"))
            seen = [service.poll(job_id)]
            while seen[-1]["status"] in ("queued", "running"):
                seen.append(service.poll(job_id))
            progress = [job["progress"] for job in seen]
            self.assertEqual(sorted(progress), progress)
            self.assertEqual(1.0, progress[-1])
            self.assertGreater(len({p for p in progress if 0.0 < p < 1.0}), 3)
            order = ["queued", "running", "succeeded"]
            ranks = [order.index(job["status"]) for job in seen]
            self.assertEqual(sorted(ranks), ranks)
            self.assertTrue(all(json.dumps(job) for job in seen))


if __name__ == "__main__":
    unittest.main()
