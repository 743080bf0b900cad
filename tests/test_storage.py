"""storage and disk: private, whole, in order, and nothing but their own names."""

import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from restore import disk
from restore.storage import OutputError, Storage, StorageError

ID = "0b6d1f9e-6f0a-4a53-9e0a-3c1b5f0e7a11"
OTHER = "1c7e2fae-7f1b-4b64-8f1b-4d2c6f1f8b22"


class StorageTestCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "data"
        self.storage = self.opened()

    def opened(self, root: Path | None = None) -> Storage:
        storage = Storage(root or self.root)
        storage.open(0)
        self.addCleanup(storage.close)
        return storage

    def upload(self, job_id: str = ID, content: bytes = b"photo") -> str:
        upload = self.storage.create_upload(job_id)
        try:
            upload.write([content])
            return upload.commit()
        except StorageError:
            upload.abort()
            raise

    def produce(self, content: bytes = b"result", name: str = "out.png") -> str:
        path = Path(self.storage.work_folder(ID, 1), name)
        path.write_bytes(content)
        return str(path)

    def in_tmp(self) -> set[str]:
        return {name for _, name in self.storage.leftovers()}


class FolderTests(StorageTestCase):
    def test_everything_is_private(self) -> None:
        os.umask(os.umask(0))
        self.upload()
        self.storage.promote(self.produce(), ID)
        self.storage.work_folder(ID, 1)
        for path in (self.root, *self.root.rglob("*")):
            expected = 0o700 if path.is_dir() else 0o600
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), expected, path)

    def test_a_folder_with_a_wider_mode_is_narrowed(self) -> None:
        self.storage.close()
        (self.root / "outputs").chmod(0o755)
        self.root.chmod(0o755)
        self.storage.database.chmod(0o644)
        self.opened()
        self.assertEqual(stat.S_IMODE((self.root / "outputs").stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(self.root.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(self.storage.database.stat().st_mode), 0o600)

    def test_somebody_elses_folder_keeps_its_mode(self) -> None:
        home = self.root.parent / "home"
        home.mkdir()
        home.chmod(0o755)
        (home / "letter.txt").write_text("mine")
        self.opened(home)
        self.assertEqual(stat.S_IMODE(home.stat().st_mode), 0o755)

    def test_the_names_of_new_folders_are_synced(self) -> None:
        with recorded_syncs() as synced:
            deep = self.root.parent / "a" / "b"
            self.opened(deep)
        for folder in (self.root.parent, deep.parent, deep):
            self.assertIn(f"sync {folder.name}", synced)

    def test_a_foreign_tmp_is_refused_and_left_alone(self) -> None:
        var = self.root.parent / "var"
        (var / "tmp").mkdir(parents=True)
        (var / "tmp" / "letter.txt").write_text("mine")
        with self.assertRaisesRegex(StorageError, "name a folder of its own"):
            self.opened(var)
        self.assertEqual([path.name for path in var.rglob("*")], ["tmp", "letter.txt"])

    def test_a_file_in_the_folders_place_is_a_sentence(self) -> None:
        file = self.root.parent / "file"
        file.write_text("")
        with self.assertRaisesRegex(StorageError, "can't be used: Not a directory"):
            self.opened(file)

    def test_a_database_that_cannot_be_made_private_is_a_sentence(self) -> None:
        self.storage.close()
        refused = PermissionError(errno.EPERM, "Operation not permitted")
        with (
            mock.patch("restore.disk.os.fchmod", side_effect=refused),
            self.assertRaisesRegex(StorageError, "can't be used: Operation not permitted"),
        ):
            self.opened()
        self.opened()

    def test_a_link_in_place_of_tmp_is_refused(self) -> None:
        self.storage.close()
        (self.root / "tmp").rmdir()
        (self.root / "tmp").symlink_to("/tmp")
        with self.assertRaises(StorageError):
            self.opened()

    def test_tmp_and_outputs_on_two_file_systems_are_refused(self) -> None:
        self.storage.close()
        real = os.fstat
        devices = iter(range(100))

        def elsewhere(fd: int) -> os.stat_result:
            found = list(real(fd))
            found[stat.ST_DEV] = next(devices)
            return os.stat_result(found)

        with (
            mock.patch("restore.storage.os.fstat", elsewhere),
            self.assertRaisesRegex(StorageError, "one file system"),
        ):
            self.opened()

    def test_free_bytes_is_0_where_the_disk_does_not_say(self) -> None:
        self.assertGreater(self.storage.free_bytes(), 0)
        with mock.patch("restore.storage.os.statvfs", side_effect=OSError):
            self.assertEqual(self.storage.free_bytes(), 0)


class LockTests(StorageTestCase):
    def test_a_second_server_is_refused_in_a_sentence(self) -> None:
        with self.assertRaisesRegex(StorageError, "is in use by another server"):
            self.opened()

    def test_a_refused_server_leaves_the_first_its_lock(self) -> None:
        for _ in range(2):
            with self.assertRaises(StorageError):
                self.opened()

    def test_the_wait_for_it_has_a_bound(self) -> None:
        with self.assertRaisesRegex(StorageError, "is in use by another server"):
            Storage(self.root).open(0.01)

    def test_it_waits_for_a_predecessor_that_leaves(self) -> None:
        waiting = threading.Event()
        successor = Storage(self.root)
        with mock.patch("restore.storage.log.info", lambda *_: waiting.set()):
            thread = threading.Thread(target=successor.open, args=(30,))
            thread.start()
            self.assertTrue(waiting.wait(10))
            self.storage.close()
            thread.join(10)
        self.addCleanup(successor.close)
        self.assertFalse(thread.is_alive())
        with self.assertRaises(StorageError):
            self.opened()

    def test_the_lock_ends_with_its_process(self) -> None:
        self.storage.close()
        program = (
            "import os, sys; from pathlib import Path; from restore.storage import Storage;"
            "Storage(Path(sys.argv[1])).open(0); os.kill(os.getpid(), 9)"
        )
        ended = subprocess.run([sys.executable, "-c", program, str(self.root)], check=False)
        self.assertEqual(ended.returncode, -9)
        self.opened()

    def test_closing_twice_does_no_harm(self) -> None:
        self.storage.close()
        self.storage.close()
        self.opened()


class UploadTests(StorageTestCase):
    def test_a_whole_upload(self) -> None:
        upload = self.storage.create_upload(ID)
        self.assertEqual(self.in_tmp(), {f"{ID}.part"})
        upload.write([b"ab", memoryview(b"cd"), b"", bytearray(b"ef")])
        self.assertEqual(Path(upload.path).read_bytes(), b"abcdef")
        self.assertFalse(self.storage.has_upload(ID))
        path = upload.commit()
        self.assertEqual((path, path), (upload.path, self.storage.upload_path(ID)))
        self.assertEqual(Path(path).read_bytes(), b"abcdef")
        self.assertTrue(self.storage.has_upload(ID))

    def test_its_bytes_are_synced_before_it_gets_its_name_and_the_name_after(self) -> None:
        with recorded_syncs() as calls:
            self.upload()
            self.storage.sync_uploads()
        self.assertEqual(calls, [f"sync {ID}.part", f"rename {ID}.upload", "sync tmp"])

    def test_short_writes_are_completed(self) -> None:
        real = os.writev

        def stingy(fd: int, chunks: list[memoryview]) -> int:
            return real(fd, [chunks[0][:3]])

        with mock.patch("restore.disk.os.writev", stingy):
            path = self.upload(content=bytes(range(100)))
        self.assertEqual(Path(path).read_bytes(), bytes(range(100)))

    def test_more_pieces_than_one_call_takes(self) -> None:
        upload = self.storage.create_upload(ID)
        upload.write([b"x"] * 3000)
        self.assertEqual(Path(upload.commit()).stat().st_size, 3000)

    def test_abort_before_and_after_commit_and_twice(self) -> None:
        for commit in (False, True):
            upload = self.storage.create_upload(ID)
            if commit:
                upload.commit()
            upload.abort()
            upload.abort()
            self.assertEqual(self.in_tmp(), set())

    def test_a_link_or_file_in_its_place_is_never_written(self) -> None:
        victim = self.root.parent / "victim"
        victim.write_text("precious")
        (self.root / "tmp" / f"{ID}.part").symlink_to(victim)
        with self.assertRaises(StorageError):
            self.storage.create_upload(ID)
        self.assertEqual(victim.read_text(), "precious")

    def test_only_job_ids_become_names(self) -> None:
        for bad in ("", "..", f"../{ID}", ID.upper(), f"{ID}\n", f"{ID}/x"):
            for use in (
                self.storage.create_upload,
                self.storage.upload_path,
                self.storage.find_output,
                self.storage.discard,
                self.storage.discard_output,
            ):
                with self.subTest(name=bad, use=use.__name__), self.assertRaises(ValueError):
                    use(bad)

    def test_what_cannot_be_looked_at_counts_as_there(self) -> None:
        with mock.patch("pathlib.Path.lstat", side_effect=OSError(errno.EIO, "")):
            self.assertTrue(self.storage.has_upload(ID))


class FullDiskTests(StorageTestCase):
    def test_every_step_of_an_upload_may_meet_it(self) -> None:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        for step in ("restore.storage.os.open", "restore.disk.os.writev", "restore.disk.os.fsync"):
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
            mock.patch("restore.disk.os.writev", return_value=0),
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
        first = Path(self.storage.work_folder(ID, 1))
        (first / "rest").write_text("old")
        second = Path(self.storage.work_folder(ID, 1))
        self.assertNotEqual(first, second)
        self.assertFalse(first.exists())
        self.assertEqual(list(second.iterdir()), [])

    def test_a_link_planted_in_its_place_is_removed_not_followed(self) -> None:
        victim = self.root.parent / "victim"
        victim.mkdir()
        (victim / "file").write_text("precious")
        (self.root / "tmp" / f"{ID}.work").symlink_to(victim)
        self.storage.work_folder(ID, 1)
        self.assertEqual((victim / "file").read_text(), "precious")

    def test_discard_takes_everything_of_this_job_only(self) -> None:
        self.upload()
        self.upload(OTHER)
        self.storage.work_folder(ID, 1)
        self.storage.discard(ID)
        self.storage.discard(ID)
        self.assertEqual(self.in_tmp(), {f"{OTHER}.upload"})

    def test_folders_whose_rights_were_taken_away_go_too(self) -> None:
        inner = Path(self.storage.work_folder(ID, 1), "inner")
        inner.mkdir()
        (inner / "file").write_text("")
        inner.chmod(0)
        real, calls = disk.shutil.rmtree, []  # type: ignore[attr-defined]

        def refuses_first(path: Path) -> None:
            calls.append(path)
            if len(calls) == 1:  # as it does for everybody but root
                raise PermissionError(errno.EACCES, "")
            real(path)

        with mock.patch("restore.disk.shutil.rmtree", refuses_first):
            self.storage.discard(ID)
        self.assertEqual((self.in_tmp(), len(calls)), (set(), 2))


class PromoteTests(StorageTestCase):
    def test_synced_moved_and_its_name_synced(self) -> None:
        produced = self.produce()
        with recorded_syncs() as calls:
            self.assertEqual(self.storage.promote(produced, ID), (f"{ID}.png", 6))
        self.assertEqual(calls, ["sync out.png", f"rename {ID}.png", "sync outputs"])
        self.assertEqual((self.root / "outputs" / f"{ID}.png").read_bytes(), b"result")
        self.assertFalse(Path(produced).exists())

    def test_a_jpeg(self) -> None:
        self.assertEqual(self.storage.promote(self.produce(name="x.jpg"), ID)[0], f"{ID}.jpg")
        self.assertEqual(self.storage.find_output(ID), (f"{ID}.jpg", 6))

    def test_it_may_be_tried_again_after_the_move(self) -> None:
        produced = self.produce()
        real, failures = os.fsync, [None, OSError(errno.ENOSPC, "full")]

        def fsync(fd: int) -> None:
            failure = failures.pop(0) if failures else None
            if failure:
                raise failure
            real(fd)

        with mock.patch("restore.disk.os.fsync", fsync), self.assertRaises(StorageError):
            self.storage.promote(produced, ID)
        self.assertEqual(self.storage.promote(produced, ID), (f"{ID}.png", 6))

    def test_what_can_be_no_result(self) -> None:
        folder = Path(self.storage.work_folder(ID, 1))
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
            mock.patch("restore.storage.os.open", side_effect=OSError(errno.EMFILE, "files")),
            self.assertRaises(StorageError),
        ):
            self.storage.promote(produced, ID)
        self.storage.promote(produced, ID)


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


class MacTests(StorageTestCase):
    def test_a_full_sync_where_the_system_has_one(self) -> None:
        with (
            mock.patch("restore.disk.fcntl.F_FULLFSYNC", 51, create=True),
            mock.patch("restore.disk.fcntl.fcntl") as full,
            mock.patch("restore.disk.os.fsync") as plain,
        ):
            self.storage.sync_uploads()
            self.assertEqual((full.call_args.args[1], plain.call_count), (51, 0))
            full.side_effect = OSError(errno.ENOTSUP, "")
            self.storage.sync_uploads()
            self.assertEqual(plain.call_count, 1)


@contextmanager
def recorded_syncs(into: list[str] | None = None) -> Iterator[list[str]]:
    """The syncs and renames made inside, in order, by the last part of the path."""
    calls: list[str] = [] if into is None else into
    fsync, rename, replace = os.fsync, Path.rename, Path.replace

    def name_of(fd: int) -> str:
        if sys.platform == "linux":
            return Path(f"/proc/self/fd/{fd}").readlink().name
        import fcntl

        raw: bytes = fcntl.fcntl(fd, 50, bytes(1024))  # F_GETPATH of macOS
        return Path(raw.rstrip(b"\0").decode()).name

    def record_fsync(fd: int) -> None:
        calls.append(f"sync {name_of(fd)}")
        fsync(fd)

    def record_rename(self: Path, target: Path) -> Path:
        calls.append(f"rename {target.name}")
        return rename(self, target)

    def record_replace(self: Path, target: Path) -> Path:
        calls.append(f"rename {target.name}")
        return replace(self, target)

    with (
        mock.patch("restore.disk.sync", record_fsync),
        mock.patch("pathlib.Path.rename", record_rename),
        mock.patch("pathlib.Path.replace", record_replace),
    ):
        yield calls


if __name__ == "__main__":
    unittest.main()
