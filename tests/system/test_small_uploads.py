"""Small uploads: kept with the row, as safe as those in files, and no longer than these."""

import asyncio
import os
import random
import sqlite3
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from restore.api import limits
from restore.contract.job import JobStatus
from restore.contract.units import KIB
from restore.pool import inspector
from restore.pool import limits as pool_limits
from restore.storage import database, jobstore
from restore.storage.database import StoreError
from restore.storage.errors import StorageError
from restore.worker.job import inspect
from tests.support.intake_testcase import PNG, IntakeTestCase
from tests.support.jobdesk import PHOTO, Call, Desk, DeskTestCase
from tests.support.jobstore_testcase import JobStoreTestCase, new_job, opened_by, statements
from tests.support.pictures import drawing, encode
from tests.support.service import wait_until
from tests.support.storage_testcase import ID, StorageTestCase

FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "heic": "HEIF"}


def content(path: str) -> bytes | None:
    return Path(path).read_bytes() if Path(path).exists() else None


def put(path: str, data: bytes) -> None:
    Path(path).write_bytes(data)


class RowTests(JobStoreTestCase):
    def kept(self) -> int:
        found: int = self.store._reader.execute("SELECT count(*) FROM uploads").fetchone()[0]
        return found

    async def test_it_comes_back_as_it_went(self) -> None:
        job, other, image = new_job(), new_job(), os.urandom(limits.SMALL_UPLOAD_BYTES)
        await self.store.add(job, image)
        await self.store.add(other)
        for _ in range(2):
            self.assertEqual(image, self.store.upload(job.id))
            self.assertIsNone(self.store.upload(other.id))
            self.assertIsNone(self.store.upload(new_job().id))
            self.reopened()

    async def test_row_and_upload_are_one_commit_that_needs_no_barrier(self) -> None:
        with statements() as calls:
            self.reopened(lambda: calls.append("barrier"))
            calls.clear()
            await self.store.add(new_job(), PHOTO)
        verbs = [call.split()[0] for call in calls]
        self.assertEqual(["BEGIN", "INSERT", "INSERT", "COMMIT"], verbs)

    async def test_it_stays_as_long_as_the_job_may_need_it(self) -> None:
        job = new_job()
        await self.store.add(job, PHOTO)
        running = job.start()
        await self.store.save(running, JobStatus.QUEUED)
        await self.store.save(running.postpone(), JobStatus.RUNNING)
        self.assertEqual(PHOTO, self.store.upload(job.id))

    async def test_it_goes_with_the_end_of_the_job(self) -> None:
        for name in ("succeeded", "failed", "deleted"):
            job, neighbour = new_job(), new_job()
            await self.store.add(job, PHOTO)
            await self.store.add(neighbour, b"another")
            running = job.start()
            await self.store.save(running, JobStatus.QUEUED)
            if name == "succeeded":
                await self.store.save(running.succeed("x.png", 1, 1.0), JobStatus.RUNNING)
            elif name == "failed":
                await self.store.save(running.fail("timeout", 1.0), JobStatus.RUNNING)
            else:
                await self.store.delete(job.id)
            with self.subTest(name):
                self.assertIsNone(self.store.upload(job.id))
                self.assertEqual(b"another", self.store.upload(neighbour.id))
                self.assertEqual(1, self.kept())
                await self.store.delete(neighbour.id)

    async def test_a_cancelled_add_leaves_neither(self) -> None:
        gate = threading.Event()
        self.reopened(lambda: opened_by(gate))
        held = asyncio.ensure_future(self.store.add(new_job()))  # the barrier holds the writer
        job = new_job()
        adding = asyncio.ensure_future(self.store.add(job, PHOTO))
        await asyncio.sleep(0)
        adding.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await adding
        gate.set()
        await held
        await self.store.delete(ID)  # comes after what was asked before
        self.assertEqual((None, 0), (self.store.get(job.id), self.kept()))

    async def test_room_of_ended_ones_is_used_again_or_given_back(self) -> None:
        for _ in range(2):
            jobs = [new_job() for _ in range(50)]
            await asyncio.gather(*(self.store.add(job, bytes(60_000)) for job in jobs))
            for job in jobs:
                await self.store.save(job.fail("timeout", 1.0), JobStatus.QUEUED)
            self.reopened()  # takes the -wal into the file
            self.assertLess(self.file_bytes(), (jobstore._SPARE_PAGES + 20) * 4096)

    async def test_room_of_cancelled_ones_is_given_back_at_once(self) -> None:
        jobs = [new_job() for _ in range(50)]
        await asyncio.gather(*(self.store.add(job, bytes(60_000)) for job in jobs))
        await asyncio.gather(*(self.store.delete(job.id) for job in jobs))
        foreign = self.other_program()
        wait_until(lambda: foreign.execute("PRAGMA freelist_count").fetchone() == (0,), "no page")
        self.assertLess(foreign.execute("PRAGMA page_count").fetchone()[0], 20)

    async def test_a_write_that_was_not_made_is_no_reason_to_shrink(self) -> None:
        job = new_job()
        await self.store.add(job, PHOTO)
        with mock.patch.object(jobstore, "_BUSY_S", 0.01):
            self.reopened()
        foreign = self.other_program()
        with mock.patch.object(database, "give_back_pages", return_value=False) as give_back:
            foreign.execute("BEGIN IMMEDIATE")
            with self.assertRaises(StoreError):
                await self.store.delete(job.id)
            foreign.execute("ROLLBACK")
            give_back.assert_not_called()
            await self.store.delete(job.id)
            self.store.close()
            give_back.assert_called_once()

    async def test_the_file_shrinks_only_where_nobody_is_in_the_way(self) -> None:
        job, busy_s = new_job(), 60.0
        await self.store.add(job, bytes(60_000))
        self.other_program().execute("DELETE FROM uploads")
        foreign, writer = self.other_program(), database.connect(self.path, busy_s)
        self.addCleanup(writer.close)
        foreign.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with self.assertRaises(sqlite3.OperationalError):
            database.give_back_pages(writer, 0)
        self.assertLess(time.monotonic() - began, busy_s / 2)
        self.assertEqual((1000 * busy_s,), writer.execute("PRAGMA busy_timeout").fetchone())
        foreign.execute("ROLLBACK")
        self.assertFalse(database.give_back_pages(writer, 0))

    async def test_sqlite_is_told_to_leave_nothing(self) -> None:
        """Whether it was built so (Debian) or not."""
        with statements() as calls:
            self.reopened()
        self.assertEqual(2, calls.count("PRAGMA secure_delete = ON"))

    async def test_nothing_of_it_is_left_in_the_file(self) -> None:
        ended, cancelled = new_job(), new_job()
        await self.store.add(ended, b"one of both " * 5000)
        await self.store.save(ended.fail("timeout", 1.0), JobStatus.QUEUED)
        self.store.close()
        self.assertNotIn(b"one of both ", self.path.read_bytes())
        self.reopened()
        await self.store.add(cancelled, b"the other one " * 4000)
        await self.store.delete(cancelled.id)
        self.store.close()
        self.assertNotIn(b"the other one ", self.path.read_bytes())

    async def test_what_is_left_is_swept_at_a_start(self) -> None:
        jobs = [new_job() for _ in range(3)]
        for job in jobs:
            await self.store.add(job, PHOTO)
        foreign = self.other_program()
        foreign.execute("DELETE FROM jobs WHERE id = ?", (jobs[0].id,))
        foreign.execute("UPDATE jobs SET ended_at = 1.0 WHERE id = ?", (jobs[1].id,))
        await self.store.sweep_uploads()
        self.assertEqual((1, PHOTO), (self.kept(), self.store.upload(jobs[2].id)))

    async def test_one_that_is_left_is_in_nobodys_way_and_is_nobody_elses(self) -> None:
        for small in (True, False):
            gone, job = new_job(), new_job()
            await self.store.add(gone, b"another photo")
            self.other_program().execute("DELETE FROM jobs")  # its seq is given out again
            await self.store.add(job, PHOTO if small else None)
            with self.subTest(small=small):
                self.assertEqual(PHOTO if small else None, self.store.upload(job.id))
            await self.store.delete(job.id)


