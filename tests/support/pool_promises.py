"""What every Pool promises, as tests: mixed into a test case that can make one."""

import asyncio
import tempfile
import unittest
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from restore.pool.errors import ChildDied, ChildStalled
from restore.pool.protocol import Pool, Slot
from restore.worker.job import Outcome, Task
from tests.support.jobdesk import FAST_FOLDER
from tests.support.pools import until

T = TypeVar("T")
BOUND_S = 20.0  # for anything a test waits for; far more than it takes


class Begun(NamedTuple):
    """A call that works on until one of these is called. `stopped`: nobody works on it any more."""

    call: "asyncio.Future[Outcome]"
    finish: Callable[[], object]
    stopped: Callable[[], bool]


class PoolPromises(unittest.IsolatedAsyncioTestCase):
    """A case that inherits this makes a `pool` of two slots and begins calls on them.

    Import the module, not the class: unittest would take it for a case of its own.
    """

    pool: Pool

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(dir=FAST_FOLDER)))
        self.count = 0

    def task(self) -> Task:
        """One attempt in a folder of its own, with a gate beside it."""
        self.count += 1
        work, gate = self.folder / f"{self.count}-1", self.folder / f"{self.count}-gate"
        work.mkdir()
        gate.mkdir()
        upload = self.folder / f"{self.count}.upload"
        upload.write_bytes(b"photo")
        return Task(str(self.count), 1, str(upload), "jpeg", str(work), "", str(gate), 0.6, 1)

    async def begin(self, slot: Slot, *, stall_s: float | None = None) -> Begun:
        """A call on `slot` that has told a progress of 0.25 and waits."""
        raise NotImplementedError

    async def test_slots_have_names_and_a_machine(self) -> None:
        slots = self.pool.slots
        self.assertEqual(len({slot.name for slot in slots}), 2)
        self.assertEqual(len({slot.machine for slot in slots}), 1)
        self.assertTrue(slots[0].machine.memory_mib > 0 and slots[0].machine.cores > 0)
        self.assertEqual(self.pool.stats()["slots"], 2)

    async def test_progress_is_told_while_the_call_runs(self) -> None:
        slot = self.pool.slots[0]
        self.assertEqual(slot.progress, 0.0)
        begun = await self.begin(slot)
        await within(until(lambda: slot.progress == 0.25))
        begun.finish()
        outcome = await within(begun.call)
        self.assertEqual((outcome.error, slot.progress), (None, 0.0))

    async def test_slots_work_beside_each_other(self) -> None:
        first, second = [await self.begin(slot) for slot in self.pool.slots]
        for begun in (second, first):
            begun.finish()
            self.assertEqual((await within(begun.call)).error, None)

    async def test_cancelled_it_has_stopped_when_it_returns(self) -> None:
        slot = self.pool.slots[0]
        begun = await self.begin(slot)
        begun.call.cancel()
        await asyncio.wait({begun.call}, timeout=BOUND_S)
        self.assertTrue(begun.call.cancelled() and begun.stopped())
        await self.serves(slot)

    async def test_killed_it_has_died_and_the_slot_is_ready_again(self) -> None:
        slot, other = self.pool.slots
        neighbour, begun = await self.begin(other), await self.begin(slot)
        slot.kill()
        await asyncio.wait({begun.call}, timeout=BOUND_S)
        self.assertEqual(type(begun.call.exception()), ChildDied)
        self.assertTrue(begun.stopped())
        await self.serves(slot)
        neighbour.finish()
        self.assertEqual((await within(neighbour.call)).error, None)

    async def test_standing_still_it_is_killed(self) -> None:
        slot = self.pool.slots[0]
        begun = await self.begin(slot, stall_s=0.2)
        await asyncio.wait({begun.call}, timeout=BOUND_S)
        self.assertEqual(type(begun.call.exception()), ChildStalled)
        self.assertTrue(begun.stopped())
        await self.serves(slot)

    async def test_closed_nothing_runs(self) -> None:
        calls = [await self.begin(slot) for slot in self.pool.slots]
        await within(self.pool.close())
        for begun in calls:
            await asyncio.wait({begun.call}, timeout=BOUND_S)
            self.assertTrue(isinstance(begun.call.exception(), ChildDied))
            self.assertTrue(begun.stopped())

    async def serves(self, slot: Slot) -> None:
        """Show that `slot` is ready for a call."""
        begun = await self.begin(slot)
        begun.finish()
        self.assertEqual((await within(begun.call)).error, None)


async def within(work: Awaitable[T]) -> T:
    """The result of `work`, which must come within the bound."""
    async with asyncio.timeout(BOUND_S):
        return await work
