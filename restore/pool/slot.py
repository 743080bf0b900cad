"""One slot: a place where one call at a time runs in a child of its own.

The child is started when it is called, watched while it works, and replaced when it has died, has
grown too much or has served long enough. When all children rest is the pool's.

Rule: whatever a child does, `run` ends, and the slot is ready again.

What crosses: a call and its plain arguments go in, a `Reply` of bytes comes out, a shared double
says how far the call is, and one pipe carries what the child prints.
"""

import asyncio
import os
import pickle
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from ctypes import c_double
from multiprocessing.context import ForkServerContext
from typing import Any, Protocol, TypeVar

from restore.pool import limits
from restore.pool.errors import ChildDied, ChildError, ChildNotStarted, ChildStalled
from restore.pool.output import ChildLog, ChildPipe
from restore.pool.process import START_S, ChildProcess
from restore.pool.protocol import Machine
from restore.worker import ChildSettings, Reply

T = TypeVar("T")
# What is raised where a child died or couldn't be started (no memory, no descriptors, no time).
_NO_CHILD = (BrokenExecutor, OSError, EOFError, TimeoutError)
_NOT_BEGUN = -1.0  # instead of a progress, until the child sets it to 0.0


class Nursery(Protocol):
    """What a slot needs of its pool."""

    emit: Callable[[str, str], None]
    oom_kills: Callable[[], int]

    def check_open(self) -> None: ...

    def start_child(self, starting: ChildProcess) -> "asyncio.Future[None]": ...

    def in_thread(self, function: Callable[[], T]) -> "asyncio.Future[T]": ...

    def note_use(self) -> None: ...

    def note_death(self) -> None: ...


class LocalSlot:
    """A place where one call at a time runs in a child; further calls wait in turn."""

    def __init__(self, name: str, settings: ChildSettings, pool: Nursery, machine: Machine) -> None:
        context = ForkServerContext()
        self.name = name
        self.machine = machine
        self._pool = pool
        self._progress: c_double = context.RawValue(c_double, 0.0)
        self._output = ChildPipe(ChildLog(pool.emit, name, limits.WORKER_OUTPUT_BYTES))
        self._initargs = (self._progress, self._output.writer, settings)
        self._lock = asyncio.Lock()
        self._child: ChildProcess | None = None

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
        """As protocol.Slot says; `function` (by its name) and `args` must be picklable."""
        async with self._lock:
            self._pool.check_open()
            self._output.begin(job)
            try:
                return await self._run(function, args, stall_s, bound_s)
            finally:
                self._output.end()
                self._progress.value = 0.0
                self._pool.note_use()

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._lock.locked()

    @property
    def cold(self) -> bool:
        """Whether the next call has to start a child."""
        return self._child is None and not self.busy

    async def warm(self) -> None:
        """Have a child up before it is needed."""
        if self.cold:
            with suppress(ChildError):  # whoever calls next will know
                await self.run(os.getpid, stall_s=None, bound_s=START_S)

    async def hold(self) -> None:
        """Let no call begin until release(). At once where the slot isn't busy."""
        await self._lock.acquire()

    def release(self) -> None:
        self._lock.release()

    async def stop_child(self) -> None:
        """End the child of a slot that is held; the next call starts another."""
        await self._end()

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
                self._pool.note_death()
                if begun:
                    raise ChildDied(f"{ended} ({error})") from None
                if not first:
                    raise ChildNotStarted(f"{ended} ({error})") from None
            except BaseException:
                await self._end()
                raise
        if reply.spent or (self._child and self._child.calls >= limits.JOBS_PER_CHILD):
            await self._end()
        return result  # type: ignore[no-any-return]

    async def _submit(
        self, function: Callable[..., object], args: tuple[object, ...]
    ) -> "asyncio.Future[Reply]":
        """Hand the call to the child, which is started where there is none."""
        if self._child is None:
            self._child = ChildProcess(self._initargs, self._pool.oom_kills)
            async with asyncio.timeout(START_S + 1.0):
                await self._pool.start_child(self._child)
        return self._child.submit(function, args)

    async def _watch(
        self, call: "asyncio.Future[Reply]", stall_s: float | None, bound_s: float | None
    ) -> Reply:
        """Wait for the call's end; raise ChildStalled where it stands still or takes too long.

        A tick counts for no more than twice its length: a machine that slept, or a server that was
        stopped and continued, doesn't shoot a child that slept as well.
        """
        tick = min((s / 10 for s in (stall_s, bound_s) if s is not None), default=None)
        tick = tick and min(max(0.01, tick), 1.0)
        clock, seen = asyncio.get_running_loop().time, self.progress
        now, quiet_s, spent_s = clock(), 0.0, 0.0
        while not (await asyncio.wait({call}, timeout=tick))[0]:
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


def _result(reply: Reply) -> Any:
    if reply.payload is None:
        raise ChildDied(reply.failure)
    try:
        return pickle.loads(reply.payload)  # noqa: S301  (the executor does the same to the reply)
    except Exception as error:
        raise ChildDied(f"the result can't be read: {error!r}") from None
