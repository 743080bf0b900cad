"""The child processes that do the work: started, watched, killed and replaced here.

Each slot has a ProcessPoolExecutor of one worker: where several children share an executor, the
death of one fails its neighbours' calls and poisons every later one. What runs in a child is handed
in as a function of plain values, so that only this module knows where the work is done. The rule
kept here: whatever a child does, `Slot.run` ends, and the slot is ready again.

What crosses: a call and its plain arguments go in, a `Reply` of bytes comes out, a shared double
says how far the call is, and one pipe carries what the child prints. A child that has to go is
killed, never asked: it holds nothing that isn't on disk, and a provider's exit handlers may hang.
"""

import asyncio
import logging
import os
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from ctypes import c_double
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, TypeVar

from restore import child, limits
from restore.child import ChildSettings, Reply
from restore.childlog import ChildLog
from restore.childpipe import ChildPipe
from restore.forkserver import ForkServer, signals_blocked

START_S = 30.0  # for a child to come up, on a machine that is very busy

T = TypeVar("T")
# What is raised where a child died or couldn't be started (no memory, no descriptors, no time).
_NO_CHILD = (BrokenExecutor, OSError, EOFError, TimeoutError)
_NOT_BEGUN = -1.0  # instead of a progress, until the child sets it to 0.0
_log = logging.getLogger("restore")


class ChildError(Exception):
    """A call came to no result. `detail` is for the log only."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ChildDied(ChildError):  # noqa: N818  (says what happened)
    """The child ended, or what it returned can't be used."""


class ChildStalled(ChildError):  # noqa: N818
    """The child was killed: it made no progress, or took longer than allowed."""


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


class _Child:
    """One executor and its one process, from first call to end."""

    def __init__(self, initargs: tuple[c_double, Connection, ChildSettings]) -> None:
        self._initargs = initargs
        self._context = _Context()
        self._executor: ProcessPoolExecutor | None = None
        self._starting = threading.Lock()  # held for as long as a start may take
        self._lock = threading.Lock()  # held for a moment
        self._started = False
        self._doomed = False
        self.calls = 0

    def start(self, server: ForkServer) -> None:
        """Blocking. Bring the process up, ready for calls; the executor starts it at the first."""
        with self._starting:
            if self._doomed:
                raise BrokenExecutor("killed before its start")
            server.ensure_running()
            self._executor = ProcessPoolExecutor(
                1, self._context, initializer=child.begin, initargs=self._initargs
            )
            with signals_blocked():
                first = self._executor.submit(os.getpid)
        with self._lock:
            self._started = True
            doomed = self._doomed
        if doomed:
            self.kill()
        first.result(START_S)

    def submit(self, function: Callable[..., object], args: tuple[object, ...]) -> "Future[Reply]":
        """Warm: does not block. Raises BrokenExecutor when the child died while it was idle."""
        assert self._executor is not None, "start() comes first"
        self.calls += 1
        return self._executor.submit(child.call, function, args)

    def kill(self) -> None:
        """SIGKILL for the process and for all that it started; at its start, right after it."""
        with self._lock:
            self._doomed = True
            started = self._started
        if started:
            _kill(self._context.process)

    def join(self) -> str:
        """Blocking, after kill(). Wait until the process is gone; say how it ended.

        An executor that has read half of a result waits for the rest. So, before it is waited for,
        our own end for writing results is exchanged: with the child's gone too, it reads the end.
        """
        with self._starting:
            executor, process = self._executor, self._context.process
        if executor is None:
            return "never started"
        if process is not None and process.pid is not None:
            wait([process.sentinel], limits.KILL_WAIT_S)
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), self._context.results._writer.fileno())
        executor.shutdown(wait=True)
        return _exit_text(process)


