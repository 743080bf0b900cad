"""The pool lets its children go when nobody needs them, and has them back when somebody does."""

import asyncio
import os
import time
from unittest import mock

from restore.pool import limits
from restore.pool.local import LocalPool
from tests.support.pools import PoolCase, fork_server, until


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


class RestTest(PoolCase):
    def test_rest_leaves_no_child_and_no_fork_server(self) -> None:
        pids = [self.call(os.getpid), fork_server()]
        pids.append(self.wait(self.pool.inspector.run(os.getpid, stall_s=None)))
        self.wait(self.pool.stop_idle())
        self.assert_gone(*pids)

    def test_after_a_rest_a_call_is_answered(self) -> None:
        before = self.call(os.getpid)
        self.wait(self.pool.stop_idle())
        self.assertTrue(self.slot.cold)
        self.assertNotEqual(before, self.call(os.getpid))
        self.wait(self.pool.stop_idle())
        self.wait(self.pool.stop_idle())  # nothing is left to let go
        self.assertIsInstance(self.call(os.getpid), int)

    def test_a_call_under_way_is_left_alone(self) -> None:
        async def rest_meanwhile() -> int:
            call = asyncio.create_task(self.slot.run(nap, 0.2, stall_s=None))
            await until(lambda: self.slot.busy)
            await self.pool.stop_idle()
            return await call

        pid = self.wait(rest_meanwhile())
        self.assertEqual(pid, self.call(os.getpid))

    def test_a_call_during_a_rest_waits_for_its_end(self) -> None:
        async def call_meanwhile() -> int:
            resting = asyncio.create_task(self.pool.stop_idle())
            await asyncio.sleep(0)  # its first step takes hold of every slot
            self.assertTrue(self.slot.busy)
            pid = await self.slot.run(os.getpid, stall_s=None)
            await resting
            return pid

        before = self.call(os.getpid)
        self.assertNotEqual(before, self.wait(call_meanwhile()))

    def test_warm_brings_a_child_up_once(self) -> None:
        self.wait(self.pool.stop_idle())
        self.wait(self.slot.warm())
        self.assertFalse(self.slot.cold)
        pid = self.call(os.getpid)
        self.wait(self.slot.warm())
        self.assertEqual(pid, self.call(os.getpid))

    def test_idle_children_go_by_themselves(self) -> None:
        async def use_and_wait() -> int:
            pool = LocalPool(1, self.settings)
            try:
                pid = await pool.slots[0].run(os.getpid, stall_s=None)
                await until(lambda: pool.slots[0].cold)
                return pid
            finally:
                await pool.close()

        with mock.patch.object(limits, "CHILDREN_IDLE_S", 0.05):
            self.assert_gone(self.wait(use_and_wait()))

    def test_a_busy_pool_is_looked_at_again(self) -> None:
        async def outlast() -> tuple[int, int]:
            pool = LocalPool(1, self.settings)
            try:
                first = await pool.slots[0].run(nap, 0.3, stall_s=None)
                second = await pool.slots[0].run(nap, 0.0, stall_s=None)
                await until(lambda: pool.slots[0].cold)
                return first, second
            finally:
                await pool.close()

        with mock.patch.object(limits, "CHILDREN_IDLE_S", 0.1):
            first, second = self.wait(outlast())
        self.assertEqual(first, second)
