"""Small uploads: kept with the row, as safe as those in files, and no longer than these."""

import asyncio
import os
import random
import shutil
import sqlite3
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any, cast
from unittest import mock

from restore import database, inspector, jobrows, jobstore, limits, worker
from restore.database import StoreError
from restore.filethreads import FileThreads
from restore.inspector import Inspector
from restore.intake import Intake
from restore.jobs import Job, JobStatus
from restore.jobstore import JobStore
from restore.storage import Storage, StorageError
from tests.jobdesk import PHOTO, Call, Desk, DeskTestCase
from tests.jobstore_testcase import JobStoreTestCase, new_job, opened_by, statements
from tests.pictures import drawing, encode
from tests.service import form
from tests.storage_testcase import ID, StorageTestCase

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

    async def spoil(self, count: int, leaf: bool) -> list[Job]:
        """Jobs with uploads, of which a page goes bad: a leaf with some, or a part of one."""
        jobs = [new_job() for _ in range(count)]
        for job in jobs:
            await self.store.add(job, job.id.encode() * (40 if leaf else 1000))
        self.store.close()
        data, sought = bytearray(self.path.read_bytes()), jobs[count // 2].id.encode() * 20
        page = data.index(sought) // 4096 * 4096 + (0 if leaf else 8192)
        self.assertEqual(leaf, data[page] == 0x0D, "a leaf of a table's tree")
        data[page : page + 4096] = bytes(4096)
        self.path.write_bytes(data)
        with mock.patch.object(database, "_CHECK_BYTES", 0):  # as with a large database
            self.reopened()
        return jobs

    async def test_a_page_that_has_gone_bad_costs_the_uploads_on_it(self) -> None:
        for leaf in (False, True):
            with self.subTest(leaf=leaf):
                jobs = await self.spoil(40, leaf)
                with self.assertLogs("restore", "ERROR"):
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
            if sql == jobrows.DELETE_UPLOAD:
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
        self.assertEqual(0, self.kept())

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

    def test_a_folder_that_is_gone_is_made_again_and_synced_from_then_on(self) -> None:
        for name in ("tmp", "outputs"):
            shutil.rmtree(self.storage.root / name)
        self.assertGreater(self.storage.free_bytes() or 0, 0)
        for name in ("tmp", "outputs"):
            self.assertEqual(0o700, (self.storage.root / name).stat().st_mode & 0o777)
        inode, synced = (self.storage.root / "tmp").stat().st_ino, list[int]()
        with mock.patch("restore.disk.sync", lambda fd: synced.append(os.fstat(fd).st_ino)):
            self.storage.sync_uploads()
        self.assertEqual([inode], synced)

    def test_another_folder_in_its_place_is_not_it(self) -> None:
        root, elsewhere = self.storage.root, self.storage.root.with_name("elsewhere")
        root.rename(elsewhere)
        self.assertIsNone(self.storage.free_bytes())
        self.assertFalse(root.exists())
        shutil.copytree(elsewhere, root)
        self.assertIsNone(self.storage.free_bytes())
        shutil.rmtree(root)
        root.write_bytes(b"a file")
        self.assertIsNone(self.storage.free_bytes())
        root.unlink()
        elsewhere.rename(root)
        self.assertGreater(self.storage.free_bytes() or 0, 0)
        (root / "tmp").rmdir()
        (root / "tmp").write_bytes(b"a file")
        self.assertIsNone(self.storage.free_bytes())


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


class _Body:
    def __init__(self, data: bytes) -> None:
        self._pieces = [data[start : start + 30_000] for start in range(0, len(data), 30_000)]

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


class IntakeTests(unittest.IsolatedAsyncioTestCase):
    async def test_up_to_the_limit_in_the_row_and_beyond_it_in_a_file(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        storage = Storage(folder)
        storage.open(0)
        self.addCleanup(storage.close)
        store = JobStore(storage.database, storage.sync_uploads)
        self.addCleanup(store.close)
        threads = FileThreads(2)
        self.addCleanup(threads.close)
        look = mock.AsyncMock(return_value=worker.Inspection(4, 3))
        looks = mock.Mock(inspect=look)
        intake = Intake(
            store,
            storage,
            cast(Inspector, looks),
            threads,
            max_image_bytes=1 << 20,
            model_default="any/model",
        )
        intake.offer({"any/model": ""})
        png = b"\x89PNG\r\n\x1a\n"
        for size, small in ((len(png), True), (1 << 16, True), ((1 << 16) + 1, False)):
            image = png + random.Random(size).randbytes(size - len(png))
            body, content_type = form(image)
            boundary = content_type.rpartition("=")[2].encode()
            job = await intake.receive(_Body(body), boundary)
            with self.subTest(size):
                path = storage.upload_path(job.id)
                kept = (store.upload(job.id), content(path))
                self.assertEqual(kept, (image, None) if small else (None, image))
                look.assert_awaited_with(image if small else path, "png")


class InspectionTests(unittest.TestCase):
    def test_bytes_are_looked_at_like_files(self) -> None:
        path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "image"
        for kind, pillow_format in FORMATS.items():
            whole = encode(drawing(), pillow_format)
            for data, problem in ((whole, None), (whole[:20], "image_unreadable")):
                path.write_bytes(data)
                with self.subTest(kind=kind, problem=problem):
                    seen = worker.inspect(data, kind)
                    self.assertEqual(problem, seen.problem)
                    self.assertEqual(worker.inspect(str(path), kind), seen)

    def test_as_many_as_one_call_takes_fit_into_one(self) -> None:
        self.assertLess(
            inspector._BATCH * (limits.SMALL_UPLOAD_BYTES + limits.KIB), limits.CALL_BYTES
        )

    def test_a_small_upload_is_one_piece(self) -> None:
        """Before the first piece is written it is known to be the last."""
        self.assertLessEqual(limits.SMALL_UPLOAD_BYTES, limits.LEAST_WRITE_BYTES)
