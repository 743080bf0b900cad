"""dispatcher.cancel: at every moment of a job, once and again, and never another job."""

import asyncio
from collections.abc import Awaitable, Callable
from unittest import mock

from restore.contract.job import JobStatus
from restore.jobs.retry import Cause
from restore.jobs.run import JobRun
from restore.storage.errors import DatabaseError, StorageError
from tests.support.jobdesk import Call, Desk, DeskTestCase, Hung, and_then, paused

UNKNOWN = "00000000-0000-4000-8000-000000000000"


class CancelTestCase(DeskTestCase):
    def assert_gone(self, desk: Desk, job_id: str) -> None:
        self.assertIsNone(desk.store.get(job_id))
        self.assertEqual({name for name in desk.temp_files() if job_id in name}, set())
        self.assertEqual({name for name in desk.outputs() if job_id in name}, set())
        self.assertNotIn(("succeeded",), desk.events.of(job_id))


class MomentTests(CancelTestCase):
    async def test_an_unknown_job(self) -> None:
        desk = await self.desk().begin()
        await desk.dispatcher.cancel(UNKNOWN)

    async def test_while_it_waits(self) -> None:
        desk = await self.desk(workers=1).begin()
        await desk.promise()
        await desk.pool.next_call()
        waiting = await desk.promise()
        await desk.dispatcher.cancel(waiting)
        self.assert_gone(desk, waiting)
        self.assertEqual(desk.store.waiting, 0)

    async def test_while_it_runs_its_child_is_killed_and_the_slot_goes_on(self) -> None:
        desk = await self.desk(workers=1).begin()
        running = await desk.promise()
        call = await desk.pool.next_call()
        following = await desk.promise()
        await desk.dispatcher.cancel(running)
        self.assertTrue(call.killed)
        self.assert_gone(desk, running)
        self.assertEqual(desk.events.of(running), [("started", 1)])
        (await desk.pool.next_call()).finish()
        await desk.quiet()
        self.assertEqual(desk.job(following).status, JobStatus.SUCCEEDED)

    async def test_after_its_end_the_result_goes_too(self) -> None:
        desk = await self.desk(auto=Call.finish).begin()
        job_id, other = await desk.promise(), await desk.promise()
        await desk.quiet()
        self.assertEqual(len(desk.outputs()), 2)
        await desk.dispatcher.cancel(job_id)
        self.assertIsNone(desk.store.get(job_id))
        self.assertEqual(desk.outputs(), {f"{other}.png"})

    async def test_twice_at_once_and_again(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        cancel = desk.dispatcher.cancel
        await asyncio.gather(cancel(job_id), cancel(job_id), cancel(job_id))
        await cancel(job_id)
        self.assertTrue(call.buried)  # no cancel interrupted the killing for another
        self.assert_gone(desk, job_id)

    async def test_a_row_that_goes_without_a_word(self) -> None:
        """As that of a client which hung up while its job was being written."""
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        await desk.store.delete(job_id)
        call.finish()
        await desk.quiet()
        self.assert_gone(desk, job_id)

    async def test_before_start_a_job_that_the_last_server_left(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        await desk.pool.next_call()
        await desk.crash()
        desk = self.desk(auto=Call.finish)
        await desk.dispatcher.recover()
        await desk.dispatcher.cancel(job_id)
        desk.dispatcher.start()
        await desk.quiet()
        self.assert_gone(desk, job_id)
        self.assertEqual(desk.pool.calls, [])

    async def test_a_client_that_leaves_does_not_stop_it_half_way(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        await desk.pool.next_call()
        cancelling = asyncio.ensure_future(desk.dispatcher.cancel(job_id))
        await asyncio.sleep(0)
        cancelling.cancel()
        await desk.tidied()
        await desk.quiet()
        self.assert_gone(desk, job_id)

    async def test_a_database_that_refuses_changes_nothing(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        desk.fill_disk()
        with self.assertRaises(DatabaseError):
            await desk.dispatcher.cancel(job_id)
        desk.fill_disk(False)
        self.assertFalse(call.killed)
        call.finish()
        await desk.quiet()
        self.assertEqual(desk.job(job_id).status, JobStatus.SUCCEEDED)


class RaceTests(CancelTestCase):
    """The same job meets its cancel at each step of its way."""

    async def race(self, step: Callable[[Desk], tuple[object, str]]) -> None:
        """Cancel while the first call of `step` (an owner and its function) is held up."""
        desk = await self.desk(workers=1, auto=Call.finish).begin()
        with Hung(*step(desk)) as held, and_then(JobRun, "cancel", held.go.set):
            job_id = await desk.promise()
            await held.reached()
            await desk.dispatcher.cancel(job_id)
        await desk.quiet()
        self.assertIsNone(desk.store.get(job_id))
        self.assertEqual((desk.temp_files(), desk.outputs()), (set(), set()))
        other = await desk.promise()
        await desk.quiet()
        self.assertEqual(desk.job(other).status, JobStatus.SUCCEEDED)
        await desk.stop()

    async def test_with_the_making_of_its_folder(self) -> None:
        await self.race(lambda desk: (desk.storage, "prepare_attempt"))

    async def test_with_promote(self) -> None:
        await self.race(lambda desk: (desk.storage, "promote"))

    async def test_with_the_removal_of_its_upload(self) -> None:
        await self.race(lambda desk: (desk.storage, "discard"))

    async def test_with_claim_and_finish_in_either_order(self) -> None:
        for late in (JobStatus.RUNNING, JobStatus.SUCCEEDED):
            for cancel_first in (True, False):
                with self.subTest(step=late, cancel_first=cancel_first):
                    await self.race_with_save(late, cancel_first)

    async def race_with_save(self, late: JobStatus, cancel_first: bool) -> None:
        desk = await self.desk(workers=1, auto=Call.finish).begin()
        save = desk.store.save
        cancels: list[Awaitable[None]] = []

        async def racing(job, expected):  # type: ignore[no-untyped-def]
            if job.status is not late or cancels:
                return await save(job, expected)
            if not cancel_first:
                saving = asyncio.ensure_future(save(job, expected))
                await asyncio.sleep(0)
            cancels.append(asyncio.ensure_future(desk.dispatcher.cancel(job.id)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return await (save(job, expected) if cancel_first else saving)

        with mock.patch.object(desk.store, "save", racing):
            job_id = await desk.promise()
            await desk.quiet()
            await asyncio.gather(*cancels)
        await desk.quiet()
        self.assertIsNone(desk.store.get(job_id))
        self.assertEqual((desk.temp_files(), desk.outputs()), (set(), set()))
        self.assertEqual(desk.dispatcher._held, {})
        await desk.stop()

    async def test_with_the_death_of_its_child(self) -> None:
        desk = await self.desk(workers=1).begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        cancelling = asyncio.ensure_future(desk.dispatcher.cancel(job_id))
        call.die()
        await cancelling
        await desk.quiet()
        self.assert_gone(desk, job_id)
        self.assertEqual(len(desk.events.of(job_id)), len(desk.pool.calls))

    async def test_with_its_result_just_returned(self) -> None:
        desk = await self.desk(workers=1).begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        cancelling = asyncio.ensure_future(desk.dispatcher.cancel(job_id))
        call.finish()
        await cancelling
        await desk.quiet()
        self.assertIsNone(desk.store.get(job_id))
        self.assertEqual((desk.temp_files(), desk.outputs()), (set(), set()))

    async def test_while_it_waits_for_room(self) -> None:
        desk = await self.desk(workers=1).begin()
        with paused(Cause.NO_ROOM, 60.0):
            job_id = await desk.promise()
            call = await desk.pool.next_call()
            call.fail("storage", again=True)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await desk.dispatcher.cancel(job_id)
        self.assert_gone(desk, job_id)

    async def test_the_slot_works_on_another_job_already(self) -> None:
        """A cancel that comes late must not kill the child's next job."""
        desk = await self.desk(workers=1).begin()
        first, second = await desk.add(), await desk.add()
        desk.dispatcher.wake()
        with Hung(desk.storage, "promote") as held:
            (await desk.pool.next_call()).finish()
            await held.reached()
            call = await desk.pool.next_call()
            self.assertEqual(call.task.job_id, second)
            with and_then(JobRun, "cancel", held.go.set):
                await desk.dispatcher.cancel(first)
        self.assertFalse(call.killed)
        call.finish()
        await desk.quiet()
        self.assert_gone(desk, first)
        self.assertEqual(desk.job(second).status, JobStatus.SUCCEEDED)

    async def test_files_that_cannot_be_removed_are_left_to_the_next_start(self) -> None:
        desk = await self.desk(workers=1).begin()
        await desk.promise()
        await desk.pool.next_call()
        waiting = await desk.promise()
        with mock.patch.object(desk.storage, "discard", side_effect=StorageError("no")):
            await desk.dispatcher.cancel(waiting)
        self.assertIn(f"{waiting}.upload", desk.temp_files())
        await desk.stop()
        desk = await self.desk().begin()
        await desk.tidied()
        self.assert_gone(desk, waiting)