class FileTests(StorageTestCase):
    def test_it_lies_beside_the_attempts_folder(self) -> None:
        path, folder = map(Path, self.storage.lay_out(ID, 1, PHOTO))
        self.assertEqual(PHOTO, path.read_bytes())
        self.assertEqual(0o600, path.stat().st_mode & 0o777)
        self.assertEqual([], list(folder.iterdir()))
        self.assertEqual({f"{ID}.work"}, self.in_tmp())

    def test_each_attempt_gets_its_own(self) -> None:
        for attempt in (1, 2):
            path = Path(self.storage.lay_out(ID, attempt, PHOTO)[0])
            self.assertEqual(PHOTO, path.read_bytes())
            path.write_bytes(b"scribbled over")


class RunTests(DeskTestCase):
    async def call_for(self, desk: Desk) -> tuple[str, Call]:
        job_id = await desk.promise(small=True)
        return job_id, await desk.pool.next_call()

    def assert_over(self, desk: Desk, job_id: str) -> None:
        self.assertEqual((None, set()), (desk.store.upload(job_id), desk.temp_files()))

    async def test_each_attempt_reads_it_anew(self) -> None:
        desk = await self.desk().begin()
        job_id, call = await self.call_for(desk)
        put(call.task.upload, b"scribbled over")
        call.die()
        call = await desk.pool.next_call()
        self.assertEqual(PHOTO, content(call.task.upload))
        call.finish()
        await desk.quiet()
        self.assertEqual(JobStatus.SUCCEEDED, desk.job(job_id).status)
        self.assert_over(desk, job_id)

    async def test_a_crash_and_half_a_file(self) -> None:
        desk = await self.desk().begin()
        running, call = await self.call_for(desk)
        queued = await desk.add(small=True)
        await desk.crash()
        put(call.task.upload, PHOTO[:2])
        desk = await self.desk(auto=Call.finish).begin()
        await desk.tidied()
        await desk.quiet()
        for job_id in (running, queued):
            self.assertEqual(JobStatus.SUCCEEDED, desk.job(job_id).status)
            self.assert_over(desk, job_id)

    async def test_a_full_disk_is_waited_for(self) -> None:
        desk = await self.desk().begin()
        refusals: list[Exception] = [StorageError("No space left on device.")] * 3
        real = desk.storage.lay_out

        def lay_out(job_id: str, attempt: int, image: bytes | None) -> tuple[str, str]:
            if refusals:
                raise refusals.pop()
            return real(job_id, attempt, image)

        with mock.patch.object(desk.storage, "lay_out", lay_out):
            job_id, call = await self.call_for(desk)
        call.finish()
        await desk.quiet()
        job = desk.job(job_id)
        self.assertEqual((JobStatus.SUCCEEDED, 1), (job.status, job.attempt))

    async def test_a_cancel_takes_it_along(self) -> None:
        desk = await self.desk().begin()
        job_id, _ = await self.call_for(desk)
        await desk.dispatcher.cancel(job_id)
        await desk.tidied()
        await desk.quiet()
        self.assert_over(desk, job_id)


