"""The pool of this machine: slots for jobs, and one child more that looks at headers of images.

It starts children by the fork server, stops them when nobody has called any for a while, and ends
all of them for certain.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from restore.pool import limits
from restore.pool.errors import ChildDied
from restore.pool.forkserver import ForkServer
from restore.pool.process import ChildProcess
from restore.pool.protocol import Machine
from restore.pool.slot import LocalSlot
from restore.worker import ChildSettings

T = TypeVar("T")
_log = logging.getLogger("restore")


class LocalPool:
    """The slots for jobs, and one child more that only looks at headers of images.

    Needs a running loop. `machine` is what the jobs may use together. `output` gets each line that
    a child prints, with the name of its slot and job; by default it goes to the log. `spare` is a
    folder for a socket where no temporary one will do, `oom_kills` counts the kernel's kills for
    memory. Raises OSError where there is no shared memory to be had.
    """

    def __init__(
        self,
        workers: int,
        settings: ChildSettings,
        machine: Machine = Machine(),  # noqa: B008  (a tuple)
        *,
        output: Callable[[str, str], None] | None = None,
        spare: Path | None = None,
        oom_kills: Callable[[], int] = lambda: 0,
    ) -> None:
        self.emit = output or _to_log
        self.oom_kills = oom_kills
        self._threads = ThreadPoolExecutor(2 * (workers + 1), thread_name_prefix="pool")
        self._server = ForkServer(spare)
        self._closed = False
        self.deaths = self.calls = 0  # of children, and calls that ended, since the start
        self.slots = tuple(
            LocalSlot(f"worker-{n}", settings, self, machine) for n in range(1, workers + 1)
        )
        self.inspector = LocalSlot("inspector", settings._replace(nice=0), self, machine)
        self._all = (*self.slots, self.inspector)
        self._used = 0.0  # when a call last ended, loop time
        self._timer: asyncio.TimerHandle | None = None
        self._stopping_idle: asyncio.Task[None] | None = None

    def on_change(self, listener: Callable[[], None]) -> None:
        """Nothing to tell: these slots stay."""

    async def start(self) -> None:
        """Let the fork server come up beside everything else; returns at once."""
        early = self.in_thread(self._server.ensure_running)
        # Where it can't, the first call tries again, and that tells why.
        early.add_done_callback(lambda done: done.cancelled() or done.exception())

    def start_child(self, starting: ChildProcess) -> "asyncio.Future[None]":
        """Bring up a child's process, and the fork server where there is none."""
        self.check_open()
        if self._timer is None:
            self._look_in(limits.CHILDREN_IDLE_S)
        return self.in_thread(partial(starting.start, self._server))

    def check_open(self) -> None:
        """Raises ChildDied once the pool is closed."""
        if self._closed:
            raise ChildDied("the pool is closed")

    def in_thread(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._threads, function)

    def note_use(self) -> None:
        """A call has ended."""
        self.calls += 1
        self._used = asyncio.get_running_loop().time()

    def note_death(self) -> None:
        """A child died under a call, or couldn't be started."""
        self.deaths += 1

    def stats(self) -> dict[str, int]:
        """Plain numbers for whoever watches."""
        busy = sum(slot.busy for slot in self.slots)
        return {
            "slots": len(self.slots),
            "slots_busy": busy,
            "children_died": self.deaths,
            "calls": self.calls,
        }

    async def stop_idle(self) -> None:
        """Stop the children and the fork server unless a call is under way.

        A server that has nothing to do for hours holds half the memory; the next call waits 0.2 s
        longer. What a codec or a provider has kept of a large photo goes with them.
        """
        if self._closed or any(slot.busy for slot in self._all):
            return
        held: list[LocalSlot] = []
        try:
            for slot in self._all:
                await slot.hold()
                held.append(slot)
            for slot in held:
                await slot.stop_child()
            await self.in_thread(self._server.stop)
        finally:
            for slot in held:
                slot.release()

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._stop_if_idle)

    def _stop_if_idle(self) -> None:
        self._timer = None
        left_s = self._used + limits.CHILDREN_IDLE_S - asyncio.get_running_loop().time()
        if left_s > 0 or any(slot.busy for slot in self._all):
            self._look_in(max(left_s, 1.0))
        else:
            self._stopping_idle = asyncio.get_running_loop().create_task(self.stop_idle())

    async def close(self) -> None:
        """Kill every child and the fork server; returns when they are gone, bounded."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*(slot.close() for slot in self._all))
        await asyncio.wait({self.in_thread(self._server.stop)}, timeout=limits.KILL_WAIT_S)
        self._threads.shutdown(wait=False)


def _to_log(name: str, line: str) -> None:
    _log.info("%s: %s", name, line)
