"""STORAGE_DIR or a part of it taken away, put back, replaced: what is waited for and what fails."""

import os
import shutil
from pathlib import Path
from unittest import mock

from restore.contract.job import JobStatus
from restore.jobs.run import MAX_LOSSES
from restore.storage import limits
from restore.storage.errors import StorageError, StorageGoneError
from tests.jobs.test_run import Pauses
from tests.support.jobdesk import PHOTO, Call, DeskTestCase
from tests.support.storage_testcase import ID, StorageTestCase


class FolderTests(StorageTestCase):
    def test_a_folder_that_is_gone_is_made_again_and_synced_from_then_on(self) -> None:
        for name in ("tmp", "outputs"):
            shutil.rmtree(self.storage.root / name)
        self.assertGreater(self.storage.free_bytes(), 0)
        for name in ("tmp", "outputs"):
            self.assertEqual(0o700, (self.storage.root / name).stat().st_mode & 0o777)
        inode, synced = (self.storage.root / "tmp").stat().st_ino, list[int]()
        with mock.patch("restore.storage.disk.sync", lambda fd: synced.append(os.fstat(fd).st_ino)):
            self.storage.sync_uploads()
        self.assertEqual([inode], synced)

    def test_its_name_is_synced(self) -> None:
        (self.storage.root / "outputs").rmdir()
        synced = list[int]()
        with mock.patch("restore.storage.disk.sync", lambda fd: synced.append(os.fstat(fd).st_ino)):
            self.storage.mend()
        self.assertEqual([self.storage.root.stat().st_ino], synced)

    def test_two_threads_that_make_a_folder_again_do_not_meet(self) -> None:
        (self.storage.root / "outputs").rmdir()
        real = Path.is_dir

        def another_comes_between(folder: Path) -> bool:
            found = real(folder)
            if not found:
                folder.mkdir()
            return found

        with mock.patch.object(Path, "is_dir", another_comes_between):
            self.assertGreater(self.storage.free_bytes(), 0)

    def test_another_folder_in_its_place_is_not_it(self) -> None:
        root, elsewhere = self.storage.root, self.storage.root.with_name("elsewhere")
        root.rename(elsewhere)
        self.assertEqual(0.0, self.assert_gone())
        self.assertFalse(root.exists())
        shutil.copytree(elsewhere, root)
        self.assert_gone()
        shutil.rmtree(root)
        root.write_bytes(b"a file")
        self.assertGreater(self.assert_gone(), 0.0)
        root.unlink()
        elsewhere.rename(root)
        self.assertGreater(self.storage.free_bytes(), 0)
        root.rename(elsewhere)
        self.assertEqual(0.0, self.assert_gone())

    def test_nothing_is_taken_for_removed_while_it_is_away(self) -> None:
        self.upload()
        root, elsewhere = self.storage.root, self.storage.root.with_name("elsewhere")
        root.rename(elsewhere)
        for discard in (self.storage.discard, self.storage.discard_output):
            self.assertRaises(StorageGoneError, discard, ID)
        elsewhere.rename(root)
        self.storage.discard(ID)
        self.assertEqual(set(), self.in_tmp())

    def test_an_absence_that_is_long_over_does_not_count(self) -> None:
        root, elsewhere, now = self.storage.root, self.storage.root.with_name("elsewhere"), [100.0]
        with mock.patch("restore.storage.files.time.monotonic", lambda: now[0]):
            root.rename(elsewhere)
            self.assertEqual(0.0, self.assert_gone())
            now[0] += limits.STORAGE_GONE_S
            self.assertEqual(limits.STORAGE_GONE_S, self.assert_gone())
            now[0] += limits.STORAGE_GONE_S + 1  # nobody has looked: it may have been back
            self.assertEqual(0.0, self.assert_gone())

    def assert_gone(self) -> float:
        with self.assertRaises(StorageGoneError) as caught:
            self.storage.free_bytes()
        return caught.exception.gone_s

    def test_no_result_goes_into_another_folder(self) -> None:
        work = Path(self.storage.lay_out(ID, 1, PHOTO)[1])
        result = work / "result.png"
        result.write_bytes(b"a result")
        root, elsewhere = self.storage.root, self.storage.root.with_name("elsewhere")
        shutil.copytree(root, elsewhere)
        (elsewhere / "lock").touch()
        root.rename(root.with_name("opened"))
        elsewhere.rename(root)
        with self.assertRaises(StorageGoneError):
            self.storage.promote(str(result), ID)
        self.assertEqual([], list((root / "outputs").iterdir()))

    def test_a_file_in_place_of_a_folder_is_waited_for(self) -> None:
        temp = self.storage.root / "tmp"
        temp.rmdir()
        temp.write_bytes(b"a file")
        with self.assertRaises(StorageError):
            self.storage.free_bytes()
        temp.unlink()
        self.assertGreater(self.storage.free_bytes(), 0)


