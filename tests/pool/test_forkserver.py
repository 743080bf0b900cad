import os
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


class SocketPathTest(unittest.TestCase):
    def test_a_long_folder_is_not_used(self) -> None:
        config = process.current_process()._config  # type: ignore[attr-defined]
        with (
            tempfile.TemporaryDirectory() as short,
            mock.patch.object(tempfile, "tempdir", f"{short}/{'x' * 90}"),
            mock.patch.dict(config, tempdir=None),
        ):
            Path(tempfile.gettempdir()).mkdir()
            forkserver._keep_socket_path_short()
            self.assertEqual(str(Path(util.get_temp_dir()).parent), "/tmp")
            self.assertTrue(tempfile.gettempdir().startswith(short), "for everybody else")


def _pythonpath() -> str:
    """As a program that is started now would get it."""
    with os.popen("echo $PYTHONPATH") as told:
        return told.read().strip()