class IntakeTests(IntakeTestCase):
    async def test_up_to_the_limit_in_the_row_and_beyond_it_in_a_file(self) -> None:
        for size, small in ((len(PNG), True), (1 << 16, True), ((1 << 16) + 1, False)):
            image = PNG + random.Random(size).randbytes(size - len(PNG))
            job = await self.receive(image)
            with self.subTest(size):
                path = self.storage.upload_path(job.id)
                kept = (self.store.upload(job.id), content(path))
                self.assertEqual(kept, (image, None) if small else (None, image))
                self.look.assert_awaited_with(image if small else path, "png")


class InspectionTests(unittest.TestCase):
    def test_bytes_are_looked_at_like_files(self) -> None:
        path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "image"
        for kind, pillow_format in FORMATS.items():
            whole = encode(drawing(), pillow_format)
            for data, problem in ((whole, None), (whole[:20], "image_unreadable")):
                path.write_bytes(data)
                with self.subTest(kind=kind, problem=problem):
                    seen = inspect(data, kind)
                    self.assertEqual(problem, seen.problem)
                    self.assertEqual(inspect(str(path), kind), seen)

    def test_as_many_as_one_call_takes_fit_into_one(self) -> None:
        self.assertLess(
            inspector._BATCH * (limits.SMALL_UPLOAD_BYTES + KIB), pool_limits.CALL_BYTES
        )

    def test_a_small_upload_is_one_piece(self) -> None:
        """Before the first piece is written it is known to be the last."""
        self.assertLessEqual(limits.SMALL_UPLOAD_BYTES, limits.LEAST_WRITE_BYTES)
