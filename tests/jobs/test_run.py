"""jobrun: attempts, outcomes, endings, and what a full disk does to them."""

import asyncio
from pathlib import Path
from unittest import mock

from restore.contract.job import MAX_ATTEMPTS, JobStatus
from restore.jobs import run
from restore.jobs.retry import RETRIES, Cause
from restore.pool.errors import ChildNotStarted
from restore.storage.errors import DatabaseError, StorageError
from tests.support.jobdesk import Call, DeskTestCase, Hung, files_in, paused


class RunTestCase(DeskTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.at = await self.desk().begin()

    async def started(self) -> str:
        job_id = await self.at.promise()
        self.call = await self.at.pool.next_call()
        return job_id

    def assert_ended(self, job_id: str, error: str | None) -> None:
        job = self.at.job(job_id)
        self.assertEqual(job.error, error, self.log.all)
        self.assertEqual(job.status, JobStatus.FAILED if error else JobStatus.SUCCEEDED)
        self.assertEqual(self.at.outputs(), set() if error else {f"{job_id}.png"})
        self.assertEqual(self.at.temp_files(), set())


class OutcomeTests(RunTestCase):
    async def test_a_job_that_succeeds(self) -> None:
        job_id = await self.started()
        self.call.finish(b"restored", note="yellowed, scratched")
        await self.at.quiet()
        self.assert_ended(job_id, None)
        job = self.at.job(job_id)
        self.assertEqual(
            (job.output, job.note, job.progress), (f"{job_id}.png", "yellowed, scratched", 1.0)
        )
        self.assertEqual(self.at.events.of(job_id), [("started", 1), ("succeeded",)])
        self.assertTrue(any(job_id in line and "yellowed" in line for line in self.log.all))

    async def test_the_row_says_running_before_the_work_begins(self) -> None:
        job_id = await self.started()
        job = self.at.job(job_id)
        self.assertEqual((job.status, job.attempt, job.working), (JobStatus.RUNNING, 1, True))

    async def test_the_child_gets_plain_values_and_a_folder_of_its_own(self) -> None:
        job_id = await self.started()
        task = self.call.task
        self.assertEqual((task.job_id, task.attempt, task.kind), (job_id, 1, "jpeg"))
        self.assertEqual((task.model_id, task.strength, task.upscale), ("model", 0.6, 1))
        self.assertEqual(task.provider, "fake")
        self.assertEqual(task.upload, self.at.storage.upload_path(job_id))
        self.assertEqual(files_in(task.folder), [])

    async def test_an_outcomes_error_fails_the_job_at_once(self) -> None:
        for error in ("decode_failed", "provider_error", "bad_output"):
            job_id = await self.started()
            self.call.fail(error)
            await self.at.quiet()
            self.assert_ended(job_id, error)
            self.assertEqual(self.at.events.of(job_id), [("started", 1), ("failed", error)])
            self.assertTrue(
                any(job_id in line and "Traceback ..." in line for line in self.log.all)
            )

    async def test_a_stall_fails_the_job_at_once(self) -> None:
        job_id = await self.started()
        self.call.stall()
        await self.at.quiet()
        self.assert_ended(job_id, "timeout")
        self.assertEqual(len(self.at.pool.calls), 1)

    async def test_what_can_be_no_result_fails_the_job(self) -> None:
        job_id = await self.started()
        self.call.finish(b"")
        await self.at.quiet()
        self.assert_ended(job_id, "bad_output")

    async def test_the_upload_is_gone_before_the_work(self) -> None:
        job_id = await self.at.promise(upload=False)
        await self.at.quiet()
        self.assert_ended(job_id, "storage")
        self.assertEqual(self.at.pool.calls, [])
        self.assertEqual(self.at.events.of(job_id), [("failed", "storage")])

    async def test_duration_is_that_of_the_attempt_that_succeeded(self) -> None:
        now = [100.0]
        with mock.patch("restore.jobs.run.time.monotonic", lambda: now[0]):
            await self.started()
            now[0] += 50
            self.call.die()
            self.call = await self.at.pool.next_call()
            now[0] += 1.5
            self.call.finish()
            await self.at.quiet()
        self.assertEqual(list(self.at.events.durations), [1500])


class AttemptTests(RunTestCase):
    async def test_a_dead_worker_is_tried_again_in_a_new_folder(self) -> None:
        job_id = await self.started()
        first = self.call
        (Path(first.task.folder) / "half").write_text("half")
        first.die()
        second = await self.at.pool.next_call()
        self.assertEqual(second.task.attempt, 2)
        self.assertEqual(self.at.job(job_id).attempt, 2)
        self.assertNotEqual(first.task.folder, second.task.folder)
        self.assertIsNone(files_in(first.task.folder))
        second.finish()
        await self.at.quiet()
        self.assert_ended(job_id, None)
        self.assertEqual(
            self.at.events.of(job_id), [("started", 1), ("started", 2), ("succeeded",)]
        )

    async def test_three_deaths_fail_it_alone(self) -> None:
        job_id = await self.started()
        for _ in range(2):
            self.call.die()
            self.call = await self.at.pool.next_call()
        neighbour = await self.at.promise()
        (await self.at.pool.next_call()).finish()
        self.call.die()
        await self.at.quiet()
        self.assertEqual(self.at.job(job_id).error, "worker_died")
        self.assertEqual(self.at.job(job_id).attempt, 3)
        self.assertEqual(self.at.job(neighbour).status, JobStatus.SUCCEEDED)
        expected = [("started", 1), ("started", 2), ("started", 3), ("failed", "worker_died")]
        self.assertEqual(self.at.events.of(job_id), expected)

    async def test_a_child_that_cannot_be_had_is_no_attempt(self) -> None:
        await self.end(self.at)
        self.at = await self.desk(job_timeout_s=60.0).begin()
        job_id = await self.started()
        with paused(Cause.NO_WORKER, 0.0):
            for _ in range(2 * MAX_ATTEMPTS):
                self.call.ending.set_exception(ChildNotStarted("out of processes"))
                self.call = await self.at.pool.next_call()
                self.assertEqual(self.call.task.attempt, 1)
            self.call.finish()
            await self.at.quiet()
        self.assert_ended(job_id, None)
        self.assertEqual(self.at.job(job_id).attempt, 1)

    async def test_without_a_child_for_as_long_as_a_job_may_stand_still_attempts_count(
        self,
    ) -> None:
        def fail(call: Call) -> None:
            call.ending.set_exception(ChildNotStarted("out of processes"))

        await self.end(self.at)
        self.at = await self.desk(auto=fail, job_timeout_s=0.0).begin()
        job_id = await self.at.promise()
        await self.at.quiet()
        self.assert_ended(job_id, "worker_died")

    async def test_a_call_cancelled_by_nobody_here_counts_as_a_death(self) -> None:
        job_id = await self.started()
        self.call.ending.cancel()
        self.call = await self.at.pool.next_call()
        self.call.finish()
        await self.at.quiet()
        self.assert_ended(job_id, None)
        self.assertEqual(self.at.job(job_id).attempt, 2)


class ProgressTests(RunTestCase):
    async def test_it_is_live_and_never_falls_over_attempts(self) -> None:
        job_id = await self.started()
        progress = self.at.dispatcher.progress
        self.assertEqual(progress(job_id), 0.0)
        for value, told in ((0.25, 0.25), (0.5, 0.5), (0.4, 0.5)):
            self.call.slot.progress = value
            self.assertEqual(progress(job_id), told)
        self.call.die()
        self.call = await self.at.pool.next_call()
        self.assertEqual(progress(job_id), 0.5)
        self.call.slot.progress = 0.1
        self.assertEqual(progress(job_id), 0.5)
        self.call.slot.progress = 1.0
        self.assertEqual(progress(job_id), 0.99)

    async def test_a_failed_job_keeps_what_was_told(self) -> None:
        job_id = await self.started()
        self.call.slot.progress = 0.7
        self.at.dispatcher.progress(job_id)
        self.call.fail("provider_error")
        await self.at.quiet()
        self.assertEqual(self.at.job(job_id).progress, 0.7)

    async def test_a_job_that_nobody_runs(self) -> None:
        self.assertEqual(self.at.dispatcher.progress("unknown"), 0.0)

    async def test_the_slots_next_call_is_not_this_jobs_progress(self) -> None:
        first = await self.started()
        slot = self.call.slot
        with Hung(self.at.storage, "promote") as held:
            self.call.finish()
            await held.reached()
            slot.progress = 0.8  # of whatever the slot does next
            self.assertEqual(self.at.dispatcher.progress(first), 0.0)
            held.go.set()
        await self.at.quiet()


class FullDiskTests(RunTestCase):
    async def test_the_end_of_a_job_waits_for_room_and_polls_go_on(self) -> None:
        job_id = await self.started()
        pauses = self.recorded_pauses()
        self.at.fill_disk()
        self.call.finish()
        await pauses.reached(5)
        self.assertEqual(self.at.job(job_id).status, JobStatus.RUNNING)
        self.assertEqual(self.at.events.of(job_id), [("started", 1)])
        self.at.fill_disk(False)
        await self.at.quiet()
        self.assert_ended(job_id, None)
        self.assertEqual(self.at.events.of(job_id), [("started", 1), ("succeeded",)])

    async def test_it_backs_off_and_never_spins(self) -> None:
        await self.started()
        pauses = self.recorded_pauses()
        self.at.fill_disk()
        self.call.fail("provider_error")
        await pauses.reached(5)
        self.at.fill_disk(False)
        await self.at.quiet()
        self.assertEqual(pauses.seconds[:5], [0.005, 0.01, 0.02, 0.02, 0.02])
        waits = [line for line in self.log.all if "waits for the disk" in line]
        self.assertEqual(len(waits), 1)

    async def test_a_claim_waits_for_room(self) -> None:
        pauses = self.recorded_pauses()
        job_id = await self.at.add()
        self.at.fill_disk()
        self.at.dispatcher.wake()
        await pauses.reached(2)
        self.assertEqual(self.at.job(job_id).status, JobStatus.QUEUED)
        self.assertEqual(self.at.pool.calls, [])
        self.at.fill_disk(False)
        (await self.at.pool.next_call()).finish()
        await self.at.quiet()
        self.assert_ended(job_id, None)

    async def test_every_step_on_files_waits_for_room(self) -> None:
        for step in ("prepare_attempt", "promote"):
            real = getattr(self.at.storage, step)
            full = StorageError("No space left on device.")
            failures: list[Exception] = [full, full, full]

            def refuses(
                *args: object, failures: list[Exception] = failures, real: mock.Mock = real
            ) -> object:
                if failures:
                    raise failures.pop()
                return real(*args)

            with self.subTest(step=step), mock.patch.object(self.at.storage, step, refuses):
                job_id = await self.started()
                self.call.finish()
                await self.at.quiet()
                self.assertEqual(failures, [])
                self.assert_ended(job_id, None)
                self.assertEqual(self.at.job(job_id).attempt, 1)
            self.at.storage.discard_output(job_id)

    async def test_a_child_that_met_a_full_disk_is_no_attempt(self) -> None:
        job_id = await self.started()
        for _ in range(5):
            self.call.fail("storage", again=True)
            self.call = await self.at.pool.next_call()
            self.assertEqual(self.call.task.attempt, 1)
        self.call.finish()
        await self.at.quiet()
        self.assert_ended(job_id, None)

    async def test_a_commit_that_reported_an_error_but_was_made(self) -> None:
        job_id = await self.started()
        save, errors = self.at.store.save, [DatabaseError("disk I/O error")]

        async def saves_and_says_no(*args: object) -> bool:
            saved = await save(*args)  # type: ignore[arg-type]
            if errors:
                raise errors.pop()
            return saved

        with mock.patch.object(self.at.store, "save", saves_and_says_no):
            self.call.finish()
            await self.at.quiet()
        self.assert_ended(job_id, None)
        self.assertEqual(self.at.events.of(job_id), [("started", 1), ("succeeded",)])

    async def test_files_that_cannot_be_removed_do_not_hold_up_the_end(self) -> None:
        refused = StorageError("A temporary file can't be removed.")
        with mock.patch.object(self.at.storage, "discard", side_effect=refused) as discard:
            job_id = await self.started()
            self.call.finish()
            await self.at.quiet()
        self.assertEqual(discard.call_count, 1 + (RETRIES[Cause.FILE_HELD].times or 0))
        self.assertEqual(self.at.job(job_id).status, JobStatus.SUCCEEDED)
        await self.at.stop()
        self.at = await self.desk().begin()
        await self.at.tidied()
        self.assert_ended(job_id, None)

    def recorded_pauses(self) -> "Pauses":
        return self.enterContext(Pauses())


class Pauses:
    """Counts the pauses that runs make, and lets a test wait for a number of them."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._made = asyncio.Condition()

    def __enter__(self) -> "Pauses":
        pause, pauses = run.JobRun._pause, self

        async def recorded(run: run.JobRun, seconds: float) -> None:
            pauses.seconds.append(seconds)
            async with pauses._made:
                pauses._made.notify_all()
            await pause(run, seconds)

        self._patch = mock.patch.object(run.JobRun, "_pause", recorded)
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    async def reached(self, count: int) -> None:
        async with asyncio.timeout(20), self._made:
            await self._made.wait_for(lambda: len(self.seconds) >= count)
