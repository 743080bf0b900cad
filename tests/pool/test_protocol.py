"""Every Pool keeps the same promises: the one of this machine, and the double that tests use."""

import asyncio

from restore.pool.local import LocalPool
from restore.pool.protocol import Slot
from restore.worker.setup import ChildSettings
from tests.support import pool_promises
from tests.support.held import Gate, hold
from tests.support.jobdesk import FakePool
from tests.support.pool_promises import Begun, within
from tests.support.pools import living, until


class LocalTest(pool_promises.PoolPromises):
    async def asyncSetUp(self) -> None:
        self.pool = LocalPool(2, ChildSettings(), output=lambda *_: None)
        await self.pool.start()
        self.addAsyncCleanup(self.pool.close)

    async def begin(self, slot: Slot, *, stall_s: float | None = None) -> Begun:
        task = self.task()
        call = asyncio.ensure_future(slot.run(hold, task, stall_s=stall_s, job=task.job_id))
        gate = Gate(task.model_id)
        await within(until(lambda: gate.at_work.exists() or call.done()))
        pid = gate.pid
        return Begun(call, gate.open.touch, lambda: not living([pid], 5.0))


class FakeTest(pool_promises.PoolPromises):
    async def asyncSetUp(self) -> None:
        self.fake = FakePool(2)
        self.pool = self.fake

    async def begin(self, slot: Slot, *, stall_s: float | None = None) -> Begun:
        task = self.task()
        call = asyncio.ensure_future(slot.run(hold, task, stall_s=stall_s, job=task.job_id))
        held = await self.fake.next_call()
        held.slot.progress = 0.25
        if stall_s is not None:
            held.stall()
        return Begun(call, held.finish, lambda: held.slot.call is None)
