"""The fork server of multiprocessing: started early, kept quiet, ended for certain.

It is one process that has imported the codecs and forks each child from itself, so that the server
process never loads a codec and a new child costs 20 ms. multiprocessing has one a process; so there
is one pool at a time. Starting children from it is pool's.
"""

import os
import shutil
import signal
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, process, resource_tracker, util
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
    """Starts the fork server, and starts it again where it died. All calls block, none for long.

    It is reached by a socket in a folder that only we may enter. A cleaner of temporary folders
    may remove that; then there is a new fork server, and the old one stays with its children, of
    which it alone has news. `spare` is a folder for the socket where no temporary folder will do;
    no other server may use it.
    """

    def __init__(self, spare: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._spare = spare
        for left in spare.glob("pymp-*") if spare else ():  # by a server that was killed
            shutil.rmtree(left, ignore_errors=True)
        self._cut_off: list[tuple[int, int]] = []  # fork servers without a socket: pid, pipe

    def ensure_running(self) -> None:
        """Have it running. The tracker comes first: starting it lifts the block of the signals."""
        with self._lock:
            _start_tracker()
            resource_tracker.ensure_running()
            forkserver.set_forkserver_preload(PRELOAD)
            self._leave_where_cut_off()
            with signals_blocked(), _importable():
                _choose_folder(self._spare)
                forkserver.ensure_running()

    def _leave_where_cut_off(self) -> None:
        """Forget a fork server whose socket is gone; the next one is started beside it."""
        server: Any = forkserver._forkserver
        address = server._forkserver_address
        if address is None or Path(address).exists():
            return
        self._cut_off.append((server._forkserver_pid, server._forkserver_alive_fd))
        server._forkserver_pid = server._forkserver_alive_fd = server._forkserver_address = None

    def stop(self) -> None:
        """Kill it; its children are already gone.

        It would end by itself once the server and every child has, but not before that, and a
        process that a provider left behind could keep it for ever. `_stop` is what CPython's own
        tests call; there is no public way.
        """
        server: Any = forkserver._forkserver
        with self._lock:
            for pid, pipe in self._cut_off:
                os.close(pipe)
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
            self._cut_off.clear()
            if server._forkserver_pid is not None:
                os.kill(server._forkserver_pid, signal.SIGKILL)
                with suppress(FileNotFoundError):  # of its socket
                    server._stop()
                server._forkserver_address = None


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


def _choose_folder(spare: Path | None) -> None:
    """Choose multiprocessing's folder such that a socket can be made in it, once while it is there.

    XDG_RUNTIME_DIR comes first, which no cleaner looks into, then TMPDIR and the usual ones. The
    path of a socket has a bound (104 bytes on macOS, 108 on Linux). Raises OSError.
    """
    config: Any = process.current_process()._config  # type: ignore[attr-defined]
    if config.get("tempdir") is not None:
        if Path(config["tempdir"]).is_dir():
            return
        config["tempdir"] = None
    names = [os.environ.get(name, "") for name in ("XDG_RUNTIME_DIR", "TMPDIR")]
    names += ["/tmp", "/var/tmp", str(spare or "")]  # noqa: S108  (parents of a private folder)
    for name in names:
        if not name or len(os.fsencode(name)) > SOCKET_FOLDER_BYTES:
            continue
        with suppress(OSError):
            folder = tempfile.mkdtemp(prefix="pymp-", dir=name)
            # As multiprocessing does it, but that a folder which is gone already is no fault.
            util.Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=-100)
            config["tempdir"] = folder
            return
    raise OSError("no temporary folder can be written; TMPDIR may name one")


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
