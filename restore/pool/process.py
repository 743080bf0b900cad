"""One child process: brought up, called, killed, waited for.

It is a ProcessPoolExecutor of one worker: where several children share an executor the death of one
fails its neighbours' calls and poisons every later one. When there is a child and what becomes of
its calls is its slot's. A child that has to go is killed, never asked: it holds nothing that isn't
on disk, and a provider's exit handlers may hang.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from ctypes import c_double
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from restore.pool import limits
from restore.pool.forkserver import ForkServer, signals_blocked
from restore.storage import end
from restore.worker import ChildSettings, Reply, begin
from restore.worker import call as child_call

START_S = 30.0  # for a child to come up, on a machine that is very busy

InitArgs = tuple[c_double, Connection, ChildSettings]  # of worker.begin


class _Context(ForkServerContext):
    """The context of one executor. Remembers what the executor makes and keeps to itself.

    The executor has no public way to its process before Python 3.14 nor to its queue, and a child
    that doesn't answer has to be found without the executor's help.
    """

    process: Any = None
    results: Any = None

    def Process(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # noqa: N802
        self.process = super().Process(*args, **kwargs)
        return self.process

    def SimpleQueue(self) -> Any:  # noqa: N802
        self.results = super().SimpleQueue()
        return self.results


class ChildProcess:
    """One process, from its start to its end.

    `initargs` are what worker.begin wants, `oom_kills` counts the kernel's kills for memory.
    """

    def __init__(self, initargs: InitArgs, oom_kills: Callable[[], int]) -> None:
        self._initargs = initargs
        self._oom_kills = oom_kills
        self._oom_kills_before = oom_kills()
        self._starting = threading.Lock()  # held for as long as a start may take
        self._lock = threading.Lock()  # held for a moment
        self._context = _Context()
        self._executor: ProcessPoolExecutor | None = None
        self._started = False
        self._doomed = False
        self.calls = 0

    def start(self, server: ForkServer) -> None:
        """Blocking. Bring the process up, ready for calls."""
        with self._starting:
            if self._doomed:
                raise BrokenExecutor("killed before its start")
            server.ensure_running()
            with signals_blocked():
                self._executor = ProcessPoolExecutor(
                    1, self._context, initializer=begin, initargs=self._initargs
                )
                first = self._executor.submit(os.getpid)  # which starts the process
        with self._lock:
            self._started = True
            doomed = self._doomed
        if doomed:
            self.kill()
        first.result(START_S)

    def submit(
        self, function: Callable[..., object], args: tuple[object, ...]
    ) -> "asyncio.Future[Reply]":
        """Does not block. Raises BrokenExecutor when the child died while it was idle.

        Cancelling the future doesn't stop the call, for which the child has to be killed: an
        executor of 3.11 breaks on a cancelled call whose child then dies.
        """
        assert self._executor is not None, "start() comes first"
        self.calls += 1
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Reply] = loop.create_future()

        def settle(done: "Future[Reply]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(end, ended, done.exception() or done.result())

        self._executor.submit(child_call, function, args).add_done_callback(settle)
        return ended

    def kill(self) -> None:
        """SIGKILL for the process and for all that it started; at its start, right after it."""
        with self._lock:
            self._doomed = True
            started = self._started
        if started:
            _kill(self._context.process)

    def join(self) -> str:
        """Blocking, after kill(). Wait until the process is gone; say how it ended."""
        with self._starting:
            process = self._context.process
        if process is not None and process.pid is not None:
            wait([process.sentinel], limits.KILL_WAIT_S)
        self._clean_up()
        return _exit_text(process, self._oom_kills() > self._oom_kills_before)

    def _clean_up(self) -> None:
        """End the executor, bounded.

        An executor that has read half of a result waits for the rest. So, before it is waited for,
        our own end for writing results is exchanged: with the child's gone too, it reads the end.
        """
        if self._executor is not None:
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), self._context.results._writer.fileno())
            self._executor.shutdown(wait=True)


def _kill(process: Any) -> None:
    """SIGKILL for the process group that the child leads; before it leads one, for the child."""
    if process is None or process.pid is None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # the latter: macOS, where all of it is dead
        process.kill()


def _exit_text(process: Any, memory_ran_out: bool) -> str:
    if process is None or process.exitcode is None:
        return "never started"
    if process.exitcode >= 0:
        return f"exit code {process.exitcode}"
    name = signal.Signals(-process.exitcode).name
    if name == "SIGKILL":  # Not by us, for then nobody asks.
        if memory_ran_out:
            return "killed by SIGKILL: memory ran out, the kernel has counted an OOM kill meanwhile"
        return "killed by SIGKILL from outside (memory may have run out, here or in the container)"
    return f"killed by {name}"
