"""recovery: each row of the table of what a crash finds, and what follows."""

import uuid
from typing import Any
from unittest import mock

from restore.contract.job import MAX_VANISHED, JobStatus
from restore.jobs import recovery
from tests.support.jobdesk import Call, Desk, DeskTestCase, write


class RecoveryTestCase(DeskTestCase):
    async def restarted(self, **settings: Any) -> Desk:
        """A next life in which every attempt succeeds, all of it done."""
        desk = await self.desk(**{"auto": Call.finish, **settings}).begin()
        await desk.tidied()
        await desk.quiet()
        return desk

    def assert_succeeded(self, desk: Desk, job_id: str, attempt: int, vanished: int) -> None:
        job = desk.job(job_id)
        self.assertEqual(job.status, JobStatus.SUCCEEDED)
        self.assertEqual((job.attempt, job.vanished), (attempt, vanished))
        self.assertEqual(desk.outputs(), {f"{job_id}.png"})
        self.assertEqual(desk.temp_files(), set())


class CrashTableTests(RecoveryTestCase):
    async def test_no_row_and_an_upload_arriving_or_whole(self) -> None:
        desk = self.desk()
        half = desk.storage.create_upload(str(uuid.uuid4()))
        half.write([b"half"])
        desk.write_upload(str(uuid.uuid4()))
        await desk.crash()
        desk = await self.restarted()
        self.assertEqual(desk.temp_files(), set())

    async def test_queued_waits_its_turn_and_no_attempt_is_counted(self) -> None:
        desk = self.desk()
        job_id = await desk.add()
        await desk.crash()
        self.assert_succeeded(await self.restarted(), job_id, attempt=1, vanished=0)

    async def test_queued_and_its_upload_missing(self) -> None:
        desk = self.desk()
        job_id = await desk.add(upload=False)
        await desk.crash()
        desk = await self.restarted()
        self.assertEqual(desk.job(job_id).error, "storage")
        self.assertEqual(desk.events.of(job_id), [("failed", "storage")])

    async def test_running_and_its_upload_missing(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        await desk.pool.next_call()
        await desk.crash()
        desk.lose_upload(job_id)
        desk = await self.restarted()
        self.assertEqual(desk.job(job_id).error, "storage")
        self.assertEqual(desk.temp_files(), set())

    async def test_running_in_the_work_runs_again_and_a_vanish_is_counted(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        write(call.task.folder, "half.png", b"half")
        await desk.crash()
        desk = await self.restarted()
        self.assertEqual(len(desk.pool.calls), 1)
        self.assert_succeeded(desk, job_id, attempt=1, vanished=1)

    async def test_running_stays_running_for_a_poller(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        await desk.pool.next_call()
        await desk.crash()
        desk = self.desk()
        self.assertEqual(desk.job(job_id).status, JobStatus.RUNNING)
        await desk.dispatcher.recover()
        self.assertEqual(desk.job(job_id).status, JobStatus.RUNNING)
        desk.dispatcher.start()
        await desk.pool.next_call()
        self.assertEqual(desk.job(job_id).status, JobStatus.RUNNING)

    async def test_a_server_that_vanishes_over_and_over(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        for life in range(MAX_VANISHED + 1):
            call = await desk.pool.next_call()
            self.assertEqual((desk.job(job_id).vanished, call.task.attempt), (life, 1))
            await desk.crash()
            desk = await self.desk().begin()
        await desk.quiet()
        job = desk.job(job_id)
        self.assertEqual((job.error, desk.pool.calls), ("server_died", []))
        self.assertEqual(desk.events.of(job_id), [("failed", "server_died")])
        self.assertEqual(desk.temp_files(), set())

    async def test_ten_vanishes_are_allowed(self) -> None:
        desk = self.desk()
        job_id = await desk.add(
            status=JobStatus.RUNNING, attempt=1, working=True, vanished=MAX_VANISHED - 1
        )
        await desk.crash()
        self.assert_succeeded(await self.restarted(), job_id, attempt=1, vanished=MAX_VANISHED)

    async def test_a_dead_worker_and_a_vanished_server_count_apart(self) -> None:
        desk = await self.desk(workers=1).begin()
        job_id = await desk.promise()
        (await desk.pool.next_call()).die()
        await desk.pool.next_call()
        await desk.crash()
        self.assert_succeeded(await self.restarted(), job_id, attempt=2, vanished=1)

    async def test_waiting_for_a_slot_is_no_vanish(self) -> None:
        desk = await self.desk(workers=2).begin()
        jobs = [await desk.promise() for _ in range(2)]
        for _ in jobs:
            await desk.pool.next_call()
        await desk.stop()
        desk = await self.desk(workers=1).begin()
        await desk.pool.next_call()
        await desk.crash()
        desk = await self.restarted()
        self.assertEqual([desk.job(job_id).vanished for job_id in jobs], [1, 0])

    async def test_running_and_its_result_there_ends_as_succeeded(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        desk.storage.promote(write(call.task.folder, "out.png", b"whole"), job_id)
        await desk.crash()
        desk = await self.restarted()
        self.assertEqual(desk.pool.calls, [])
        self.assert_succeeded(desk, job_id, attempt=1, vanished=0)
        self.assertEqual(desk.events.of(job_id), [("succeeded",)])
        self.assertEqual(list(desk.events.durations), [0])

    async def test_running_and_its_result_there_on_a_full_disk(self) -> None:
        desk = await self.desk().begin()
        job_id = await desk.promise()
        call = await desk.pool.next_call()
        desk.storage.promote(write(call.task.folder, "out.png", b"whole"), job_id)
        await desk.crash()
        desk = self.desk()
        desk.fill_disk()
        await desk.begin()
        self.assertEqual(desk.job(job_id).status, JobStatus.RUNNING)
        desk.fill_disk(False)
        await desk.quiet()
        self.assert_succeeded(desk, job_id, attempt=1, vanished=0)

    async def test_ended_and_upload_or_work_folder_left(self) -> None:
        desk = self.desk()
        for error in (None, "timeout"):
            job_id = await desk.add()
            desk.storage.prepare_attempt(job_id, 1)
            job = desk.job(job_id).start()
            job = job.fail(error, 1.0) if error else job.succeed(f"{job_id}.png", 1.0)
            await desk.store.save(job, JobStatus.QUEUED)
        self.assertEqual(len(desk.temp_files()), 4)
        await desk.crash()
        desk = await self.restarted()
        self.assertEqual((desk.temp_files(), desk.pool.calls), (set(), []))

    async def test_no_row_and_a_result_there(self) -> None:
        desk = await self.desk(auto=Call.finish).begin()
        kept = await desk.promise()
        await desk.quiet()
        for _ in range(3):
            write(str(self.root / "outputs"), f"{uuid.uuid4()}.jpg", b"nobody's")
        await desk.crash()
        with mock.patch.object(recovery, "SWEEP_BATCH", 2):
            desk = await self.restarted()
        self.assertEqual(len(desk.outputs()), 4)
        self.assertIn(f"{kept}.png", desk.outputs())
        self.assertTrue(any("3 results" in line and "They stay" in line for line in self.log.all))

    async def test_no_row_and_a_result_that_was_meant_to_go(self) -> None:
        desk = await self.desk(auto=Call.finish).begin()
        job_id = await desk.promise()
        await desk.quiet()
        await desk.store.delete(job_id)
        await desk.crash()
        desk = await self.restarted()
        self.assertEqual((desk.outputs(), desk.store.removals()), (set(), []))

    async def test_a_lost_database_takes_no_photo_along(self) -> None:
        desk = await self.desk(workers=1).begin()
        await desk.promise()
        (await desk.pool.next_call()).finish()
        await desk.quiet()
        await desk.promise()
        await desk.pool.next_call()
        await desk.crash()
        for path in self.root.glob("jobs.sqlite3*"):
            path.unlink()
        desk = await self.restarted()
        uploads = {name for name in desk.temp_files() if name.endswith(".upload")}
        self.assertEqual((len(desk.outputs()), len(uploads)), (1, 1))
        self.assertTrue(any("1 uploads" in line for line in self.log.all))


class OrderTests(DeskTestCase):
    async def test_what_ran_goes_on_before_what_waited(self) -> None:
        desk = await self.desk(workers=2).begin()
        jobs = [await desk.promise() for _ in range(4)]
        for _ in range(2):
            await desk.pool.next_call()
        await desk.crash()
        desk = await self.desk(workers=1, auto=Call.finish).begin()
        await desk.quiet()
        self.assertEqual([call.task.job_id for call in desk.pool.calls], jobs)


class SweepTests(RecoveryTestCase):
    async def test_an_upload_that_arrives_after_the_start_is_left_alone(self) -> None:
        desk = self.desk()
        await desk.dispatcher.recover()
        arriving = desk.storage.create_upload(str(uuid.uuid4()))
        arriving.write([b"photo"])
        desk.write_upload(str(uuid.uuid4()))
        desk.dispatcher.start()
        await desk.tidied()
        self.assertEqual(len(desk.temp_files()), 2)
        arriving.abort()

    async def test_the_uploads_of_jobs_that_wait_are_left_alone(self) -> None:
        desk = self.desk()
        jobs = [await desk.add() for _ in range(3)]
        await desk.crash()
        desk = await self.desk(workers=1).begin()
        await desk.tidied()
        for job_id in jobs:
            self.assertIn(f"{job_id}.upload", desk.temp_files())

    async def test_the_start_touches_no_file_of_an_ended_job(self) -> None:
        desk = await self.desk(auto=Call.finish).begin()
        for _ in range(5):
            await desk.promise()
        await desk.quiet()
        await desk.stop()
        desk = self.desk()
        with (
            mock.patch.object(desk.storage, "find_output") as find,
            mock.patch.object(desk.storage, "has_upload") as has,
            mock.patch.object(desk.storage, "discard_output") as discard,
        ):
            await desk.begin()
            await desk.tidied()
        self.assertEqual((find.call_count, has.call_count, discard.call_count), (0, 0, 0))
        self.assertEqual(len(desk.outputs()), 5)

    async def test_what_cannot_be_removed_is_left_to_the_next_start(self) -> None:
        desk = self.desk()
        desk.write_upload(str(uuid.uuid4()))
        await desk.crash()
        refused = PermissionError(13, "Permission denied")
        with mock.patch("pathlib.Path.unlink", side_effect=refused):
            desk = await self.desk().begin()
            await desk.tidied()
        self.assertEqual(len(desk.temp_files()), 1)
        self.assertTrue(any("tidying up" in line for line in self.log.all))
        await desk.stop()
        desk = await self.restarted()
        self.assertEqual(desk.temp_files(), set())
