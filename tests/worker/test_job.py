import errno
import os
import pickle
import shutil
import sys
import tempfile
import unittest
from collections import namedtuple
from pathlib import Path
from unittest import mock

from PIL import Image

from restore import progress
from restore.contract.http import PROBLEMS
from restore.contract.job import JOB_ERRORS
from restore.images import ImageError
from restore.progress import Listener
from restore.worker import job
from restore.worker.calls import RESULT_BYTES
from restore.worker.job import Inspection, Outcome, Task

Disk = namedtuple("Disk", "f_bavail f_frsize f_files f_favail")
NEARLY_FULL = Disk(1000, 1 << 20, 100, 100)  # 1000 MiB free
ROOMY = Disk(5000, 1 << 20, 100, 100)


class WorkerCase(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name)
        self.folder = self.root / "work"
        self.folder.mkdir()
        self.upload = self.root / "photo.upload"
        self.draw("PNG")

    def draw(self, kind: str, size: tuple[int, int] = (24, 16)) -> None:
        Image.linear_gradient("L").resize(size).convert("RGB").save(self.upload, kind)

    def task(self, provider: str, **changes: object) -> Task:
        task = Task(
            job_id="job",
            attempt=1,
            upload=str(self.upload),
            kind="png",
            folder=str(self.folder),
            provider=provider,
            model_id="bad/provider",
            strength=0.6,
            upscale=1,
        )
        return task._replace(**changes)  # type: ignore[arg-type]

    def run_bad(self, name: str, **changes: object) -> Outcome:
        return job.run_job(self.task(f"tests.support.bad_providers:{name}", **changes))


class RunJobTest(WorkerCase):
    def test_a_result_lies_in_the_folder_with_the_right_size(self) -> None:
        for kind, extension in (("png", ".png"), ("jpeg", ".jpg")):
            self.draw(kind.upper())
            for upscale in (1, 2, 4):
                with self.subTest(f"{kind} {upscale}"):
                    task = self.task("generic", kind=kind, upscale=upscale)
                    outcome = job.run_job(task)
                    self.assertIsNone(outcome.error, outcome.detail)
                    output = Path(str(outcome.output))
                    self.assertIn(self.folder, output.parents)
                    self.assertEqual(output.suffix, extension)
                    with Image.open(output) as image:
                        self.assertEqual(image.size, (24 * upscale, 16 * upscale))
                    shutil.rmtree(self.folder)
                    self.folder.mkdir()

    def test_what_the_provider_found_is_noted_in_one_line(self) -> None:
        with mock.patch(
            "tests.support.bad_providers.report", lambda _: progress.note("a\nb " * 2000)
        ):
            outcome = self.run_bad("reports_halfway")
        self.assertIsNone(outcome.error, outcome.detail)
        self.assertTrue(outcome.note.startswith("a b a b"))
        self.assertLessEqual(len(outcome.note), job.NOTE_CHARS)

    def test_the_unchanged_upload_leaves_byte_for_byte(self) -> None:
        outcome = self.run_bad("returns_input")
        self.assertEqual(Path(str(outcome.output)).read_bytes(), self.upload.read_bytes())

    def test_an_input_changed_in_place_is_a_result_and_the_upload_stays(self) -> None:
        before = self.upload.read_bytes()
        outcome = self.run_bad("changes_input")
        self.assertIsNone(outcome.error, outcome.detail)
        with Image.open(str(outcome.output)) as image:
            self.assertEqual(image.getextrema(), ((0, 0),) * 3)
        self.assertEqual(self.upload.read_bytes(), before)

    def test_each_way_to_go_wrong_is_one_of_the_jobs_errors(self) -> None:
        before = self.upload.read_bytes()
        expected = {
            "provider_error": "raises raises_unpicklable raises_undescribable raises_at_length"
            " exits_politely interrupts recurses",
            "bad_output": "returns_none returns_missing returns_folder returns_outside returns_link"
            " returns_pipe returns_text returns_wrong_size deletes_input damages_input",
        }
        for error, names in expected.items():
            self.assertIn(error, JOB_ERRORS)
            for name in names.split():
                with self.subTest(name):
                    outcome = self.run_bad(name)
                    self.assertEqual((outcome.output, outcome.error), (None, error))
                    self.assertIn("Traceback", outcome.detail)
                    self.assertLess(len(outcome.detail), 9000)
                    self.assertFalse(outcome.again)
                    self.assertEqual(self.upload.read_bytes(), before)
                shutil.rmtree(self.folder)
                self.folder.mkdir()

    def test_a_provider_that_is_gone_since_the_start(self) -> None:
        outcome = job.run_job(self.task("tests.not_there:run"))
        self.assertEqual(outcome.error, "provider_error")

    def test_lack_of_memory(self) -> None:
        with mock.patch("tests.support.bad_providers.report", side_effect=MemoryError):
            outcome = self.run_bad("reports_halfway")
        self.assertEqual(outcome.error, "provider_error")
        self.assertIn("out of memory", outcome.detail)

    def test_a_damaged_upload(self) -> None:
        self.upload.write_bytes(self.upload.read_bytes()[:-20])
        self.assertEqual(self.run_bad("returns_input").error, "decode_failed")

    def test_a_lost_upload(self) -> None:
        self.upload.unlink()
        outcome = self.run_bad("returns_input")
        self.assertEqual((outcome.error, outcome.again), ("storage", False))

    def test_an_upload_lost_under_a_library_that_says_otherwise(self) -> None:
        def report(_: float) -> None:
            self.upload.unlink()
            raise RuntimeError("unknown format")

        with mock.patch("tests.support.bad_providers.report", report):
            outcome = self.run_bad("reports_halfway")
        self.assertEqual((outcome.error, outcome.again), ("storage", False))

    def test_a_lost_folder(self) -> None:
        self.folder.rmdir()
        outcome = self.run_bad("returns_input")
        self.assertEqual((outcome.error, outcome.again), ("storage", False))


