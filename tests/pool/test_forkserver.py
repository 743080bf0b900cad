import errno
import os
import shutil
import signal
import site
import sys
import tempfile
import unittest
import zipfile
from multiprocessing import process, util
from pathlib import Path
from unittest import mock

from restore.pool import forkserver
from restore.pool.forkserver import ForkServer
from restore.worker.setup import IGNORED_SIGNALS
from tests.support import pools
from tests.support.service import wait_until


class ForkServerTest(unittest.TestCase):
    """test_pool_lives has it inside of real servers."""

    def setUp(self) -> None:
        self.server = ForkServer()
        self.addCleanup(self.server.stop)

    def test_started_once_and_stopped_for_certain(self) -> None:
        self.server.ensure_running()
        pid = pools.fork_server()
        self.server.ensure_running()
        self.assertEqual(pools.fork_server(), pid)
        self.server.stop()
        self.assertEqual(pools.living([pid], 0.0), [])
        self.server.stop()

    def test_started_again_where_it_died(self) -> None:
        self.server.ensure_running()
        pid = pools.fork_server()
        os.kill(pid, signal.SIGKILL)
        pools.living([pid], 5.0)
        self.server.ensure_running()
        self.assertNotEqual(pools.fork_server(), pid)

    def test_leaves_signals_and_environment_as_they_were(self) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ()), _pythonpath()
        self.server.ensure_running()
        self.assertEqual((signal.pthread_sigmask(signal.SIG_BLOCK, ()), _pythonpath()), before)
        with mock.patch.dict(os.environ, PYTHONPATH="/one"):
            self.server.stop()
            self.server.ensure_running()
            self.assertEqual(_pythonpath(), "/one")

    def test_preloads_from_whatever_this_process_imports_from(self) -> None:
        """A bundle puts its zip files on sys.path as it starts; no environment names them."""
        with tempfile.TemporaryDirectory(prefix="restore-test-") as folder:
            mark = Path(folder) / "imported"
            bundle = Path(folder) / "bundle.zip"
            with zipfile.ZipFile(bundle, "w") as archive:
                text = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n"
                archive.writestr("only_in_the_bundle.py", text)
            with (
                mock.patch.object(sys, "path", [*sys.path, str(bundle)]),
                mock.patch.object(forkserver, "PRELOAD", ["only_in_the_bundle"]),
            ):
                self.server.ensure_running()
            wait_until(mark.exists, "the fork server's import")

    def test_hands_over_no_librarys_folder_that_python_has_anyway(self) -> None:
        """Another Python that a provider starts inherits it."""
        handed = set(forkserver._search_path())
        self.assertFalse(handed & {os.path.dirname(os.__file__), *site.getsitepackages()})  # noqa: PTH120

    def test_signals_are_blocked_only_inside(self) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        with forkserver.signals_blocked():
            inside = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self.assertEqual(inside - before, IGNORED_SIGNALS)
        self.assertEqual(signal.pthread_sigmask(signal.SIG_BLOCK, ()), before)

    def test_started_anew_where_its_socket_was_cleaned_away(self) -> None:
        self.server.stop()
        config = process.current_process()._config  # type: ignore[attr-defined]
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.dict(os.environ, XDG_RUNTIME_DIR=folder),
            mock.patch.dict(config, tempdir=None),
        ):
            self.server.ensure_running()
            old = pools.fork_server()
            (private,) = Path(folder).iterdir()
            self.assertEqual(0o700, private.stat().st_mode & 0o777)
            shutil.rmtree(private)
            self.server.ensure_running()
            new = pools.fork_server()
            self.assertNotEqual(old, new)
            self.assertEqual([old], pools.living([old], 0.0), "it has children to tell of")
            self.server.stop()
            self.assertEqual([], pools.living([old, new], 5.0))


class SocketFolderTest(unittest.TestCase):
    def chosen(self, spare: Path | None = None, **environ: str) -> Path:
        config = process.current_process()._config  # type: ignore[attr-defined]
        names = {"XDG_RUNTIME_DIR": "", "TMPDIR": ""} | environ
        with mock.patch.dict(os.environ, names), mock.patch.dict(config, tempdir=None):
            forkserver._choose_folder(spare)
            found = Path(util.get_temp_dir())
            self.addCleanup(shutil.rmtree, found)
            return found.parent

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_the_first_that_will_do(self) -> None:
        long = self.folder / ("x" * 90)
        long.mkdir()
        self.assertEqual(self.folder, self.chosen(XDG_RUNTIME_DIR=str(self.folder)))
        self.assertEqual(self.folder, self.chosen(TMPDIR=str(self.folder)))
        self.assertEqual(Path("/tmp"), self.chosen(TMPDIR=str(long)))
        self.assertEqual(Path("/tmp"), self.chosen(TMPDIR=str(self.folder / "gone")))

    def test_where_nothing_can_be_written(self) -> None:
        real = tempfile.mkdtemp

        def only_spare(prefix: str, dir: str) -> str:
            if dir != str(self.folder):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return real(prefix=prefix, dir=dir)

        with mock.patch.object(tempfile, "mkdtemp", only_spare):
            self.assertEqual(self.folder, self.chosen(self.folder))
            with self.assertRaisesRegex(OSError, "TMPDIR"):
                self.chosen()

    def test_what_a_killed_server_left_in_the_spare_folder_goes(self) -> None:
        kept = self.folder / "outputs"
        for path in (self.folder / "pymp-0123", kept):
            path.mkdir()
            (path / "file").touch()
        forkserver.ForkServer(self.folder)
        self.assertEqual([kept], list(self.folder.iterdir()))


def _pythonpath() -> str:
    """As a program that is started now would get it."""
    with os.popen("echo $PYTHONPATH") as told:
        return told.read().strip()
