"""handlers: results over a real socket: whole, in part, under conditions."""

from typing import ClassVar

from tests.support.functional_testcase import FunctionalTest, picture
from tests.support.service import Answer


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
        for name in whole.headers.keys() - {"date", "x-request-id"}:
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
                answer = self.get(Range=text)
                self.assertEqual((200, self.whole), (answer.status, answer.body))
        answer = self.get(Range=f"bytes={size}-")
        self.assert_refused(answer, "range_not_satisfiable")
        self.assertEqual(f"bytes */{size}", answer.headers["content-range"])

    def test_a_range_of_head_is_ignored(self) -> None:
        answer, whole = self.get("HEAD", Range="bytes=0-3"), self.get()
        self.assertEqual((200, b""), (answer.status, answer.body))
        self.assertEqual(whole.headers["content-length"], answer.headers["content-length"])
        self.assertNotIn("content-range", answer.headers)

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
        self.assertEqual(200, self.get(If_Match=etag).status)
        self.assertEqual(206, self.get(If_Match="*", Range="bytes=0-1").status)
        for method in ("GET", "HEAD"):
            self.assertEqual(412, self.get(method, If_Match='"x"', If_None_Match=etag).status)
        self.assert_refused(self.get(If_Match=f"W/{etag}"), "precondition_failed")

    def test_what_is_there_and_cannot_be_opened_is_no_404(self) -> None:
        job = self.service.ended(self.service.promise(picture("PNG")))
        path = "/" + job["result_url"].split("/", 3)[3]
        file = self.service.storage / path[1:]
        file.unlink()
        self.assert_refused(self.service.request("GET", path), "result_not_found")
        file.symlink_to(file)  # for it open() fails, even where root asks
        answer = self.service.request("GET", path)
        self.assert_refused(answer, "storage_unavailable")
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
