"""One child process: brought up, killed, waited for; and the kind of it that runs jobs.

That kind is a ProcessPoolExecutor of one worker: where several children share an executor the death
of one fails its neighbours' calls and poisons every later one; the other is directchild's. When
there is a child and what becomes of its calls is pool's. A child that has to go is killed, never
asked: it holds nothing that isn't on disk, and a provider's exit handlers may hang.
"""

import asyncio
import os
import signal
import threading
from abc import ABC, abstractmethod
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

InitArgs = tuple[c_double, Connection, ChildSettings]  # of child.begin
Call = tuple[Callable[..., object], tuple[object, ...]]  # of child.call


class ChildProcess(ABC):
    """One process, from its start to its end. `initargs` are what child.begin wants."""

    def __init__(self, initargs: InitArgs) -> None:
        self._initargs = initargs
        self._starting = threading.Lock()  # held for as long as a start may take
        self._lock = threading.Lock()  # held for a moment
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
                self._begin()
        with self._lock:
            self._started = True
            doomed = self._doomed
        if doomed:
            self.kill()
        self._until_ready(START_S)

    def submit(
        self, function: Callable[..., object], args: tuple[object, ...]
    ) -> "asyncio.Future[Reply]":
        """Warm: does not block. Raises BrokenExecutor when the child died while it was idle.

        The future isn't cancelled: whoever gives up kills the child.
        """
        self.calls += 1
        ended: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._hand_over((function, args), ended)
        return ended

    def kill(self) -> None:
        """SIGKILL for the process and for all that it started; at its start, right after it."""
        with self._lock:
            self._doomed = True
            started = self._started
        if started:
            _kill(self._process)

    def join(self) -> str:
        """Blocking, after kill(). Wait until the process is gone; say how it ended."""
        with self._starting:
            process = self._process
        if process is not None and process.pid is not None:
            wait([process.sentinel], limits.KILL_WAIT_S)
        self._clean_up()
        return _exit_text(process)

    @property
    @abstractmethod
    def _process(self) -> Any:
        """The multiprocessing.Process, None before there is one."""

    @abstractmethod
    def _begin(self) -> None:
        """Start the process."""

    @abstractmethod
    def _until_ready(self, bound_s: float) -> None:
        """Wait until it can be called. Raises where it died or takes longer than that."""

    @abstractmethod
    def _hand_over(self, call: Call, ended: "asyncio.Future[Reply]") -> None:
        """Have the process make the call; its end is `ended`'s."""

    @abstractmethod
    def _clean_up(self) -> None:
        """Let go of all that belonged to the process, which is gone."""


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


class ExecutorChild(ChildProcess):
    """One executor and its one process."""

    def __init__(self, initargs: InitArgs) -> None:
        super().__init__(initargs)
        self._context = _Context()
        self._executor: ProcessPoolExecutor | None = None
        self._first: Future[int] | None = None

    @property
    def _process(self) -> Any:
        return self._context.process

    def _begin(self) -> None:
        self._executor = ProcessPoolExecutor(
            1, self._context, initializer=begin, initargs=self._initargs
        )
        self._first = self._executor.submit(os.getpid)  # at which it starts the process

    def _until_ready(self, bound_s: float) -> None:
        assert self._first is not None, "_begin() comes first"
        self._first.result(bound_s)

    def _hand_over(self, call: Call, ended: "asyncio.Future[Reply]") -> None:
        assert self._executor is not None, "start() comes first"
        loop = ended.get_loop()

        def tell(done: "Future[Reply]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(end, ended, done.exception() or done.result())

        # (asyncio.wrap_future would cancel the call with the future, and an executor of 3.11 whose
        # child then dies breaks on that.)
        self._executor.submit(child_call, *call).add_done_callback(tell)

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


def _exit_text(process: Any) -> str:
    if process is None or process.exitcode is None:
        return "never started"
    if process.exitcode >= 0:
        return f"exit code {process.exitcode}"
    return f"killed by {signal.Signals(-process.exitcode).name}"
