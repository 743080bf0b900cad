"""jobstore: what it opens, refuses and leaves behind."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from unittest import mock

from restore.storage import database, jobstore, schema
from restore.storage.errors import DatabaseError
from restore.storage.jobstore import JobStore
from tests.support.jobstore_testcase import (
    JobStoreTestCase,
    new_job,
    opened_by,
    statements,
)


class OpeningTests(JobStoreTestCase):
    def refused(self, pattern: str) -> None:
        with self.assertRaisesRegex(DatabaseError, pattern) as caught:
            JobStore(self.path, lambda: None, lambda *_: None)
        self.assertNotIn("\n", str(caught.exception))

    async def test_a_newer_version_is_refused(self) -> None:
        self.store.close()
        self.other_program().execute("PRAGMA user_version = 99")
        self.refused("written by a newer version of this server .its version is 99")

    async def test_an_older_version_is_migrated_and_keeps_its_jobs(self) -> None:
        job = new_job()
        await self.store.add(job)
        self.store.close()
        more = (*schema.SCHEMA, "CREATE TABLE news (id TEXT);")
        with mock.patch.object(schema, "SCHEMA", more):
            self.reopened()
            self.assertEqual(self.store.get(job.id), job)
            self.reopened()
        self.store.close()
        self.refused("newer version")

    async def test_a_migration_that_fails_changes_nothing(self) -> None:
        job = new_job()
        await self.store.add(job)
        self.store.close()
        more = (*schema.SCHEMA, "CREATE TABLE news (id TEXT); CREATE TABLE jobs (id TEXT);")
        with mock.patch.object(schema, "SCHEMA", more):
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
        for content in (b"This is a letter, not a database. ", b"SQLite format 3\0" + b"#" * 100):
            self.path.write_bytes(content * 100)
            self.refused("is damaged: file is not a database.*move it away")

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
            self.refused("is damaged: .*move it away")

    async def test_a_large_database_is_not_read_whole_at_the_start(self) -> None:
        with mock.patch.object(database, "_CHECK_BYTES", 0), statements() as calls:
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

        with mock.patch("restore.storage.database.sqlite3.connect", in_memory):
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

        with mock.patch("restore.storage.database.sqlite3.connect", once):
            self.refused("unable to open")
        self.assertEqual(threading.active_count(), before)


class ClosingTests(JobStoreTestCase):
    async def test_what_was_asked_for_is_committed_and_later_writes_are_refused(self) -> None:
        jobs = [new_job() for _ in range(20)]
        adding = [asyncio.ensure_future(self.store.add(job)) for job in jobs]
        await asyncio.sleep(0)
        self.store.close()
        await asyncio.gather(*adding)
        with self.assertRaisesRegex(DatabaseError, "closed"):
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
