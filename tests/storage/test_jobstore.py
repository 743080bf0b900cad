"""jobstore: on disk when it says so, shared syncs, no lock, no growth, no neighbour's fault."""

import asyncio
import threading
import uuid
from dataclasses import replace
from unittest import mock

from restore.contract.job import JobState, JobStatus
from restore.storage import jobstore, schema
from restore.storage.errors import DatabaseError
from restore.storage.files import Storage
from restore.storage.jobstore import JobStore
from tests.support.jobstore_testcase import (
    JobStoreTestCase,
    ended_job,
    new_job,
    opened_by,
    statements,
)
from tests.support.storage_testcase import recorded_syncs


class RowTests(JobStoreTestCase):
    async def test_a_poll_is_told_what_the_job_says(self) -> None:
        queued = new_job()
        running = queued.start()
        failed = replace(running, progress=0.25).fail("timeout", 5.0)
        await self.store.add(queued)
        self.assertIsNone(self.store.state(new_job().id))
        for job, before in ((queued, None), (running, queued), (failed, running)):
            if before is not None:
                await self.store.save(job, before.status)
            state = JobState(job.status, job.progress, job.output, job.error)
            self.assertEqual(state, self.store.state(job.id))

    async def test_a_poll_of_the_next_turn_sees_what_anybody_has_written(self) -> None:
        job, foreign = new_job().start(), self.other_program()
        await self.store.add(job)
        for statement, found in (
            ("UPDATE jobs SET progress = 0.5", JobState(job.status, 0.5, None, None)),
            ("UPDATE jobs SET progress = 0.75", JobState(job.status, 0.75, None, None)),
            ("DELETE FROM jobs", None),
        ):
            self.store.state(job.id)
            foreign.execute(statement)
            await asyncio.sleep(0)
            self.assertEqual(found, self.store.state(job.id))

    async def test_a_poll_sees_a_write_whose_writer_has_been_told(self) -> None:
        job = new_job()
        await self.store.add(job)
        saving = asyncio.ensure_future(self.store.save(job.start(), JobStatus.QUEUED))
        while not saving.done():
            self.store.state(job.id)
            await asyncio.sleep(0)
        state = self.store.state(job.id)
        self.assertEqual(JobStatus.RUNNING, state and state.status)

    async def test_a_job_comes_back_as_it_went(self) -> None:
        job = new_job()
        await self.store.add(job)
        self.assertEqual(self.store.get(job.id), job)
        self.assertEqual(self.reopened().get(job.id), job)
        self.assertIsNone(self.store.get(str(uuid.uuid4())))

    async def test_save_compares_the_status(self) -> None:
        job = new_job()
        await self.store.add(job)
        self.assertFalse(await self.store.save(job.start(), JobStatus.RUNNING))
        self.assertEqual(self.store.get(job.id), job)
        self.assertTrue(await self.store.save(job.start(), JobStatus.QUEUED))
        self.assertFalse(await self.store.save(job.start(), JobStatus.QUEUED))
        self.assertEqual(self.store.get(job.id), job.start())

    async def test_save_of_a_job_that_is_gone(self) -> None:
        self.assertFalse(await self.store.save(new_job(), JobStatus.QUEUED))

    async def test_delete_returns_what_was_there(self) -> None:
        job = new_job()
        await self.store.add(job)
        self.assertEqual(await self.store.delete(job.id), job)
        self.assertIsNone(await self.store.delete(job.id))
        self.assertIsNone(self.store.get(job.id))

    async def test_jobs_wait_in_the_order_of_their_arrival(self) -> None:
        jobs = [new_job() for _ in range(5)]
        for job in jobs:
            await self.store.add(job)
        self.assertEqual(self.store.next_queued(), jobs[0])
        self.assertEqual(self.store.next_queued({jobs[0].id, jobs[1].id}), jobs[2])
        self.assertIsNone(self.store.next_queued([job.id for job in jobs]))
        await self.store.delete(jobs[-1].id)  # the highest seq is given out again
        later = new_job()
        await self.store.add(later)
        self.assertEqual(self.store.next_queued([job.id for job in jobs]), later)

    async def test_running_and_expired(self) -> None:
        running = [new_job(), new_job()]
        old, older, young = ended_job(20), ended_job(10), ended_job(30)
        await self.add(*[job.start() for job in running], old, older, young, new_job())
        self.assertEqual(self.store.running(), [job.start() for job in running])
        self.assertEqual(self.store.expired(30, 10), [older, old])
        self.assertEqual(self.store.expired(31, 2), [older, old])
        newest = self.store.newest()
        self.assertEqual(self.store.misdated(15, newest - 1, 10), [old, young])
        self.assertEqual(self.store.misdated(15, 4, 10), [old])

    async def test_known(self) -> None:
        jobs = [new_job() for _ in range(3)]
        await self.add(*jobs)
        strange = str(uuid.uuid4())
        self.assertEqual(
            self.store.known([jobs[0].id, strange, jobs[2].id]), {jobs[0].id, jobs[2].id}
        )
        self.assertEqual(self.store.known([]), set())

    async def test_counts_at_the_start_and_waiting_always(self) -> None:
        jobs = [new_job() for _ in range(4)]
        await self.add(*jobs, ended_job(), ended_job(), new_job().start().fail("timeout", 1.0))
        self.assertEqual(self.store.waiting, 4)
        await self.store.save(jobs[0].start(), JobStatus.QUEUED)
        await self.store.save(jobs[1].fail("storage", 1.0), JobStatus.QUEUED)
        await self.store.delete(jobs[2].id)
        await self.store.delete(jobs[2].id)
        self.assertEqual(self.store.waiting, 1)
        for job in jobs:
            state, row = self.store.state(job.id), self.store.get(job.id)
            self.assertEqual(state and state.status, row and row.status)
        store = self.reopened()
        self.assertEqual(store.found, schema.Counts(1, 1, 4))
        self.assertEqual(store.waiting, 1)

    async def test_a_row_in_somebody_elses_words_is_a_store_error(self) -> None:
        job = new_job()
        await self.store.add(job)
        self.other_program().execute("UPDATE jobs SET status = 'resting'")
        for read in (lambda: self.store.get(job.id), lambda: self.store.expired(1e12, 1)):
            self.other_program().execute("UPDATE jobs SET ended_at = 1")
            with self.assertRaises(DatabaseError):
                read()


