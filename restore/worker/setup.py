"""A child made ready for calls, once, at its start.

A child must never outlive the server, never stop on a Ctrl-C that was meant for the server, and be
the first to go when memory runs out. The server imports this too, so it stays light: no Pillow, no
asyncio.

An initializer can hand things to the calls after it only through the process itself; like
`progress`, this is done with a ContextVar that is unset outside of a child.
"""

import faulthandler
import os
import resource
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from ctypes import c_double
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import NamedTuple, TextIO

IGNORED_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
# What a child with a built-in provider may map beyond what a fresh one has (69 MiB). The largest
# honest jobs, 4096 x 4096 at upscale 4, map 1,242 MiB more.
ADDRESS_SPACE_BYTES = 2 << 30
OOM_SCORE_ADJ = 1000  # the first to go when the machine's memory runs out


class ChildSettings(NamedTuple):
    """What each child is given once, at its start.

    `provider` is a name or "package.module:callable"; `dummy_delay_s` the shortest and longest wait
    of the dummy provider; `nice` is added to the child's niceness; `models_dir` is the folder of
    model files, "" without one.
    """

    provider: str = "generic"
    dummy_delay_s: tuple[float, float] = (1.0, 2.0)
    nice: int = 10
    models_dir: str = ""


class Child(NamedTuple):
    """What the calls into this process need of its start."""

    settings: ChildSettings
    progress: c_double
    output: Connection
    resident_mib: float | None = None  # after its first call, by when a provider has its model


current: ContextVar[Child | None] = ContextVar("restore_child", default=None)


def settings() -> ChildSettings:
    """The settings of the child we run in; the defaults where we run in none."""
    child = current.get()
    return child.settings if child else ChildSettings()


# -- once, at the child's start


def begin(progress: c_double, output: Connection, settings: ChildSettings) -> None:
    """What each child begins with. It never raises: a child that can't be niced still works.

    `progress` is shared with the server, `output` the writing end of a pipe that it reads.
    """
    for step in (
        ignore_signals,
        _tie_life_to_server,
        lambda: _redirect_output(output),
        lambda: _give_way(settings.nice),
        lambda: _limit_memory(settings),
        _find_providers,
    ):
        try:
            step()
        except Exception:
            traceback.print_exc()
    current.set(Child(settings, progress, output))


def ignore_signals() -> None:
    """Ctrl-C and a service manager's SIGTERM reach every process; only the server decides.

    The fork server runs with them blocked, so that none can end it in between. A child handles them
    by doing nothing: unlike a block or SIG_IGN, a handler isn't inherited by a program that a
    provider starts, which can thus be stopped.
    """
    for number in IGNORED_SIGNALS:
        signal.signal(number, leave_to_server)
        signal.siginterrupt(number, False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED_SIGNALS)


def leave_to_server(number: int, frame: FrameType | None) -> None:
    """The handler of IGNORED_SIGNALS."""


def _tie_life_to_server() -> None:
    """End this child, and every process that a provider started from it, when the server is gone.

    The child leads a process group of its own: one signal then reaches all of it. The server holds
    the other end of the sentinel pipe for as long as it lives.
    """
    server = parent_process()
    if server is None:
        return
    os.setpgid(0, 0)
    if sys.platform == "linux":
        _let_kernel_kill(server.sentinel)
    else:
        threading.Thread(target=_kill_after, args=(server.join,), daemon=True).start()


def _let_kernel_kill(sentinel: int) -> None:
    """Have the kernel send SIGKILL to our process group once `sentinel` reads end of file.

    This needs no Python code to run: a filter that holds the GIL for seconds is ended too. A
    thread that waits for the sentinel can't run before the filter is done.
    """
    import fcntl

    fcntl.fcntl(sentinel, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(sentinel, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(sentinel, fcntl.F_GETFL)
    fcntl.fcntl(sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([sentinel], [], [], 0)[0]:  # it went before we were listening
        _kill_group()


def _kill_after(wait: Callable[[], None]) -> None:
    wait()
    _kill_group()


def _kill_group() -> None:
    os.killpg(0, signal.SIGKILL)


def _redirect_output(output: Connection) -> None:
    restore_output(output)
    faulthandler.enable(
        2, all_threads=False
    )  # a crash in C code leaves its Python lines in the log


def _give_way(nice: int) -> None:
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        os.nice(nice)
    with suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE_ADJ), encoding="ascii")


def _limit_memory(settings: ChildSettings) -> None:
    """Not where models are foreign: a learned model maps far more than it ever uses."""
    if (
        ":" in settings.provider or settings.models_dir or sys.platform != "linux"
    ):  # macOS doesn't keep this limit
        return
    limit = _mapped_bytes() + ADDRESS_SPACE_BYTES
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or limit < hard:  # else it is tighter already
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _find_providers() -> None:
    """Let a provider be imported from the folder the server was started in, now and later on."""
    sys.path[:] = [os.path.abspath(folder) for folder in sys.path]  # noqa: PTH100
    if not sys.flags.safe_path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


# -- what calls put right again


def restore_output(output: Connection) -> None:
    """Print into `output`, even where descriptors 1 and 2 were closed or used for other things."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(output.fileno(), number)
        if _writes_to(number, getattr(sys, name, None)):
            continue
        stream = open(  # noqa: SIM115  (it stays open)
            number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
        )
        setattr(sys, name, stream)


def _writes_to(number: int, stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.name == number and not stream.closed
    except Exception:  # whatever a provider put there
        return False


def resident_mib() -> float:
    """Memory in use now; 0.0 where the system doesn't say (then the number of jobs decides)."""
    return _statm(1) / (1 << 20)


def _mapped_bytes() -> int:
    return _statm(0)


def _statm(column: int) -> int:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(pages[column]) * resource.getpagesize()
