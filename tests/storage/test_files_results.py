"""storage: work folders, results, leftovers."""

import errno
import os
import resource
import subprocess
import sys
import unittest
import uuid
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from restore.storage import disk
from restore.storage.errors import OutputError, StorageError
from tests.support.storage_testcase import ID, OTHER, StorageTestCase, recorded_syncs


class FullDiskTests(StorageTestCase):
    def test_every_step_of_an_upload_may_meet_it(self) -> None:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        for step in (
            "restore.storage.files.os.open",
            "restore.storage.disk.os.writev",
            "restore.storage.disk.os.fsync",
        ):
            with (
                self.subTest(step=step),
                mock.patch(step, side_effect=full),
                self.assertRaisesRegex(StorageError, "No space left on device"),
            ):
                self.upload()
            self.assertEqual(self.in_tmp(), set())
        with (
            mock.patch("pathlib.Path.rename", side_effect=full),
            self.assertRaisesRegex(StorageError, "No space left on device"),
        ):
            self.upload()
        self.assertEqual(self.in_tmp(), set())
        self.upload()

    def test_a_disk_that_takes_nothing_and_says_nothing_does_not_spin(self) -> None:
        with (
            mock.patch("restore.storage.disk.os.writev", return_value=0),
            self.assertRaisesRegex(StorageError, "No space left"),
        ):
            self.upload()

    @unittest.skipUnless(sys.platform == "linux", "RLIMIT_FSIZE is tried on Linux only")
    def test_a_real_limit_of_a_files_size(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            with self.assertRaisesRegex(StorageError, "can't be written"):
                self.upload(content=bytes(10_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self.assertEqual(self.in_tmp(), set())
        self.upload(content=bytes(10_000))

    @unittest.skipUnless(sys.platform == "linux" and os.geteuid() == 0, "mounting needs root")
    def test_a_real_small_file_system_fills_and_heals(self) -> None:
        small = self.root.parent / "small"
        small.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "restore-test", str(small)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            self.skipTest("no tmpfs may be mounted here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(small)], check=True)
        self.storage.close()
        self.storage = self.opened(small)
        self.addCleanup(self.storage.close)
        self.upload(OTHER, bytes(100_000))
        with self.assertRaisesRegex(StorageError, "No space left on device"):
            self.upload(content=bytes(200_000))
        self.assertEqual(self.in_tmp(), {f"{OTHER}.upload"})
        self.storage.discard(OTHER)
        self.upload(content=bytes(200_000))


class WorkFolderTests(StorageTestCase):
    def test_each_is_new_and_replaces_the_one_before(self) -> None:
        first = Path(self.storage.prepare_attempt(ID, 1))
        (first / "rest").write_text("old")
        second = Path(self.storage.prepare_attempt(ID, 1))
        self.assertNotEqual(first, second)
        self.assertFalse(first.exists())
        self.assertEqual(list(second.iterdir()), [])

    def test_a_link_planted_in_its_place_is_removed_not_followed(self) -> None:
        victim = self.root.parent / "victim"
        victim.mkdir()
        (victim / "file").write_text("precious")
        (self.root / "tmp" / f"{ID}.work").symlink_to(victim)
        self.storage.prepare_attempt(ID, 1)
        self.assertEqual((victim / "file").read_text(), "precious")

    def test_discard_takes_everything_of_this_job_only(self) -> None:
        self.upload()
        self.upload(OTHER)
        self.storage.prepare_attempt(ID, 1)
        self.storage.discard(ID)
        self.storage.discard(ID)
        self.assertEqual(self.in_tmp(), {f"{OTHER}.upload"})

    def test_folders_whose_rights_were_taken_away_go_too(self) -> None:
        inner = Path(self.storage.prepare_attempt(ID, 1), "inner")
        inner.mkdir()
        (inner / "file").write_text("")
        inner.chmod(0)
        real, calls = disk.shutil.rmtree, []  # type: ignore[attr-defined]

        def refuses_first(path: Path) -> None:
            calls.append(path)
            if len(calls) == 1:  # as it does for everybody but root
                raise PermissionError(errno.EACCES, "")
            real(path)

        with mock.patch("restore.storage.disk.shutil.rmtree", refuses_first):
            self.storage.discard(ID)
        self.assertEqual((self.in_tmp(), len(calls)), (set(), 2))


class PromoteTests(StorageTestCase):
    def test_synced_moved_and_its_name_synced(self) -> None:
        produced = self.produce()
        with recorded_syncs() as calls:
            self.assertEqual(self.storage.promote(produced, ID), f"{ID}.png")
        self.assertEqual(calls, ["sync out.png", f"rename {ID}.png", "sync outputs"])
        self.assertEqual((self.root / "outputs" / f"{ID}.png").read_bytes(), b"result")
        self.assertFalse(Path(produced).exists())

    def test_a_jpeg(self) -> None:
        self.assertEqual(self.storage.promote(self.produce(name="x.jpg"), ID), f"{ID}.jpg")
        self.assertEqual(self.storage.find_output(ID), f"{ID}.jpg")
        self.assertEqual(self.storage.output_bytes(f"{ID}.jpg"), 6)

    def test_it_may_be_tried_again_after_the_move(self) -> None:
        produced = self.produce()
        real, failures = os.fsync, [None, OSError(errno.ENOSPC, "full")]

        def fsync(fd: int) -> None:
            failure = failures.pop(0) if failures else None
            if failure:
                raise failure
            real(fd)

        with mock.patch("restore.storage.disk.os.fsync", fsync), self.assertRaises(StorageError):
            self.storage.promote(produced, ID)
        self.assertEqual(self.storage.promote(produced, ID), f"{ID}.png")

    def test_what_can_be_no_result(self) -> None:
        folder = Path(self.storage.prepare_attempt(ID, 1))
        secret = self.root.parent / "secret.png"
        secret.write_text("precious")
        (folder / "link.png").symlink_to(secret)
        (folder / "folder.png").mkdir()
        (folder / "empty.png").touch()
        (folder / "page.html").write_text("<html>")
        os.mkfifo(folder / "fifo.png")
        inside = sorted(folder.iterdir())
        for path in (*inside, folder / "missing.png", secret, folder / "../../../../secret.png"):
            with self.subTest(path=path.name), self.assertRaises(OutputError):
                self.storage.promote(str(path), ID)
        self.assertEqual(secret.read_text(), "precious")
        self.assertEqual(list((self.root / "outputs").iterdir()), [])

    def test_another_jobs_work_folder_is_not_its_own(self) -> None:
        produced = self.produce()
        with self.assertRaises(OutputError):
            self.storage.promote(produced, OTHER)

    def test_a_full_disk_is_no_fault_of_the_result(self) -> None:
        produced = self.produce()
        full = OSError(errno.EDQUOT, "quota")
        with mock.patch("pathlib.Path.replace", side_effect=full), self.assertRaises(StorageError):
            self.storage.promote(produced, ID)
        with (
            mock.patch("restore.storage.files.os.open", side_effect=OSError(errno.EMFILE, "files")),
            self.assertRaises(StorageError),
        ):
            self.storage.promote(produced, ID)
        self.storage.promote(produced, ID)


class BeforeTests(StorageTestCase):
    def made(self, name: str = "before.jpg") -> Path:
        path = Path(self.storage.prepare_attempt(ID, 1)) / name
        path.write_bytes(b"as it was")
        return path

    def test_it_is_found_from_its_making_to_the_results_end(self) -> None:
        self.assertIsNone(self.storage.before_path(ID))
        for name in ("before.jpg", "before.png"):
            made = self.made(name)
            self.assertEqual(made, self.storage.before_path(ID))
            self.storage.keep_before(str(made), ID)
            self.storage.discard(ID)
            kept = self.root / "before" / f"{ID}{made.suffix}"
            self.assertEqual(kept, self.storage.before_path(ID))
            self.assertIsNone(self.storage.before_path(OTHER))
            self.storage.discard_output(OTHER)
            self.assertEqual(b"as it was", kept.read_bytes())
            self.storage.discard_output(ID)
            self.assertEqual([], list((self.root / "before").iterdir()))

    def test_it_is_no_result(self) -> None:
        self.storage.keep_before(str(self.made()), ID)
        self.assertIsNone(self.storage.find_output(ID))
        self.assertEqual([], list(self.storage.output_ids(10)))

    def test_it_is_found_though_the_work_folder_goes_amid_the_look(self) -> None:
        made = self.made()

        def ends(_: Path, __: str) -> Iterator[Path]:
            self.storage.keep_before(str(made), ID)
            self.storage.discard(ID)
            raise FileNotFoundError

        with mock.patch.object(Path, "glob", ends):
            kept = self.storage.before_path(ID)
        self.assertEqual(self.root / "before" / f"{ID}.jpg", kept)
        with mock.patch.object(Path, "glob", side_effect=AssertionError("not looked for")):
            self.assertEqual(kept, self.storage.before_path(ID))

    def test_one_that_cannot_be_kept_is_none(self) -> None:
        self.storage.keep_before(str(self.made().with_name("gone.jpg")), ID)
        self.assertEqual([], list((self.root / "before").iterdir()))


class OutputTests(StorageTestCase):
    def test_only_names_of_results_have_a_path(self) -> None:
        self.assertEqual(self.storage.output_path(f"{ID}.png"), self.root / "outputs" / f"{ID}.png")
        hostile: tuple[str, ...] = (
            "",
            ".",
            "..",
            ID,
            f"{ID}.gif",
            f"../tmp/{ID}.png",
            f"{ID}.png/",
            f"/{ID}.png",
        )
        hostile += (f"{ID}.png\0", f"{ID}.png\n", f"{ID.upper()}.png", f"%2e%2e/{ID}.jpg")
        for name in hostile:
            self.assertIsNone(self.storage.output_path(name), name)

    def test_a_folder_or_link_is_no_result(self) -> None:
        (self.root / "outputs" / f"{ID}.png").mkdir()
        (self.root / "outputs" / f"{OTHER}.jpg").symlink_to("/etc/hostname")
        self.assertIsNone(self.storage.find_output(ID))
        self.assertIsNone(self.storage.find_output(OTHER))
        self.storage.discard_output(ID)
        self.assertEqual([p.name for p in (self.root / "outputs").iterdir()], [f"{OTHER}.jpg"])

    def test_discard_output(self) -> None:
        self.storage.promote(self.produce(), ID)
        self.storage.discard_output(OTHER)
        self.assertIsNotNone(self.storage.find_output(ID))
        self.storage.discard_output(ID)
        self.storage.discard_output(ID)
        self.assertIsNone(self.storage.find_output(ID))

    def test_ids_of_all_results_in_batches(self) -> None:
        ids = {str(uuid.uuid4()) for _ in range(7)}
        for job_id in ids:
            (self.root / "outputs" / f"{job_id}.png").touch()
        (self.root / "outputs" / "notes.txt").touch()
        batches = list(self.storage.output_ids(3))
        self.assertEqual([len(batch) for batch in batches], [3, 3, 1])
        self.assertEqual({job_id for batch in batches for job_id in batch}, ids)


class LeftoverTests(StorageTestCase):
    def test_foreign_names_are_neither_listed_nor_removed(self) -> None:
        (self.root / "tmp" / "letter.txt").write_text("mine")
        self.upload()
        self.assertEqual(self.storage.leftovers(), [(ID, f"{ID}.upload")])
        with self.assertRaises(ValueError):
            self.storage.discard_leftover("letter.txt")

    def test_what_cannot_be_removed_is_said_in_a_sentence(self) -> None:
        self.upload()
        refused = PermissionError(errno.EACCES, "Permission denied")
        with (
            mock.patch("pathlib.Path.unlink", side_effect=refused),
            self.assertRaisesRegex(StorageError, "^A temporary file can't be removed: Perm"),
        ):
            self.storage.discard(ID)
