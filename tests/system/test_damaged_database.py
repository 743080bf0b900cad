"""A bad page in the database: among the uploads it costs those on it, and nothing else."""

import sqlite3
from itertools import product
from typing import Any
from unittest import mock

from restore.contract.job import Job, JobStatus
from restore.storage import database, schema
from restore.storage.database import StoreError
from tests.support.intake_testcase import PNG, IntakeTestCase
from tests.support.jobdesk import PHOTO
from tests.support.jobstore_testcase import JobStoreTestCase, new_job, statements


class DamageTests(JobStoreTestCase):
    async def spoil(self, leaf: bool, check_bytes: int) -> list[Job]:
        """Jobs with uploads, of which a page goes bad: a leaf with some, or a part of one."""
        jobs = [new_job() for _ in range(40)]
        for job in jobs:
            await self.store.add(job, job.id.encode() * (40 if leaf else 1000))
        self.store.close()
        data, sought = bytearray(self.path.read_bytes()), jobs[20].id.encode() * 20
        page = data.index(sought) // 4096 * 4096 + (0 if leaf else 8192)
        self.assertEqual(leaf, data[page] == 0x0D, "a leaf of a table's tree")
        data[page : page + 4096] = bytes(4096)
        self.path.write_bytes(data)
        with mock.patch.object(database, "_CHECK_BYTES", check_bytes):
            self.reopened()
        return jobs

    async def test_a_page_that_has_gone_bad_costs_the_uploads_on_it(self) -> None:
        for leaf, check_bytes in product((False, True), (0, 1 << 30)):
            with self.subTest(leaf=leaf, check_bytes=check_bytes):
                with self.assertLogs("restore", "ERROR") as logged:
                    jobs = await self.spoil(leaf, check_bytes)
                    self.assertEqual(bool(check_bytes), bool(logged.records))
                    lost = [job for job in jobs if self.store.upload(job.id) is None]
                    self.assertTrue(0 < len(lost) <= (3 if leaf else 1), len(lost))
                    for job in jobs[::2]:
                        end = job.fail("storage", 1.0)
                        self.assertTrue(await self.store.save(end, JobStatus.QUEUED))
                    for job in jobs:
                        self.assertIsNotNone(await self.store.delete(job.id))
                    new = new_job()
                    await self.store.add(new, PHOTO)
                self.assertEqual((1, PHOTO), (self.store.waiting, self.store.upload(new.id)))
                self.store.close()
                for path in self.path.parent.iterdir():
                    path.unlink()
                self.reopened()

    async def test_a_page_that_has_gone_bad_elsewhere_stops_the_start(self) -> None:
        for jobs_too, uploads_too in ((True, False), (True, True), (False, False)):
            with self.subTest(jobs=jobs_too, uploads=uploads_too):
                jobs = [new_job() for _ in range(40)]
                for job in jobs:
                    await self.store.add(job, b"photo of " + job.id.encode() * 1000)
                for job in jobs[::2]:  # leaves free pages
                    await self.store.save(job.fail("timeout", 1.0), JobStatus.QUEUED)
                self.store.close()
                data = bytearray(self.path.read_bytes())
                pages = list[int]()
                if jobs_too:
                    pages.append(data.index(jobs[21].id.encode()) // 4096)
                if uploads_too:
                    pages.append(data.index(b"photo of " + jobs[21].id.encode()) // 4096)
                if not pages:
                    pages.append(int.from_bytes(data[32:36], "big") - 1)  # the list of free pages
                for page in pages:
                    self.assertGreater(page, 0)
                    data[page * 4096 : (page + 1) * 4096] = b"\xff" * 4096
                self.path.write_bytes(data)
                with self.assertRaisesRegex(StoreError, "is damaged"):
                    self.opened()
                for path in self.path.parent.iterdir():
                    path.unlink()
                self.reopened()

    async def test_what_is_damaged_gives_back_no_page(self) -> None:
        """It may be another's, as far as a page that points to it knows."""
        give_back = self.enterContext(mock.patch.object(database, "give_back_pages"))
        with self.assertLogs("restore", "ERROR"), statements() as calls:
            jobs = await self.spoil(leaf=True, check_bytes=1 << 30)
            calls.clear()
            await self.store.save(jobs[0].fail("timeout", 1.0), JobStatus.QUEUED)
            await self.store.delete(jobs[1].id)
            await self.store.sweep_uploads()
            self.store.close()
        self.assertEqual([], [call for call in calls if "uploads" in call])
        give_back.assert_not_called()

    async def test_what_may_pass_is_no_verdict_on_an_upload(self) -> None:
        job = new_job()
        await self.store.add(job, PHOTO)
        for code, lost in (
            (sqlite3.SQLITE_BUSY, False),
            (sqlite3.SQLITE_IOERR_SHMSIZE, False),  # a full disk
            (sqlite3.SQLITE_IOERR_READ, True),
            (sqlite3.SQLITE_CORRUPT, True),
        ):
            error = sqlite3.OperationalError("as said")
            error.sqlite_errorcode = code
            failure = database.store_error("Not now", error)
            with self.subTest(code), mock.patch.object(self.store, "_one", side_effect=failure):
                if lost:
                    with self.assertLogs("restore", "ERROR"):
                        self.assertIsNone(self.store.upload(job.id))
                else:
                    self.assertRaises(StoreError, self.store.upload, job.id)

    async def test_a_sector_that_cannot_be_read_keeps_no_job_from_its_end(self) -> None:
        job = new_job()
        await self.store.add(job, PHOTO)
        real = self.store._writer

        def execute(sql: str, *args: Any) -> sqlite3.Cursor:
            if sql == schema.DELETE_UPLOAD:
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
                raise error
            return real.execute(sql, *args)

        self.store._writer = mock.Mock(wraps=real, execute=execute, in_transaction=True)
        self.addCleanup(real.close)
        with self.assertLogs("restore", "ERROR"):
            self.assertTrue(await self.store.save(job.fail("storage", 1.0), JobStatus.QUEUED))
        state = self.store.state(job.id)
        self.assertEqual(JobStatus.FAILED, state and state.status)

    async def test_a_file_that_cannot_shrink_keeps_no_photo(self) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        shrink = mock.Mock(side_effect=error)
        with (
            mock.patch.object(database, "give_back_pages", shrink),
            self.assertLogs("restore", "WARNING"),
        ):
            for _ in range(3):
                job = new_job()
                await self.store.add(job, PHOTO)
                self.assertTrue(await self.store.save(job.fail("timeout", 1.0), JobStatus.QUEUED))
            self.store.close()  # after what the writer has to do
        shrink.assert_called_once()
        self.reopened()
        kept = self.store._reader.execute("SELECT count(*) FROM uploads").fetchone()
        self.assertEqual((0,), kept)


class NoPageTests(IntakeTestCase):
    async def test_small_uploads_go_into_files_where_the_damage_is_known(self) -> None:
        await self.take_one_more(1 << 30, bad=5)
        self.assertFalse(self.store.keeps_uploads)

    async def test_a_small_upload_that_finds_no_sound_page_goes_into_a_file(self) -> None:
        await self.take_one_more(0, bad=19)  # the last page, where the next would go
        self.assertTrue(self.store.keeps_uploads)

    async def take_one_more(self, check_bytes: int, bad: int) -> None:
        for number in range(20):
            await self.receive(PNG + bytes([number]) * 1000)
        self.store.close()
        path = self.storage.database
        data = bytearray(path.read_bytes())
        page = data.index(PNG + bytes([bad]) * 1000) // 4096 * 4096
        data[page : page + 4096] = bytes(4096)
        path.write_bytes(data)
        check = mock.patch.object(database, "_CHECK_BYTES", check_bytes)
        with check, self.assertLogs("restore", "ERROR"):
            self.open_store()
            job = await self.receive(PNG)
            self.assertIsNone(self.store.upload(job.id))
        self.assertTrue(self.storage.has_upload(job.id))
        self.assertEqual(job, self.store.get(job.id))
