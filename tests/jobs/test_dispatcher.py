"""dispatcher: order, slots, memory, and that one job's trouble is nobody else's."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any
from unittest import mock

from restore.contract.job import JobStatus
from restore.jobs import dispatcher
from restore.jobs.budget import estimate_mib
from restore.jobs.retry import Cause
from restore.storage.errors import DatabaseError
from tests.support.jobdesk import BOUND_S, Call, Desk, DeskTestCase, Hung, paused


class OrderTests(DeskTestCase):
    async def test_jobs_start_in_the_order_of_their_arrival(self) -> None:
        desk = await self.desk(workers=1, auto=Call.finish).begin()
        promised = [await desk.add() for _ in range(6)]
        desk.dispatcher.wake()
        await desk.quiet()
        self.assertEqual([call.task.job_id for call in desk.pool.calls], promised)

    async def test_all_slots_work_at_once_and_no_job_twice(self) -> None:
        desk = await self.desk(workers=3).begin()
        promised = [await desk.promise() for _ in range(5)]
        calls = [await desk.pool.next_call() for _ in range(3)]
        # Each makes its folder on a thread first, so they come in any order.
        self.assertCountEqual([call.task.job_id for call in calls], promised[:3])
        self.assertEqual(len({call.slot.name for call in calls}), 3)
        calls[1].finish()
        fourth = await desk.pool.next_call()
        self.assertEqual((fourth.task.job_id, fourth.slot), (promised[3], calls[1].slot))

    async def test_nothing_is_read_while_no_slot_is_free(self) -> None:
        desk = await self.desk(workers=1).begin()
        await desk.promise()
        await desk.pool.next_call()
        with mock.patch.object(desk.store, "next_queued") as read:
            for _ in range(10):
                desk.dispatcher.wake()
                await asyncio.sleep(0)
        self.assertEqual(read.call_count, 0)

    async def test_nothing_starts_before_start(self) -> None:
        desk = self.desk()
        await desk.dispatcher.recover()
        await desk.promise()
        await asyncio.sleep(0)
        self.assertEqual(desk.dispatcher._tasks, {})
        desk.dispatcher.start()
        await desk.pool.next_call()

    async def test_a_slot_goes_on_while_a_result_is_brought_to_disk(self) -> None:
        desk = await self.desk(workers=1).begin()
        for _ in range(dispatcher.RUNS_PER_SLOT + 2):
            await desk.promise()
        with Hung(desk.storage, "promote") as held:
            for _ in range(dispatcher.RUNS_PER_SLOT):
                (await desk.pool.next_call()).finish()
            await held.reached()
            desk.dispatcher.wake()
            for _ in range(3):
                await asyncio.sleep(0)
            self.assertEqual(len(desk.dispatcher._tasks), dispatcher.RUNS_PER_SLOT)  # no more
            held.go.set()
            for _ in range(2):
                (await desk.pool.next_call()).finish()
        await desk.quiet()
        self.assertEqual(desk.store.waiting, 0)


class MemoryTests(DeskTestCase):
    async def test_the_sum_of_what_runs_stays_under_the_budget(self) -> None:
        small = estimate_mib(1000, 1000, 1)
        desk = await self.desk(workers=4, budget_mib=2 * small).begin()
        for _ in range(5):
            await desk.add(side=1000)
        desk.dispatcher.wake()
        first, _second = [await desk.pool.next_call() for _ in range(2)]
        self.assertEqual(len(desk.pool.under_way), 2)
        first.finish()
        await desk.pool.next_call()
        self.assertEqual(len(desk.pool.under_way), 2)

    async def test_one_larger_than_the_budget_runs_alone_and_is_not_overtaken(self) -> None:
        desk = await self.desk(workers=3, budget_mib=200).begin()
        small = await desk.add(side=100)
        large = await desk.add(side=4000)
        last = await desk.add(side=100)
        desk.dispatcher.wake()
        first = await desk.pool.next_call()
        self.assertEqual(first.task.job_id, small)
        self.assertEqual(len(desk.pool.calls), 1)
        first.finish()
        second = await desk.pool.next_call()
        self.assertEqual(second.task.job_id, large)
        self.assertEqual([call.task.job_id for call in desk.pool.under_way], [large])
        second.finish()
        self.assertEqual((await desk.pool.next_call()).task.job_id, last)


def faulty(real: Callable[..., object], victims: list[str]) -> Callable[..., object]:
    """`real`, but raising what nobody expects when it is about one of `victims`."""

    def function(*args: Any, **kwargs: Any) -> object:
        if any(getattr(arg, "id", arg) in victims for arg in args):
            raise RuntimeError("a fault of our own")
        return real(*args, **kwargs)

    return function


class FaultTests(DeskTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(paused(Cause.SERVER_FAULT, 0.01))
        self.enterContext(mock.patch.object(dispatcher, "QUEUE_PAUSE_S", 0.01))

    async def test_an_exception_leaves_no_job_running_and_harms_no_other(self) -> None:
        """What is raised where nobody expects it: the job is tried again, and then fails."""
        for owner, name in (
            ("storage", "has_upload"),
            ("storage", "prepare_attempt"),
            ("storage", "promote"),
            ("storage", "discard"),
            ("store", "save"),
            ("events", "started"),
            ("events", "succeeded"),
        ):
            desk = await self.desk(workers=2, auto=Call.finish).begin()
            real = getattr(getattr(desk, owner), name)
            victims: list[str] = []

            with (
                self.subTest(at=name),
                mock.patch.object(getattr(desk, owner), name, faulty(real, victims)),
            ):
                victims.append(await desk.add())
                neighbours = [await desk.promise() for _ in range(3)]
                await self.ended(desk, *neighbours)
            await desk.quiet()
            job = desk.job(victims[0])
            self.assertTrue(job.ended, (name, job))
            for neighbour in neighbours:
                self.assertEqual(desk.job(neighbour).status, JobStatus.SUCCEEDED, name)
            await desk.stop()

    async def test_progress_does_not_fall_while_the_job_waits_for_a_slot_again(self) -> None:
        desk = await self.desk(workers=1).begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        call.slot.progress = 0.75
        self.assertEqual(0.75, desk.dispatcher.progress(job_id))  # somebody is told
        await desk.promise()
        with mock.patch.object(desk.storage, "promote", side_effect=RuntimeError("a fault")):
            call.finish()
            other = await desk.pool.next_call()  # has the only slot
            async with asyncio.timeout(BOUND_S):
                while job_id in desk.dispatcher._runs:
                    self.assertEqual(0.75, desk.dispatcher.progress(job_id))
                    await asyncio.sleep(0)
        self.assertEqual(0.75, desk.dispatcher.progress(job_id))
        other.finish()
        (await desk.pool.next_call()).finish()
        await desk.quiet()
        self.assertEqual(JobStatus.SUCCEEDED, desk.job(job_id).status)

    async def test_an_exception_that_lasts_ends_the_job_after_its_attempts(self) -> None:
        desk = await self.desk(auto=Call.finish).begin()
        with mock.patch.object(desk.storage, "promote", side_effect=RuntimeError("a fault")):
            job_id = await desk.promise()
            await self.ended(desk, job_id)
        await desk.quiet()
        self.assertEqual(desk.job(job_id).error, "worker_died")
        self.assertEqual(len(desk.pool.calls), 3)
        self.assertEqual(desk.temp_files(), set())

    async def test_a_pool_that_raises_what_it_never_should(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        call.slot.progress = 0.5
        self.assertEqual(desk.dispatcher.progress(job_id), 0.5)
        call.ending.set_exception(TypeError("cannot pickle"))
        call = await desk.pool.next_call()
        self.assertEqual(desk.dispatcher.progress(job_id), 0.5, "it fell")
        call.finish()
        await desk.quiet()
        self.assertEqual(desk.job(job_id).status, JobStatus.SUCCEEDED)

    async def test_a_queue_that_cannot_be_read_is_read_again(self) -> None:
        desk = await self.desk().begin()
        real = desk.store._reader
        with mock.patch.object(desk.store, "_reader") as broken:
            broken.execute.side_effect = sqlite3.OperationalError("disk I/O error")
            await desk.promise()
            await asyncio.sleep(0)
            self.assertEqual(desk.pool.calls, [])
        self.assertIs(desk.store._reader, real)
        (await desk.pool.next_call()).finish()
        await desk.quiet()

    async def test_a_fault_while_the_store_cannot_be_read(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        get, failures = desk.store.get, [DatabaseError("disk I/O error")] * 2

        def failing(*args: str) -> object:
            if failures:
                raise failures.pop()
            return get(*args)

        with mock.patch.object(desk.store, "get", failing):
            call.ending.set_exception(TypeError("cannot pickle"))
            (await desk.pool.next_call()).finish()
            await desk.quiet()
        self.assertEqual(desk.job(job_id).status, JobStatus.SUCCEEDED)

    async def test_a_job_cancelled_after_a_fault_leaves_nothing(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        with paused(Cause.SERVER_FAULT, 0.05):
            call.ending.set_exception(TypeError("cannot pickle"))
            await asyncio.sleep(0)
            await desk.dispatcher.cancel(job_id)
        await desk.quiet()
        self.assertEqual((desk.temp_files(), len(desk.pool.calls)), (set(), 1))

    async def ended(self, desk: Desk, *job_ids: str) -> None:
        """Until the rows of all have ended: each end is an event or a run's last breath."""
        async with asyncio.timeout(20):
            while not all(desk.job(job_id).ended for job_id in job_ids):
                running = desk.dispatcher._tasks.values()
                if running:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(0)
