"""The fork server of multiprocessing: started early, kept quiet, ended for certain.

It is one process that has imported the codecs and forks each child from itself, so that the server
process never loads a codec and a new child costs 20 ms. multiprocessing has one a process; so there
is one pool at a time. Starting children from it is pool's.

Measured, Python 3.11, Pillow 13.0, Linux, 2 busy cores, 2026-11-22: first child ready for calls
0.30 s after the start, a further one after 15 to 25 ms; a call through an executor there and back
0.9 ms (0.5 ms of CPU in the server, 0.2 ms in the child). Memory while idle (PSS): fork server
9.0 MB, each child 8.5 MB, 11.5 MB after its first job; freezing the garbage collector before the
fork gained nothing.
"""

import os
import signal
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker, util
from pathlib import Path
from typing import Any

from restore.worker import IGNORED_SIGNALS

# Imported once, so that each child has them for nothing. A name that doesn't import is skipped.
PRELOAD = [
    "concurrent.futures.process",
    "restore.worker.job",
    "restore.images",
    "restore.providers.generic",
    "PIL.ImageFilter",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.WebPImagePlugin",
]
SOCKET_FOLDER_BYTES = 60  # leaves 40 of the 104 that a socket's path may have on macOS (Linux: 108)


class ForkServer:
    """Starts the fork server, and starts it again where it died. All calls block, none for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def ensure_running(self) -> None:
        """Have it running. The tracker comes first: starting it lifts the block of the signals."""
        with self._lock:
            _start_tracker()
            resource_tracker.ensure_running()
            forkserver.set_forkserver_preload(PRELOAD)
            with signals_blocked(), _importable():
                _keep_socket_path_short()
                forkserver.ensure_running()

    def stop(self) -> None:
        """Kill it; its children are already gone.

        It would end by itself once the server and every child has, but not before that, and a
        process that a provider left behind could keep it for ever. `_stop` is what CPython's own
        tests call; there is no public way.
        """
        server: Any = forkserver._forkserver
        with self._lock:
            if server._forkserver_pid is not None:
                os.kill(server._forkserver_pid, signal.SIGKILL)
                server._stop()


@contextmanager
def signals_blocked() -> Iterator[None]:
    """What is started inside inherits the block; a child lifts it once it ignores the signals.

    A fork server that a SIGTERM to the whole group ends takes with it all news of its children:
    they would look dead while they work.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_tracker() -> None:
    """Start multiprocessing's resource tracker, once, such that it outlives a kill of our group.

    It removes the named semaphores of a server that was killed. As multiprocessing starts it, it is
    killed together with the server's process group, and each such kill leaves some twenty of them
    for ever. Here it leads a group of its own, and does its work without a word on the terminal. A
    Python that names these attributes otherwise starts its own: nothing else is lost.
    """
    tracker: Any = resource_tracker._resource_tracker
    if tracker._fd is not None:
        return
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    try:
        work = f"from multiprocessing.resource_tracker import main; main({reader})"
        command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", work]
        tracker._pid = os.posix_spawn(sys.executable, command, os.environ, setpgroup=0)
    finally:
        os.close(reader)
    tracker._fd = writer


def _keep_socket_path_short() -> None:
    """Choose multiprocessing's folder, once, such that a socket's path fits the system's limit.

    It is TMPDIR's, and /tmp where that is too long. (3.14 does so by itself.)
    """
    chosen = tempfile.tempdir
    if len(os.fsencode(tempfile.gettempdir())) > SOCKET_FOLDER_BYTES:
        tempfile.tempdir = "/tmp"  # noqa: S108  (only the parent of a private folder)
    try:
        util.get_temp_dir()
    finally:
        tempfile.tempdir = chosen


@contextmanager
def _importable() -> Iterator[None]:
    """Let the fork server import what this process can, wherever that was started from.

    Before 3.12.8 and in 3.13.0 it gets no sys.path from its parent (CPython gh-117378) and skips
    what it can't import without a word: each child then loads the codecs for itself.
    """
    before = os.environ.get("PYTHONPATH")
    os.putenv("PYTHONPATH", os.pathsep.join(_search_path()))
    try:
        yield
    finally:
        if before is None:
            os.unsetenv("PYTHONPATH")
        else:
            os.putenv("PYTHONPATH", before)


def _search_path() -> list[str]:
    """All of sys.path, in order, but what every start of this interpreter finds by itself.

    Providers may start another Python, which inherits it and must not meet this one's library.
    """
    own = {
        Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    folders = [Path(entry).absolute() for entry in sys.path]
    return [
        str(folder)
        for folder in dict.fromkeys(folders)
        if folder not in own and folder.name != "lib-dynload" and folder.exists()
    ]
