"""static: files of the program, their ETag, and that no name of a client becomes a path."""

import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from restore.contract import Refusal
from restore.http.responses import Response
from restore.http.static import StaticFiles, static_file

TYPES = {"a.css": "text/css", "lost.js": "text/javascript"}
PACKAGE = "static_sample"  # made by each test, nowhere else


class StaticTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = Path(folder.name) / PACKAGE / "data"
        self.data.mkdir(parents=True)
        (self.data.parent / "__init__.py").write_text("")
        (self.data / "a.css").write_bytes(b"a { }")
        (self.data / "secret.txt").write_bytes(b"in no table")
        sys.path.insert(0, folder.name)
        self.addCleanup(sys.path.remove, folder.name)
        self.addCleanup(sys.modules.pop, PACKAGE, None)
        self.files = StaticFiles(PACKAGE, "data", TYPES, (("X-Of-All", "yes"),))

    def answer(self, name: str, if_none_match: str | None = None) -> Response:
        headers = {"if-none-match": if_none_match}
        return self.files.answer(headers.get, name)

    def test_the_whole_answer(self) -> None:
        answer = self.answer("a.css")
        headers = dict(answer.headers)
        self.assertEqual((200, b"a { }"), (answer.status, answer.body))
        self.assertRegex(headers.pop("ETag"), r'^"[0-9a-f]{32}"$')
        self.assertEqual(
            headers,
            {
                "Content-Type": "text/css",
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
                "X-Of-All": "yes",
            },
        )

    def test_who_has_it_is_told_so(self) -> None:
        etag = dict(self.answer("a.css").headers)["ETag"]
        for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            with self.subTest(tags):
                answer = self.answer("a.css", tags)
                self.assertEqual((304, b""), (answer.status, answer.body))
                self.assertEqual(etag, dict(answer.headers)["ETag"])
                self.assertNotIn("Content-Type", dict(answer.headers))
        for tags in ("", '"other"', etag.strip('"')):
            with self.subTest(tags):
                self.assertEqual(200, self.answer("a.css", tags).status)

    def test_the_etag_is_of_the_content(self) -> None:
        same, other = static_file("text/css", b"a { }"), static_file("text/css", b"a {  }")
        self.assertEqual(same.etag, dict(self.answer("a.css").headers)["ETag"])
        self.assertNotEqual(same.etag, other.etag)

    def test_only_what_the_table_names(self) -> None:
        names = ("secret.txt", "../__init__.py", "..%2f__init__.py", "./a.css", "A.CSS", "", "\0")
        for name in names:
            with self.subTest(name), self.assertRaises(Refusal) as caught:
                self.answer(name)
            self.assertEqual("not_found", caught.exception.code)

    def test_a_file_of_the_table_that_is_lost_is_our_fault(self) -> None:
        with self.assertRaises(OSError):
            self.answer("lost.js")

    def test_read_once(self) -> None:
        first = self.answer("a.css")
        (self.data / "a.css").unlink()
        self.assertEqual(first, self.answer("a.css"))

    def test_out_of_a_zip(self) -> None:
        """In a process of its own: a package is found in one place once and for all."""
        file = self.data.parent / "sample.zip"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("zipped_sample/__init__.py", "")
            archive.writestr("zipped_sample/data/a.css", "from a zip")
        code = (
            "from restore.http.static import StaticFiles;"
            "files = StaticFiles('zipped_sample', 'data', {'a.css': 'text/css'}, ());"
            "print(files.answer({}.get, 'a.css').body)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": f"{Path.cwd()}:{file}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual("b'from a zip'\n", done.stdout, done.stderr)
