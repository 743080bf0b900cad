"""pages: that every file of it is served as what it is, and that none breaks the page's rules."""

import json
import re
import unittest
from pathlib import Path

import restore
from restore.api.pages import INDEX, LIMITS, MEDIA_TYPES
from tests.support.functional_testcase import FunctionalTest
from tests.support.service import Service

WEB = Path(restore.__file__).parent / "web"
FILE_LINES = 350
PAGE_BYTES = 200_000  # all of it, the example's photo included
RELATIVE = re.compile(r"""(?:href|src)="([^"]+)"|url\("([^"]+)"\)|from "([^"]+)";""")


class FilesTest(unittest.TestCase):
    def test_the_table_is_the_folder(self) -> None:
        self.assertEqual(sorted(MEDIA_TYPES), sorted(path.name for path in WEB.iterdir()))

    def test_what_a_file_asks_for_is_there_and_relative(self) -> None:
        for path in WEB.iterdir():
            if path.suffix == ".jpg":
                continue
            for found in RELATIVE.findall(path.read_text(encoding="utf-8")):
                address = "".join(found)
                with self.subTest(path.name, address=address):
                    if address.startswith("#"):
                        continue
                    name = address.removeprefix("web/" if path.name == INDEX else "./")
                    self.assertIn(name, MEDIA_TYPES)

    def test_each_id_is_there_once(self) -> None:
        ids = re.findall(r'\bid="([^"]+)"', (WEB / INDEX).read_text(encoding="utf-8"))
        self.assertEqual(sorted(set(ids)), sorted(ids))

    def test_nothing_inline(self) -> None:
        """The policy would refuse it, without a word to the user."""
        text = (WEB / INDEX).read_text(encoding="utf-8")
        self.assertNotRegex(text, r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]* src=)")

    def test_all_texts_are_in_one_object(self) -> None:
        """What stands between tags is only the name and what is seen without JavaScript."""
        text = (WEB / INDEX).read_text(encoding="utf-8")
        text = re.sub(r"<noscript>.*?</noscript>|<svg.*?</svg>", "", text, flags=re.DOTALL)
        self.assertEqual(["restore", "restore"], re.findall(r">\s*([^<>\s][^<>]*)<", text))
        keys = set(re.findall(r'data-text="(\w+)"', text))
        texts = (WEB / "texts.js").read_text(encoding="utf-8")
        self.assertEqual(set(), {key for key in keys if not re.search(rf"^  {key}: ", texts, re.M)})

    def test_every_text_is_used(self) -> None:
        texts = (WEB / "texts.js").read_text(encoding="utf-8")
        others = "".join(
            path.read_text(encoding="utf-8")
            for path in WEB.iterdir()
            if path.suffix in (".js", ".html") and path.name != "texts.js"
        )
        named = set(re.findall(r'"(\w+)"', others))  # such as a stage, by whose name it is found
        for key in re.findall(r"^  (\w+):", texts, re.M):
            with self.subTest(key):
                used = re.search(rf'texts\.{key}\b|data-text="{key}"', others)
                self.assertTrue(used or key in named)

    def test_sizes(self) -> None:
        for path in WEB.glob("*.[jc]s*"):
            with self.subTest(path.name):
                lines = path.read_text(encoding="utf-8").splitlines()
                self.assertLessEqual(len(lines), FILE_LINES)
        self.assertLessEqual(sum(path.stat().st_size for path in WEB.iterdir()), PAGE_BYTES)


class ServedTest(FunctionalTest):
    def test_every_file_as_what_it_is(self) -> None:
        for name, media_type in MEDIA_TYPES.items():
            with self.subTest(name):
                answer = self.service.request("GET", "/" if name == INDEX else f"/web/{name}")
                self.assertEqual((200, media_type), (answer.status, answer.headers["content-type"]))
                self.assertEqual((WEB / name).read_bytes(), answer.body)

    def test_the_policy_lets_nothing_else_in(self) -> None:
        for path in ("/", "/web/app.js", "/web/icon.svg", f"/web/{LIMITS}"):
            with self.subTest(path):
                headers = self.service.request("GET", path).headers
                self.assertEqual(
                    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
                    " connect-src 'self'; form-action 'self'; frame-ancestors 'none';"
                    " base-uri 'none'",
                    headers["content-security-policy"],
                )
                self.assertEqual("nosniff", headers["x-content-type-options"])
                self.assertEqual("same-origin", headers["cross-origin-resource-policy"])

    def test_head_304_and_other_methods(self) -> None:
        whole = self.service.request("GET", "/")
        head = self.service.request("HEAD", "/")
        self.assertEqual((200, b""), (head.status, head.body))
        for name in ("content-length", "etag", "content-type"):
            self.assertEqual(whole.headers[name], head.headers[name])
        again = self.service.request("GET", "/", headers={"If-None-Match": whole.headers["etag"]})
        self.assertEqual((304, b""), (again.status, again.body))
        for method in ("POST", "DELETE", "PUT"):
            refused = self.service.request(method, "/")
            self.assert_refused(refused, "method_not_allowed")
            self.assertEqual("GET, HEAD, OPTIONS", refused.headers["allow"])

    def test_no_other_file(self) -> None:
        paths = ("/web/", "/web", "/web/index.html", "/web/../config.py", "/web/%2e%2e/config.py")
        for path in (*paths, "/web//app.js", "/web/app.js/", "/web/app.py", "/index.html"):
            with self.subTest(path):
                self.assert_refused(self.service.request("GET", path), "not_found")

    def test_the_limits_are_the_servers_own(self) -> None:
        told = self.service.request("GET", f"/web/{LIMITS}")
        self.assertEqual("application/json", told.headers["content-type"])
        self.assertEqual(
            {"max_image_bytes": 1 << 20, "max_side_px": 4096, "upscales": [1, 2, 4]},
            json.loads(told.body),
        )


class OffTest(unittest.TestCase):
    def test_without_a_page_there_is_nothing_there(self) -> None:
        with Service(PAGE="false") as service:
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                for path in ("/", "/web/app.js", f"/web/{LIMITS}"):
                    with self.subTest(method, path=path):
                        expected = 204 if (method, path) == ("OPTIONS", "/") else 404
                        self.assertEqual(expected, service.request(method, path).status)
            self.assertEqual(200, service.request("GET", "/healthz").status)
