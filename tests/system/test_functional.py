"""Each row of the contract, over a real socket against a real server process."""

import io
import re
import uuid
from urllib.parse import urljoin

from PIL import Image

from restore.contract.job import JOB_ERRORS
from tests.support.functional_testcase import MIB, SIZE, FunctionalTest, picture
from tests.support.service import form, wait_until

KEYS = ["job_id", "status", "progress", "result_url", "error"]


class JourneyTest(FunctionalTest):
    def test_created_job_is_polled_and_downloaded(self) -> None:
        answer = self.service.upload(picture("JPEG"))
        self.assertEqual(201, answer.status)
        self.assertEqual(["job_id", "status"], list(answer.json))
        job_id = answer.json["job_id"]
        self.assertEqual(job_id, str(uuid.UUID(job_id)))
        self.assertEqual("queued", answer.json["status"])
        for base in ("http://a/", "http://a/restore/"):
            asked = urljoin(base, "v1/restore")
            found = urljoin(asked, answer.headers["location"])
            self.assertEqual(f"{base}v1/jobs/{job_id}", found)
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
        told = f"{job['job_id']} (request"
        wait_until(lambda: self.service.log_has(told), "the line")
        [line] = [line for line in self.service.lines if told in line]
        self.assertIn("failed: decode_failed: jpeg: ", line)
        self.assertNotIn("Traceback", self.service.log)
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
        cases = [
            ("strength", text, "strength_invalid") for text in ("0", "1.01", "nan", "1e-1", "x")
        ]
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
        for data in (
            gif,
            picture("TIFF"),
            picture("BMP"),
            b"<svg></svg>" * 20,
            b"hello" * 20,
            b"x",
        ):
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
        self.assertEqual(
            (204, "GET, DELETE, HEAD, OPTIONS"), (answer.status, answer.headers["allow"])
        )
        self.assertEqual(200, self.service.request("GET", "/healthz").status)

    def test_each_request_leaves_a_line(self) -> None:
        self.service.request("GET", "/v1/jobs/for-the-log")
        line = re.compile(
            r"127\.0\.0\.1 GET /v1/jobs/for-the-log 404 \d+\.\dms job_not_found id=\S+\n"
        )
        wait_until(lambda: any(line.search(text) for text in self.service.lines), "the line")


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