class JobTests(DeskTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.at = await self.desk(workers=1).begin()
        self.elsewhere = self.root.with_name("elsewhere")

    def assert_ended(self, job_id: str, error: str | None, attempt: int = 1) -> None:
        job = self.at.job(job_id)
        status = JobStatus.FAILED if error else JobStatus.SUCCEEDED
        self.assertEqual((status, error, attempt), (job.status, job.error, job.attempt))

    async def test_jobs_wait_for_a_folder_that_is_put_back(self) -> None:
        self.root.rename(self.elsewhere)
        self.at.pool.auto = Call.finish
        job_ids = [await self.at.add(small=True) for _ in range(5)]
        with Pauses() as pauses:
            self.at.dispatcher.wake()
            await pauses.reached(2)
        self.elsewhere.rename(self.root)
        await self.at.quiet()
        for job_id in job_ids:
            self.assert_ended(job_id, None)

    async def test_a_result_waits_for_a_folder_that_is_put_back(self) -> None:
        job_id = await self.at.promise()
        (await self.at.pool.next_call()).finish()
        self.root.rename(self.elsewhere)
        with Pauses() as pauses:
            await pauses.reached(2)
        self.elsewhere.rename(self.root)
        await self.at.quiet()
        self.assert_ended(job_id, None)
        self.assertEqual({f"{job_id}.png"}, self.at.outputs())

    async def test_they_fail_once_it_has_been_away_for_long(self) -> None:
        self.root.rename(self.elsewhere)
        job_ids = [await self.at.add(small=small) for small in (True, True)]
        with mock.patch("restore.jobs.run.STORAGE_GONE_S", 0.05):
            self.at.dispatcher.wake()
            await self.at.quiet()
        for job_id in job_ids:
            self.assert_ended(job_id, "storage")
        self.assertEqual([], self.at.pool.calls)

    async def test_an_attempt_that_loses_its_files_is_made_again(self) -> None:
        job_id = await self.at.promise(small=True)
        call = await self.at.pool.next_call()
        shutil.rmtree(self.root / "tmp")
        call.fail("storage")
        (await self.at.pool.next_call()).finish()
        await self.at.quiet()
        self.assert_ended(job_id, None)
        self.assertEqual([("started", 1), ("succeeded",)], self.at.events.of(job_id))

    async def test_but_not_for_ever(self) -> None:
        job_id = await self.at.promise()
        for _ in range(MAX_LOSSES + 1):
            (await self.at.pool.next_call()).fail("storage")
        await self.at.quiet()
        self.assert_ended(job_id, "storage")

    async def test_outputs_taken_away_under_a_running_job(self) -> None:
        job_id = await self.at.promise()
        call = await self.at.pool.next_call()
        (self.root / "outputs").rmdir()
        call.finish()
        await self.at.quiet()
        self.assert_ended(job_id, None)
        self.assertEqual({f"{job_id}.png"}, self.at.outputs())
