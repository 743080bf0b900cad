"""Which photos are found, and the names that their results get."""

import tempfile
import unittest
from pathlib import Path

from restore.app.photo.arguments import UsageError, parse
from restore.app.photo.sources import Photo, find

JPEG, PNG = b"\xff\xd8\xff\xe0 and so on", b"\x89PNG\r\n\x1a\n and so on"


class FindTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def put(self, *names: str) -> None:
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PNG if name.endswith("png") else JPEG)

    def find(self, *arguments: str) -> list[Photo]:
        texts = [text.replace("@", str(self.folder)) for text in arguments]
        return list(find(parse(texts), self.folder))

    def targets(self, *arguments: str) -> list[str]:
        found = self.find(*arguments)
        self.assertEqual([photo.error for photo in found], [None] * len(found))
        return [str(photo.target).replace(f"{self.folder}/", "") for photo in found]

    def test_beside_the_photo(self) -> None:
        self.put("a.JPEG", "b.png")
        self.assertEqual(self.targets("@/a.JPEG", "@/b.png"), ["a-restored.jpg", "b-restored.png"])

    def test_no_two_results_share_a_name(self) -> None:
        self.put("a.jpg", "A.jpeg", "x/a.jpg")
        found = self.targets("@/a.jpg", "@/A.jpeg", "@/x/a.jpg", "-o", "@/out")
        self.assertEqual(
            found, ["out/a-restored.jpg", "out/A-restored-2.jpg", "out/a-restored-3.jpg"]
        )

    def test_folders(self) -> None:
        self.put("x/a.jpg", "x/y/b.jpg", "x/a-restored.jpg", "x/a-restored-2.jpg", "x/.c.jpg")
        self.put("x/un-restored-photo.jpg", "x/notes.txt")
        self.assertEqual(
            self.targets("-r", "@/x", "-o", "@/out"),
            ["out/a-restored.jpg", "out/un-restored-photo-restored.jpg", "out/y/b-restored.jpg"],
        )
        with self.assertRaises(UsageError):
            self.find("@/x")

    def test_a_result_that_is_named_is_a_photo(self) -> None:
        self.put("a-restored.jpg")
        self.assertEqual(self.targets("@/a-restored.jpg"), ["a-restored-restored.jpg"])

    def test_what_can_not_be_had_is_said(self) -> None:
        self.put("a.jpg", "a-restored.jpg")
        (self.folder / "text.jpg").write_text("hello")
        (self.folder / "loop.jpg").symlink_to("loop.jpg")
        found = self.find("@/a.jpg", "@/none.jpg", "@/text.jpg", "@/loop.jpg")
        codes = [photo.error.code if photo.error else "" for photo in found]
        self.assertEqual(codes, ["exists", "unreadable", "unsupported_image", "unreadable"])