class FullDiskTest(WorkerCase):
    """The photo is not to blame: the same job runs again when there is room."""

    @unittest.skipUnless(Path("/dev/full").exists(), "Linux only")
    def test_a_provider_meets_it_and_raises_something_else(self) -> None:
        for disk in (NEARLY_FULL, ROOMY._replace(f_favail=0)):
            with self.subTest(disk), mock.patch("os.statvfs", return_value=disk):
                outcome = self.run_bad("fills_the_disk")
                self.assertEqual((outcome.error, outcome.again), ("storage", True))

    @unittest.skipUnless(Path("/dev/full").exists(), "Linux only")
    def test_another_full_disk_is_no_reason_to_wait(self) -> None:
        for disk in (ROOMY, ROOMY._replace(f_files=0, f_favail=0)):
            with self.subTest(disk), mock.patch("os.statvfs", return_value=disk):
                outcome = self.run_bad("fills_the_disk")
                self.assertEqual((outcome.error, outcome.again), ("provider_error", False))

    @mock.patch("os.statvfs", mock.Mock(return_value=NEARLY_FULL))
    def test_while_the_upload_is_made_ready_and_the_result_finished(self) -> None:
        for step in ("normalize", "finish"):
            for number in (errno.ENOSPC, errno.EDQUOT):
                full = OSError(number, os.strerror(number))
                with self.subTest(step), mock.patch(f"restore.images.{step}", side_effect=full):
                    outcome = self.run_bad("returns_input")
                    self.assertEqual((outcome.error, outcome.again), ("storage", True))

    def test_a_disk_that_is_full_now_explains_every_failure(self) -> None:
        with mock.patch("os.statvfs", return_value=Disk(1, 4096, 0, 0)):
            self.assertTrue(self.run_bad("raises").again)
            self.assertFalse(self.run_bad("returns_input").again, "it succeeded")

    def test_other_troubles_of_a_disk_are_final(self) -> None:
        broken = OSError(errno.EIO, os.strerror(errno.EIO))
        with mock.patch("restore.images.finish", side_effect=broken):
            outcome = self.run_bad("returns_input")
        self.assertEqual((outcome.error, outcome.again), ("bad_output", False))


