"""storage and disk: private, whole, in order, and nothing but their own names."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from unittest import mock

from restore.contract.units import MIB
from restore.storage import disk
from restore.storage.errors import StorageError
from restore.storage.files import Storage
from tests.support.storage_testcase import ID, StorageTestCase, recorded_syncs


class FolderTests(StorageTestCase):
    def test_everything_is_private(self) -> None:
        os.umask(os.umask(0))
        self.upload()
        self.storage.promote(self.produce(), ID)
        self.storage.prepare_attempt(ID, 1)
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
            mock.patch("restore.storage.disk.os.fchmod", side_effect=refused),
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
            mock.patch("restore.storage.disk.os.fstat", elsewhere),
            self.assertRaisesRegex(StorageError, "one file system"),
        ):
            self.opened()

    def test_a_disk_that_does_not_say_how_much_is_free(self) -> None:
        self.assertGreater(self.storage.free_bytes(), 0)
        with (
            mock.patch("restore.storage.files.os.statvfs", side_effect=OSError),
            self.assertRaises(StorageError),
        ):
            self.storage.free_bytes()


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
        with mock.patch("restore.storage.files.log.info", lambda *_: waiting.set()):
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

    def test_its_bytes_are_synced_and_then_its_name(self) -> None:
        with recorded_syncs() as calls:
            self.upload()
            self.storage.sync_uploads()
        self.assertEqual(calls, [f"rename {ID}.upload", f"sync {ID}.upload", "sync tmp"])

    def test_much_of_it_is_sent_off_at_once_and_advice_that_is_not_taken_does_no_harm(self) -> None:
        advised: list[tuple[int, int]] = []

        def advise(fd: int, offset: int, count: int, advice: int) -> None:
            advised.append((offset, count))
            raise OSError("no advice, please")

        macos = mock.patch("os.POSIX_FADV_DONTNEED", 4, create=True)
        with mock.patch("os.posix_fadvise", advise, create=True), macos:
            upload = self.storage.create_upload(ID)
            for size in (1000, MIB, 1000, MIB):
                upload.write([bytes(size)])
        self.assertEqual(advised, [(0, MIB + 1000), (MIB + 1000, MIB + 1000)])
        self.assertEqual(Path(upload.commit()).stat().st_size, 2 * MIB + 2000)

    def test_a_system_that_takes_no_advice(self) -> None:
        with mock.patch.object(disk, "os", mock.Mock(wraps=os, spec=["writev"])):
            disk.start_writeback(-1, 0, MIB)

    def test_short_writes_are_completed(self) -> None:
        real = os.writev

        def stingy(fd: int, chunks: list[memoryview]) -> int:
            return real(fd, [chunks[0][:3]])

        with mock.patch("restore.storage.disk.os.writev", stingy):
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