class PromiseTests(JobStoreTestCase):
    async def test_upload_then_its_name_then_the_row_and_only_then_the_answer(self) -> None:
        self.store.close()
        storage = Storage(self.path.parent / "data")
        storage.open(0)
        self.addCleanup(storage.close)
        with statements() as calls, recorded_syncs(calls):
            store = JobStore(storage.database, storage.sync_uploads, storage.rescue_upload)
            self.addCleanup(store.close)
            calls.clear()
            job = new_job()
            upload = storage.create_upload(job.id)
            upload.write([b"photo"])
            upload.commit()
            await store.add(job)
            calls.append("answer")
        expected = [
            f"rename {job.id}.upload",
            f"sync {job.id}.upload",
            "BEGIN IMMEDIATE",
            schema.INSERT,
            "sync tmp",
            "COMMIT",
            "answer",
        ]
        self.assertEqual(calls, expected)

    async def test_a_commit_is_a_sync(self) -> None:
        for connection in (self.store._writer, self.store._reader):
            settings = [
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync")
            ]
            self.assertEqual(settings, ["wal", 2, 1, 1])  # 2 is FULL

    async def test_another_process_sees_the_row_when_add_returns(self) -> None:
        job = new_job()
        await self.store.add(job)
        rows = self.other_program().execute("SELECT id FROM jobs").fetchall()
        self.assertEqual(rows, [(job.id,)])

    async def test_many_share_a_sync(self) -> None:
        gate, first_came, barriers = threading.Event(), threading.Event(), list[None]()

        def barrier() -> None:
            barriers.append(None)
            first_came.set()
            opened_by(gate)

        self.reopened(barrier)
        first = asyncio.ensure_future(self.store.add(new_job()))
        await asyncio.to_thread(first_came.wait, 10)
        rest = [asyncio.ensure_future(self.store.add(new_job())) for _ in range(200)]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, *rest)
        self.assertEqual(len(barriers), 2)
        self.assertEqual(self.store.waiting, 201)

    async def test_a_transaction_takes_no_more_than_its_share(self) -> None:
        barriers: list[None] = []
        self.reopened(lambda: barriers.append(None))
        with mock.patch.object(jobstore, "_BATCH", 5):
            await self.add(*(new_job() for _ in range(23)))
        self.assertGreaterEqual(len(barriers), 5)
        self.assertEqual(self.store.waiting, 23)

    async def test_no_barrier_where_nothing_is_promised(self) -> None:
        barriers: list[None] = []
        self.reopened(lambda: barriers.append(None))
        job = new_job()
        await self.store.add(job)
        await self.store.save(job.start(), JobStatus.QUEUED)
        await self.store.delete(job.id)
        self.assertEqual(len(barriers), 1)

    async def test_a_cancelled_add_leaves_no_job(self) -> None:
        gate = threading.Event()
        self.reopened(lambda: opened_by(gate))
        job = new_job()
        adding = asyncio.ensure_future(self.store.add(job))
        await asyncio.sleep(0)
        adding.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await adding
        gate.set()
        await self.store.delete(str(uuid.uuid4()))  # comes after what was asked before
        self.assertIsNone(self.store.get(job.id))
        self.assertEqual(self.store.waiting, 0)


class NeighbourTests(JobStoreTestCase):
    async def test_a_failing_write_fails_alone(self) -> None:
        gate = threading.Event()
        self.reopened(lambda: opened_by(gate))
        blocker = asyncio.ensure_future(self.store.add(new_job()))
        await asyncio.sleep(0)
        twice, other = new_job(), new_job()
        adds = [asyncio.ensure_future(self.store.add(job)) for job in (twice, twice, other)]
        await asyncio.sleep(0)
        gate.set()
        outcomes = await asyncio.gather(blocker, *adds, return_exceptions=True)
        self.assertEqual(
            [type(outcome) for outcome in outcomes], [type(None)] * 2 + [DatabaseError, type(None)]
        )
        self.assertEqual(self.store.waiting, 3)

    async def test_a_barrier_that_fails_fails_the_promises_only(self) -> None:
        gate, came, failing = threading.Event(), threading.Event(), list[bool]()

        def barrier() -> None:
            if failing:
                raise OSError("the folder can't be synced")
            came.set()
            opened_by(gate)

        self.reopened(barrier)
        job = new_job()
        first = asyncio.ensure_future(self.store.add(job))
        await asyncio.to_thread(came.wait, 10)
        failing.append(True)
        lost = asyncio.ensure_future(self.store.add(new_job()))
        claim = asyncio.ensure_future(self.store.save(job.start(), JobStatus.QUEUED))
        await asyncio.sleep(0)
        gate.set()
        await first
        with self.assertRaisesRegex(DatabaseError, "^The database can't be written: the folder"):
            await lost
        self.assertTrue(await claim)
