"""jobstore: on disk when it says so, shared syncs, no lock, no growth, no neighbour's fault."""

import asyncio
import sqlite3
import tempfile
import threading
import time
import unittest
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from restore import jobrows, jobstore
from restore.contract import JobSpec
from restore.jobs import Job, JobState, JobStatus
from restore.jobstore import JobStore, StoreError
from restore.storage import Storage
from tests.jobdesk import FAST_FOLDER
from tests.test_storage import recorded_syncs

SPEC = JobSpec("model", 0.6, 1)
MANY = 1200


def new_job() -> Job:
    return Job(str(uuid.uuid4()), SPEC, "jpeg", 100, 50, time.time())


def ended_job(ended_at: float = 100.0) -> Job:
    job = new_job().start()
    return job.succeed(f"{job.id}.png", 1000, ended_at)


class JobStoreTestCase(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(dir=FAST_FOLDER)
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "jobs.sqlite3"
        self.store = self.opened()

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # it makes thousands of futures slow

    def opened(self, barrier: Callable[[], None] = lambda: None) -> JobStore:
        store = JobStore(self.path, barrier)
        self.addCleanup(store.close)
        return store

    def reopened(self, barrier: Callable[[], None] = lambda: None) -> JobStore:
        self.store.close()
        self.store = self.opened(barrier)
        return self.store

    def other_program(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        self.addCleanup(connection.close)
        return connection

    async def add(self, *jobs: Job) -> None:
        await asyncio.gather(*map(self.store.add, jobs))

    def file_bytes(self, suffix: str = "") -> int:
        path = Path(f"{self.path}{suffix}")
        return path.stat().st_size if path.exists() else 0


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
        await self.store.bound_ends(15)
        self.assertEqual(len(self.store.expired(15.1, 10)), 3)

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
        self.assertEqual(self.reopened().found, jobrows.Counts(1, 1, 4, 2, 2000))
        self.assertEqual(self.store.waiting, 1)

    async def test_a_row_in_somebody_elses_words_is_a_store_error(self) -> None:
        job = new_job()
        await self.store.add(job)
        self.other_program().execute("UPDATE jobs SET status = 'resting'")
        for read in (lambda: self.store.get(job.id), lambda: self.store.expired(1e12, 1)):
            self.other_program().execute("UPDATE jobs SET ended_at = 1")
            with self.assertRaises(StoreError):
                read()


class PromiseTests(JobStoreTestCase):
    async def test_upload_then_its_name_then_the_row_and_only_then_the_answer(self) -> None:
        self.store.close()
        storage = Storage(self.path.parent / "data")
        storage.open(0)
        self.addCleanup(storage.close)
        with statements() as calls, recorded_syncs(calls):
            store = JobStore(storage.database, storage.sync_uploads)
            self.addCleanup(store.close)
            calls.clear()
            job = new_job()
            upload = storage.create_upload(job.id)
            upload.write([b"photo"])
            upload.commit()
            await store.add(job)
            calls.append("answer")
        expected = [
            f"sync {job.id}.part",
            f"rename {job.id}.upload",
            "BEGIN IMMEDIATE",
            jobrows.INSERT,
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
            [type(outcome) for outcome in outcomes], [type(None)] * 2 + [StoreError, type(None)]
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
        with self.assertRaisesRegex(StoreError, "^The database can't be written: the folder"):
            await lost
        self.assertTrue(await claim)


class FullDiskTests(JobStoreTestCase):
    """max_page_count makes SQLite answer SQLITE_FULL, as a full disk does."""

    def fill(self) -> None:
        pages = self.store._writer.execute("PRAGMA page_count").fetchone()[0]
        self.store._writer.execute(f"PRAGMA max_page_count = {pages}")

    def make_room(self) -> None:
        self.store._writer.execute("PRAGMA max_page_count = 1000000")

    async def test_each_waiter_hears_of_it_and_the_writer_lives_on(self) -> None:
        kept = [new_job() for _ in range(50)]
        await self.add(*kept)
        self.fill()
        refused = [new_job() for _ in range(200)]
        outcomes = await asyncio.gather(*map(self.store.add, refused), return_exceptions=True)
        errors = [outcome for outcome in outcomes if outcome is not None]
        self.assertGreater(len(errors), 100)
        for error in errors:
            self.assertIsInstance(error, StoreError)
            self.assertIn("full", str(error))
        taken = [job for job, outcome in zip(refused, outcomes, strict=True) if outcome is None]
        self.assertEqual(self.store.waiting, len(kept) + len(taken))
        for job in kept + taken:
            self.assertEqual(self.store.get(job.id), job)
        self.make_room()
        await self.store.add(new_job())
        self.assertTrue(await self.store.save(kept[0].start(), JobStatus.QUEUED))

    async def test_nothing_promised_is_lost_over_a_restart(self) -> None:
        kept = [new_job() for _ in range(50)]
        await self.add(*kept)
        self.fill()
        await asyncio.gather(
            *(self.store.add(new_job()) for _ in range(200)), return_exceptions=True
        )
        store = self.reopened()
        for job in kept:
            self.assertEqual(store.get(job.id), job)


class LockedDatabaseTests(JobStoreTestCase):
    async def test_reads_go_on_and_writes_wait_while_another_program_writes(self) -> None:
        job = new_job()
        await self.store.add(job)
        other = self.other_program()
        other.execute("BEGIN EXCLUSIVE")
        adding = asyncio.ensure_future(self.store.add(new_job()))
        for _ in range(100):
            self.assertEqual(self.store.get(job.id), job)
            await asyncio.sleep(0)
        self.assertFalse(adding.done())
        other.execute("COMMIT")
        await adding
        self.assertEqual(self.store.waiting, 2)

    async def test_a_program_that_never_lets_go_is_a_store_error_and_it_heals(self) -> None:
        with mock.patch.object(jobstore, "_BUSY_S", 0.05):
            self.reopened()
        other = self.other_program()
        other.execute("BEGIN IMMEDIATE")
        with self.assertRaisesRegex(StoreError, "locked"):
            await self.store.add(new_job())
        other.execute("ROLLBACK")
        await self.store.add(new_job())

    async def test_readers_and_writers_of_ours_never_meet(self) -> None:
        jobs = [new_job() for _ in range(300)]

        async def live(job: Job) -> None:
            await self.store.add(job)
            self.assertEqual(self.store.get(job.id), job)
            await self.store.save(job.start(), JobStatus.QUEUED)
            self.store.next_queued()
            await self.store.save(job.start().fail("timeout", 1.0), JobStatus.RUNNING)
            await self.store.delete(job.id)

        await asyncio.gather(*map(live, jobs))
        self.assertEqual(self.store.waiting, 0)


class GrowthTests(JobStoreTestCase):
    async def test_no_read_is_left_open(self) -> None:
        jobs = [new_job() for _ in range(20)]
        await self.add(*jobs, ended_job(), new_job().start())
        self.store.get(jobs[0].id)
        self.store.next_queued()
        self.store.running()
        self.store.expired(1e12, 1)
        self.store.known([jobs[0].id])
        with closing(sqlite3.connect(self.path)) as other:
            busy, left, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.assertEqual((busy, left), (0, 0))
        self.assertEqual(self.file_bytes("-wal"), 0)

    async def test_the_log_is_bounded_while_polls_go_on(self) -> None:
        pages, rounds = 50, 12
        self.store._writer.execute(f"PRAGMA wal_autocheckpoint = {pages}")
        sizes = []
        for _ in range(rounds):
            batch = [new_job() for _ in range(50)]
            adding = asyncio.gather(*map(self.store.add, batch))
            while not adding.done():
                self.store.get(batch[0].id)
                await asyncio.sleep(0)
            await asyncio.gather(*(self.store.delete(job.id) for job in batch))
            sizes.append(self.file_bytes("-wal"))
        self.assertLess(max(sizes), 3 * pages * 4096, sizes)

    async def test_the_file_shrinks_when_jobs_go(self) -> None:
        empty = self.file_bytes()
        jobs = [ended_job(float(n)) for n in range(MANY)]
        await self.add(*jobs)
        self.reopened()
        full = self.file_bytes()
        while due := self.store.expired(1e12, 100):
            await asyncio.gather(*(self.store.delete(job.id) for job in due))
        self.reopened()
        self.assertLess(self.file_bytes(), full / 5)
        self.assertLess(self.file_bytes(), empty + 64 * 1024)

    async def test_the_file_stays_flat_while_jobs_come_and_go(self) -> None:
        sizes = []
        for _ in range(4):
            jobs = [ended_job() for _ in range(200)]
            await self.add(*jobs)
            await asyncio.gather(*(self.store.delete(job.id) for job in jobs))
            self.reopened()
            sizes.append(self.file_bytes())
        self.assertLessEqual(max(sizes), sizes[0] + 64 * 1024)

    async def test_each_query_goes_by_an_index(self) -> None:
        """So that 100,000 ended jobs cost a poll, a claim and a start nothing."""
        with mock.patch.object(self.store, "_reader", wraps=self.store._reader) as reader:
            self.store.get("x")
            self.store.next_queued(["x"])
            self.store.running()
            self.store.expired(1.0, 1)
            self.store.known(["x", "y"])
            self.store._count()
            queries = [call.args for call in reader.execute.call_args_list]
        self.assertEqual(len(queries), 6)
        for query in queries:
            plan = self.other_program().execute("EXPLAIN QUERY PLAN " + query[0], *query[1:])
            for step in plan.fetchall():
                if "jobs" in step[3]:
                    self.assertRegex(step[3], "USING (COVERING )?INDEX", query[0])

    async def test_a_row_can_be_copied_with_no_knowledge_of_the_schema(self) -> None:
        job = ended_job()
        await self.store.add(job)
        other = self.other_program()
        info = other.execute("PRAGMA table_info(jobs)").fetchall()
        names = ", ".join(row[1] for row in info if not (row[5] and row[2] == "INTEGER"))
        row = other.execute(f"SELECT {names} FROM jobs").fetchone()
        copy = replace(job, id=str(uuid.uuid4()))
        copy = replace(copy, output=f"{copy.id}.png")
        values = [v.replace(job.id, copy.id) if isinstance(v, str) else v for v in row]
        other.execute(f"INSERT INTO jobs ({names}) VALUES ({','.join('?' * len(row))})", values)
        self.assertEqual(self.store.get(copy.id), copy)
        self.assertEqual(self.reopened().found.results, 2)


class OpeningTests(JobStoreTestCase):
    def refused(self, pattern: str) -> None:
        with self.assertRaisesRegex(StoreError, pattern) as caught:
            JobStore(self.path, lambda: None)
        self.assertNotIn("\n", str(caught.exception))

    async def test_a_newer_version_is_refused(self) -> None:
        self.store.close()
        self.other_program().execute("PRAGMA user_version = 99")
        self.refused("written by a newer version of this server .its version is 99")

    async def test_an_older_version_is_migrated_and_keeps_its_jobs(self) -> None:
        job = new_job()
        await self.store.add(job)
        self.store.close()
        more = (*jobrows.SCHEMA, "CREATE TABLE news (id TEXT);")
        with mock.patch.object(jobrows, "SCHEMA", more):
            self.reopened()
            self.assertEqual(self.store.get(job.id), job)
            self.reopened()
        self.store.close()
        self.refused("newer version")

    async def test_a_migration_that_fails_changes_nothing(self) -> None:
        job = new_job()
        await self.store.add(job)
        self.store.close()
        more = (*jobrows.SCHEMA, "CREATE TABLE news (id TEXT); CREATE TABLE jobs (id TEXT);")
        with mock.patch.object(jobrows, "SCHEMA", more):
            self.refused("already exists")
        self.assertEqual(self.reopened().get(job.id), job)

    async def test_another_programs_database_is_refused_and_untouched(self) -> None:
        self.store.close()
        for path in self.path.parent.iterdir():
            path.unlink()
        self.other_program().execute("CREATE TABLE letters (text)")
        before = self.path.read_bytes()
        self.refused("belongs to another program")
        self.assertEqual(self.path.read_bytes(), before)

    async def test_what_is_no_database_is_refused(self) -> None:
        self.store.close()
        self.path.write_bytes(b"This is a letter, not a database. " * 100)
        self.refused("not a database")

    async def test_a_damaged_database_is_refused(self) -> None:
        await self.add(*(new_job() for _ in range(500)))
        self.store.close()
        whole = self.path.read_bytes()
        for damaged in (
            whole[: len(whole) // 2],
            whole[:4096] + bytes(4096) + whole[8192:],
            whole[:40_000] + b"\xff" * 4096 + whole[44_096:],
        ):
            self.path.write_bytes(damaged)
            self.refused("damaged|malformed")

    async def test_a_large_database_is_not_read_whole_at_the_start(self) -> None:
        with mock.patch.object(jobstore, "_CHECK_BYTES", 0), statements() as calls:
            self.reopened()
        self.assertNotIn("PRAGMA quick_check(1)", calls)
        with statements() as calls:
            self.reopened()
        self.assertIn("PRAGMA quick_check(1)", calls)

    async def test_a_folder_in_its_place_is_refused(self) -> None:
        self.store.close()
        self.path.unlink()
        self.path.mkdir()
        self.refused("can't be used")

    async def test_a_file_system_without_shared_memory_is_refused(self) -> None:
        self.store.close()
        self.path.unlink()
        connect = sqlite3.connect

        def in_memory(_: Path, **kwargs: object) -> sqlite3.Connection:
            return connect(":memory:", isolation_level=None)

        with mock.patch("restore.jobstore.sqlite3.connect", in_memory):
            self.path.touch()
            self.refused("can't hold it safely")

    async def test_a_crash_while_the_database_was_made(self) -> None:
        self.store.close()
        for path in self.path.parent.iterdir():
            path.unlink()
        other = self.other_program()
        other.execute("PRAGMA auto_vacuum = INCREMENTAL")
        other.execute("PRAGMA journal_mode = WAL")
        other.close()
        self.reopened()
        await self.store.add(new_job())

    async def test_a_reader_that_cannot_be_opened_leaves_no_thread(self) -> None:
        self.store.close()
        before = threading.active_count()
        connect = sqlite3.connect
        opened: list[sqlite3.Connection] = []

        def once(path: Path, **kwargs: object) -> sqlite3.Connection:
            if opened:
                raise sqlite3.OperationalError("unable to open database file")
            opened.append(connect(path, isolation_level=None))
            return opened[0]

        with mock.patch("restore.jobstore.sqlite3.connect", once):
            self.refused("unable to open")
        self.assertEqual(threading.active_count(), before)


class ClosingTests(JobStoreTestCase):
    async def test_what_was_asked_for_is_committed_and_later_writes_are_refused(self) -> None:
        jobs = [new_job() for _ in range(20)]
        adding = [asyncio.ensure_future(self.store.add(job)) for job in jobs]
        await asyncio.sleep(0)
        self.store.close()
        await asyncio.gather(*adding)
        with self.assertRaisesRegex(StoreError, "closed"):
            await self.store.add(new_job())
        self.store.close()
        self.assertEqual(self.reopened().waiting, 20)

    async def test_a_writer_that_hangs_is_left_behind_within_a_bound(self) -> None:
        gate = threading.Event()
        self.reopened(lambda: opened_by(gate))
        adding = asyncio.ensure_future(self.store.add(new_job()))
        await asyncio.sleep(0)
        with mock.patch.object(jobstore, "_CLOSE_S", 0.05), self.assertLogs("restore", "WARNING"):
            self.store.close()
        adding.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await adding
        gate.set()
        self.store._thread.join(10)
        self.store._writer.close()

    async def test_a_loop_that_is_gone_does_not_end_the_writer(self) -> None:
        gate = threading.Event()
        self.reopened(lambda: opened_by(gate))

        async def add() -> None:
            async with asyncio.timeout(0):
                await self.store.add(new_job())

        def elsewhere() -> None:
            with self.assertRaises(TimeoutError):
                asyncio.run(add())

        await asyncio.to_thread(elsewhere)
        gate.set()
        with self.assertNoLogs("restore"):
            self.store.close()
        self.assertFalse(self.store._thread.is_alive())


def opened_by(gate: threading.Event) -> None:
    """A barrier that holds the writer until `gate` is set."""
    gate.wait(10)


@contextmanager
def statements() -> Iterator[list[str]]:
    """All that is executed inside by connections opened inside, on any thread, in order."""
    calls: list[str] = []
    connect = sqlite3.connect

    class Recorder(sqlite3.Connection):
        def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
            calls.append(sql)
            return super().execute(sql, *args)  # type: ignore[arg-type]

    def recording(path: Path, **kwargs: Any) -> sqlite3.Connection:
        return connect(path, factory=Recorder, **kwargs)

    with mock.patch("restore.jobstore.sqlite3.connect", recording):
        yield calls


if __name__ == "__main__":
    unittest.main()
