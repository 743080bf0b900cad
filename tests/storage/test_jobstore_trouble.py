"""jobstore: full disks, locked databases, files that must not grow."""

import asyncio
import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from unittest import mock

from restore.contract.job import Job, JobStatus
from restore.storage import jobstore
from restore.storage.errors import DatabaseError
from tests.support.jobstore_testcase import (
    JobStoreTestCase,
    ended_job,
    new_job,
)


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
            self.assertIsInstance(error, DatabaseError)
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
        with self.assertRaisesRegex(DatabaseError, "locked"):
            await self.store.add(new_job())
        other.execute("ROLLBACK")
        await self.store.add(new_job())

    async def test_writes_that_wait_together_give_up_together(self) -> None:
        with mock.patch.object(jobstore, "_BUSY_S", 0.5):
            self.reopened()
        other, begins = self.other_program(), list[str]()
        self.store._writer.set_trace_callback(begins.append)
        other.execute("BEGIN IMMEDIATE")
        adding = [self.store.add(new_job()) for _ in range(50)]
        async with asyncio.timeout(20):
            found = await asyncio.gather(*adding, return_exceptions=True)
        self.assertEqual({DatabaseError}, set(map(type, found)))
        self.assertLessEqual(begins.count("BEGIN IMMEDIATE"), 2)  # the first may have been alone

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
        self.assertEqual(self.reopened().found.ended, 2)