class ProgressTest(WorkerCase):
    def test_runs_upward_through_all_parts(self) -> None:
        seen: list[float] = []
        with progress.listening(Listener(seen.append, lambda line: None)):
            outcome = job.run_job(self.task("generic"))
        self.assertIsNone(outcome.error, outcome.detail)
        self.assertEqual(seen, sorted(seen))
        self.assertLessEqual({job.NORMALIZED, job.RESTORED, job.FINISHED}, set(seen))
        self.assertEqual(seen[-1], job.FINISHED)

    def test_what_a_provider_says_is_a_share_of_the_whole(self) -> None:
        seen: list[float] = []
        with progress.listening(Listener(seen.append, lambda line: None)):
            self.run_bad("reports_halfway")
        halfway = (job.NORMALIZED + job.RESTORED) / 2
        self.assertTrue(any(abs(value - halfway) < 1e-9 for value in seen), seen)


class InspectTest(WorkerCase):
    def test_a_good_image(self) -> None:
        self.assertEqual(job.inspect(str(self.upload), "png"), Inspection(24, 16))

    def test_one_that_is_too_large_says_its_size(self) -> None:
        Image.new("1", (4097, 2)).save(self.upload, "PNG")
        found = job.inspect(str(self.upload), "png")
        self.assertEqual((found.width, found.height, found.problem), (4097, 2, "image_dimensions"))

    def test_nonsense(self) -> None:
        self.upload.write_bytes(b"no picture")
        for kind in ("png", "jpeg", "webp", "heic", "unknown"):
            found = job.inspect(str(self.upload), kind)
            self.assertIn(found.problem, PROBLEMS)
            self.assertTrue(found.detail)

    def test_whatever_is_raised(self) -> None:
        for error in (MemoryError, RecursionError, SystemExit, KeyboardInterrupt):
            with mock.patch("restore.images.inspect", side_effect=error):
                found = job.inspect(str(self.upload), "png")
            self.assertEqual((found.width, found.problem), (0, "image_unreadable"))

    def test_an_answer_fits_into_a_reply(self) -> None:
        told = ImageError("image_unreadable", "\u20ac" * 10_000)
        for error in (told, ValueError("\u20ac" * 10_000)):
            with mock.patch("restore.images.inspect", side_effect=error):
                found = job.inspect(str(self.upload), "png")
            self.assertLess(len(pickle.dumps(found)), RESULT_BYTES)


class LoadModelsTest(unittest.TestCase):
    def test_the_ids_of_a_provider(self) -> None:
        found = job.load_models("dummy")
        self.assertEqual((list(found.models), found.problem), (["restoration/dummy"], None))

    def test_a_provider_that_cannot_be_used_is_a_sentence(self) -> None:
        found = job.load_models("not_there:run")
        self.assertEqual(found.models, {})
        self.assertIn("no module", str(found.problem))
        self.assertEqual(found.detail, "", "the sentence says it all")

    def test_a_provider_that_raises_when_it_is_imported_has_a_traceback(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        Path(folder, "a_raising_provider.py").write_text("1 / 0", encoding="ascii")
        with mock.patch.object(sys, "path", [folder, *sys.path]):
            found = job.load_models("a_raising_provider:run")
        self.assertIn("raises ZeroDivisionError", str(found.problem))
        self.assertIn("a_raising_provider.py", found.detail)

    def test_whatever_is_raised(self) -> None:
        with mock.patch("restore.providers.offered", side_effect=MemoryError):
            self.assertIn("can't be imported", str(job.load_models("dummy").problem))
