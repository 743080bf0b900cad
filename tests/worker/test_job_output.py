"""Where a provider may leave its result: in its folder or elsewhere, but never behind a link."""

import os
import tempfile
import unittest
from pathlib import Path

from PIL import Image

from restore.worker.job import Outcome, Task, run_job

_SIZE = (12, 8)


def _draw(path: Path, colour: str) -> str:
    Image.new("RGB", _SIZE, colour).save(path, "PNG")
    return str(path)


def elsewhere(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    return _draw(_outside(image_path) / "result.png", "green")


def relative(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    _draw(_outside(image_path) / "result.png", "green")
    return "../outside/result.png"


def unchanged(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    copy = _outside(image_path) / "copy.png"
    copy.write_bytes(Path(image_path).read_bytes())
    return str(copy)


def link(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    path = Path(image_path).with_name("link.png")
    path.symlink_to(_draw(_outside(image_path) / "result.png", "green"))
    return str(path)


def pipe(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    path = _outside(image_path) / "pipe.png"
    os.mkfifo(path)
    return str(path)


def folder(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    return str(_outside(image_path))


def text(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    path = _outside(image_path) / "secret"
    path.write_text("no picture", encoding="ascii")
    return str(path)


def _outside(_: str) -> Path:
    """A folder beside the one that the job works in, which is the current one."""
    path = Path.cwd().parent / "outside"
    path.mkdir(exist_ok=True)
    return path


class OutputTest(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name)
        self.folder = self.root / "work"
        self.folder.mkdir()
        self.upload = self.root / "upload"
        _draw(self.upload, "red")

    def run_with(self, name: str) -> Outcome:
        self.addCleanup(os.chdir, Path.cwd())
        task = Task(
            job_id="job",
            attempt=1,
            upload=str(self.upload),
            kind="png",
            folder=str(self.folder),
            provider=f"tests.worker.test_job_output:{name}",
            model_id="any",
            strength=0.6,
            upscale=1,
        )
        return run_job(task)

    def test_a_file_from_elsewhere_leaves_as_a_copy(self) -> None:
        for name in ("elsewhere", "relative"):
            with self.subTest(name):
                outcome = self.run_with(name)
                self.assertIsNone(outcome.error, outcome.detail)
                assert outcome.output is not None
                self.assertIn(self.folder, Path(outcome.output).parents)
                with Image.open(outcome.output) as image:
                    self.assertEqual((0, 128, 0), image.convert("RGB").getpixel((3, 3)))
                self.assertTrue((self.root / "outside" / "result.png").exists(), "not moved")

    def test_an_unchanged_copy_from_elsewhere_leaves_byte_for_byte(self) -> None:
        outcome = self.run_with("unchanged")
        assert outcome.output is not None, outcome.detail
        self.assertEqual(self.upload.read_bytes(), Path(outcome.output).read_bytes())

    def test_what_is_no_regular_file_or_no_picture_is_no_result(self) -> None:
        for name in ("link", "pipe", "folder", "text"):
            with self.subTest(name):
                outcome = self.run_with(name)
                self.assertEqual((None, "bad_output"), (outcome.output, outcome.error))