class Slot:
    """A place where one call at a time runs in a child; further calls wait in turn."""

    def __init__(self, name: str, settings: ChildSettings, pool: "Pool") -> None:
        context = ForkServerContext()
        self.name = name
        self._pool = pool
        self._progress: c_double = context.RawValue(c_double, 0.0)
        self._output = ChildPipe(ChildLog(pool.emit, name, limits.WORKER_OUTPUT_BYTES))
        self._initargs = (self._progress, self._output.writer, settings)
        self._lock = asyncio.Lock()
        self._child: _Child | None = None

    @property
    def progress(self) -> float:
        """How far the call under way is, 0.0..1.0; 0.0 when there is none."""
        value = self._progress.value
        return value if 0.0 <= value <= 1.0 else 0.0

    async def run(
        self,
        function: Callable[..., T],
        *args: object,
        stall_s: float | None,
        bound_s: float | None = None,
        job: str = "",
    ) -> T:
        """Call `function(*args)` in the child; both must be picklable, `function` by its name.

        `stall_s`: how long `progress` may stand still, `bound_s`: how long the call may take at
        most; over either the child is killed. `job` names what it prints in the log. Cancelling the
        awaiting task kills the child too. When this returns or raises, the child has stopped
        working on the call. Raises ChildDied, ChildStalled.
        """
        async with self._lock:
            self._pool.check_open()
            self._output.begin(job)
            try:
                return await self._run(function, args, stall_s, bound_s)
            finally:
                self._output.end()
                self._progress.value = 0.0

    def kill(self) -> None:
        """SIGKILL for the child, if there is one; a call under way ends with ChildDied."""
        if self._child:
            self._child.kill()

    async def close(self) -> None:
        """Kill the child, wait (bounded) until it and the calls to it are gone, free the pipe."""
        self.kill()
        async with self._lock:
            await self._end()
            self._output.close()

    async def _run(
        self,
        function: Callable[..., T],
        args: tuple[object, ...],
        stall_s: float | None,
        bound_s: float | None,
    ) -> T:
        """One attempt in a child; a second where the first child died before it began the call.

        A child that somebody killed while it was idle, or while it started, is nobody's attempt.
        """
        for first in (True, False):
            self._progress.value = _NOT_BEGUN
            try:
                call = await self._submit(function, args)
                reply = await self._watch(call, stall_s, bound_s)
                result = _result(reply)
                break
            except _NO_CHILD as error:
                begun = self._progress.value != _NOT_BEGUN
                ended = await self._end()
                if begun or not first:
                    raise ChildDied(f"{ended} ({error})") from None
            except BaseException:
                await self._end()
                raise
        if reply.spent or (self._child and self._child.calls >= limits.JOBS_PER_CHILD):
            await self._end()
        return result  # type: ignore[no-any-return]

    async def _submit(
        self, function: Callable[..., object], args: tuple[object, ...]
    ) -> "Future[Reply]":
        """Hand the call to the child, which is started where there is none."""
        if self._child is None:
            self._child = _Child(self._initargs)
            async with asyncio.timeout(START_S + 1.0):
                await self._pool.start_child(self._child)
        return self._child.submit(function, args)

    async def _watch(
        self, call: "Future[Reply]", stall_s: float | None, bound_s: float | None
    ) -> Reply:
        """Wait for the call's end; raise ChildStalled where it stands still or takes too long.

        A tick counts for no more than twice its length: a machine that slept, or a server that was
        stopped and continued, doesn't shoot a child that slept as well.
        """
        tick = min((s / 10 for s in (stall_s, bound_s) if s is not None), default=None)
        tick = tick and min(max(0.01, tick), 1.0)
        clock, seen = asyncio.get_running_loop().time, self.progress
        now, quiet_s, spent_s = clock(), 0.0, 0.0
        ended = _end_of(call)
        while not (await asyncio.wait({ended}, timeout=tick))[0]:
            then, now = now, clock()
            step = min(now - then, 2 * (tick or 0.0))
            before, seen = seen, self.progress
            quiet_s, spent_s = (quiet_s + step if seen == before else 0.0), spent_s + step
            if stall_s is not None and quiet_s >= stall_s:
                raise ChildStalled(f"no progress beyond {seen:.3f} for {quiet_s:.1f} s")
            if bound_s is not None and spent_s >= bound_s:
                raise ChildStalled(f"no end after {spent_s:.1f} s")
        return call.result()

    async def _end(self) -> str:
        """Kill the child and wait, bounded, until it is gone; say how it ended."""
        ending, self._child = self._child, None
        if ending is None:
            return "ended by another"
        ending.kill()
        joined = self._pool.in_thread(ending.join)
        done, _ = await asyncio.wait({joined}, timeout=2 * limits.KILL_WAIT_S)
        return joined.result() if done else "could not be ended"


class Pool:
    """The slots for jobs, and one child more that only looks at headers of images.

    Needs a running loop. `output` gets each line that a child prints, with the name of its slot and
    job; by default it goes to the log.
    """

    def __init__(
        self,
        workers: int,
        settings: ChildSettings,
        *,
        output: Callable[[str, str], None] | None = None,
    ) -> None:
        self.emit = output or _to_log
        self._threads = ThreadPoolExecutor(2 * (workers + 1), thread_name_prefix="pool")
        self._server = ForkServer()
        self._closed = False
        self.slots = tuple(Slot(f"worker-{n}", settings, self) for n in range(1, workers + 1))
        self.inspector = Slot("inspector", replace(settings, nice=0), self)

    async def start(self) -> None:
        """Let the fork server come up beside everything else; returns at once."""
        self.in_thread(self._server.ensure_running)

    def start_child(self, starting: _Child) -> "asyncio.Future[None]":
        """Bring up a child's process, and the fork server where there is none."""
        self.check_open()
        return self.in_thread(partial(starting.start, self._server))

    def check_open(self) -> None:
        """Raises ChildDied once the pool is closed."""
        if self._closed:
            raise ChildDied("the pool is closed")

    def in_thread(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def close(self) -> None:
        """Kill every child and the fork server; returns when they are gone, bounded."""
        self._closed = True
        await asyncio.gather(*(slot.close() for slot in (*self.slots, self.inspector)))
        await asyncio.wait({self.in_thread(self._server.stop)}, timeout=limits.KILL_WAIT_S)
        self._threads.shutdown(wait=False)


def _to_log(name: str, line: str) -> None:
    _log.info("%s: %s", name, line)


def _end_of(call: "Future[Any]") -> "asyncio.Future[None]":
    """Done when `call` is; cancelling it leaves `call` alone.

    (asyncio.wrap_future cancels it, and an executor of 3.11 whose child then dies breaks on that.)
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    def tell(_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(end)

    call.add_done_callback(tell)
    return ended


def _result(reply: Reply) -> Any:
    if reply.payload is None:
        raise ChildDied(reply.failure)
    try:
        return pickle.loads(reply.payload)  # noqa: S301  (the executor does the same to the reply)
    except Exception as error:
        raise ChildDied(f"the result can't be read: {error!r}") from None


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
