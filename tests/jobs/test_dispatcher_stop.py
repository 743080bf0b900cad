"""dispatcher.stop: what runs gets the grace, the rest the next start, all within a bound."""

import asyncio
from unittest import mock

from restore.contract.job import JobStatus
from restore.jobs import run
from restore.jobs.retry import Cause
from tests.support.jobdesk import Call, DeskTestCase, Hung, and_then, paused


class StopTests(DeskTestCase):
    async def test_before_anything_began(self) -> None:
        await self.desk().stop()

    async def test_a_running_job_may_end_within_the_grace(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        stopping = asyncio.ensure_future(desk.dispatcher.stop(30))
        await asyncio.sleep(0)
        call.finish()
        await stopping
        self.assertEqual(desk.job(job_id).status, JobStatus.SUCCEEDED)
        self.assertEqual(desk.temp_files(), set())

    async def test_nothing_new_starts(self) -> None:
        desk = await self.desk(workers=1).begin()
        await desk.promise()
        call = await desk.pool.next_call()
        waiting = await desk.promise()
        stopping = asyncio.ensure_future(desk.dispatcher.stop(30))
        await asyncio.sleep(0)
        call.finish()
        desk.dispatcher.wake()
        await stopping
        self.assertEqual(len(desk.pool.calls), 1)
        self.assertEqual(desk.job(waiting).status, JobStatus.QUEUED)

    async def test_held_it_starts_nothing_while_what_runs_goes_on(self) -> None:
        """The first step of a stop: clients may take all of the grace, and the queue waits."""
        desk = await self.desk(workers=1).begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        waiting = await desk.promise()
        desk.dispatcher.pause()
        call.finish()
        await desk.quiet()
        desk.dispatcher.wake()
        await desk.dispatcher.stop(30)
        self.assertEqual(len(desk.pool.calls), 1)
        self.assertEqual(desk.job(job_id).status, JobStatus.SUCCEEDED)
        self.assertEqual(desk.job(waiting).status, JobStatus.QUEUED)

    async def test_after_the_grace_the_child_is_killed_and_the_attempt_given_back(self) -> None:
        desk = await self.desk(workers=1).begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        await desk.dispatcher.stop(0)
        self.assertTrue(call.killed)
        job = desk.job(job_id)
        self.assertEqual((job.status, job.attempt, job.vanished), (JobStatus.RUNNING, 0, 0))
        self.assertFalse(job.working)
        self.assertEqual(desk.events.of(job_id), [("started", 1)])
        self.assertIn(f"{job_id}.upload", desk.temp_files())

    async def test_a_hundred_stops_cost_no_attempt(self) -> None:
        job_id = ""
        for life in range(20):
            desk = await self.desk(workers=1).begin()
            job_id = job_id or await desk.promise()
            call = await desk.pool.next_call()
            self.assertEqual((call.task.job_id, call.task.attempt), (job_id, 1), life)
            await desk.stop()
        desk = await self.desk(workers=1, auto=Call.finish).begin()
        await desk.quiet()
        job = desk.job(job_id)
        self.assertEqual((job.status, job.attempt, job.vanished), (JobStatus.SUCCEEDED, 1, 0))

    async def test_a_death_before_the_stop_stays_counted(self) -> None:
        desk = await self.desk(workers=1).begin()
        job_id = await desk.promise()
        with paused(Cause.WORKER_DIED, 60.0):
            (await desk.pool.next_call()).die()
            await asyncio.sleep(0)
            await desk.stop()
        desk = await self.desk(workers=1).begin()
        self.assertEqual((await desk.pool.next_call()).task.attempt, 2)
        self.assertEqual(desk.job(job_id).vanished, 0)

    async def test_a_job_between_claim_and_work_is_given_back(self) -> None:
        desk = await self.desk(workers=1).begin()
        with (
            Hung(desk.storage, "prepare_attempt") as held,
            and_then(run.JobRun, "interrupt", held.go.set),
        ):
            job_id = await desk.promise()
            await held.reached()
            await desk.dispatcher.stop(0)
        self.assertEqual((desk.job(job_id).attempt, desk.job(job_id).vanished), (0, 0))
        self.assertEqual(desk.events.of(job_id), [])

    async def test_a_result_on_its_way_to_disk_is_brought_there(self) -> None:
        desk = await self.desk(workers=1, auto=Call.finish).begin()
        with (
            Hung(desk.storage, "promote") as held,
            and_then(run.JobRun, "interrupt", held.go.set),
        ):
            job_id = await desk.promise()
            await held.reached()
            await desk.dispatcher.stop(0)
        self.assertEqual(desk.job(job_id).status, JobStatus.SUCCEEDED)

    async def test_on_a_full_disk_it_is_bounded_and_nothing_is_lost(self) -> None:
        desk = await self.desk(workers=2).begin()
        ended, running = await desk.promise(), await desk.promise()
        call = await desk.pool.next_call()
        await desk.pool.next_call()
        desk.fill_disk()
        call.finish()
        async with asyncio.timeout(10):
            await desk.stop()
        desk = await self.desk(auto=Call.finish).begin()
        await desk.quiet()
        for job_id in (ended, running):
            job = desk.job(job_id)
            self.assertEqual((job.status, job.attempt), (JobStatus.SUCCEEDED, 1))
        self.assertEqual(desk.temp_files(), set())

    async def test_a_disk_that_hangs_does_not_hold_it_up(self) -> None:
        desk = await self.desk(workers=1, auto=Call.finish).begin()
        with (
            mock.patch("restore.jobs.dispatcher.KILL_WAIT_S", 0.02),
            mock.patch("restore.jobs.dispatcher.GIVE_BACK_S", 0.02),
            Hung(desk.storage, "promote") as held,
        ):
            await desk.promise()
            await held.reached()
            async with asyncio.timeout(10):
                await desk.dispatcher.stop(0)
            self.assertEqual(desk.dispatcher._tasks, {})

    async def test_a_database_that_hangs_does_not_hold_it_up(self) -> None:
        desk = await self.desk(workers=1).begin()
        job_id = await desk.promise()
        await desk.pool.next_call()
        never = asyncio.get_running_loop().create_future()

        async def hangs(*_: object) -> bool:
            await never
            return True

        with (
            mock.patch.object(run, "GIVE_BACK_S", 0.02),
            mock.patch.object(desk.store, "save", hangs),
        ):
            async with asyncio.timeout(10):
                await desk.dispatcher.stop(0)
        self.assertTrue(desk.job(job_id).working)  # so the next start counts a vanish

    async def test_a_cancel_under_way_at_the_stop(self) -> None:
        desk = await self.desk(workers=1).begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        await asyncio.gather(desk.dispatcher.cancel(job_id), desk.dispatcher.stop(0))
        self.assertTrue(call.killed)
        self.assertIsNone(desk.store.get(job_id))
        self.assertEqual(desk.temp_files(), set())
