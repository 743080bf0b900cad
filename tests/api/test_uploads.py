"""An upload that is cut off while a thread creates its file leaves nothing."""

import asyncio
import tempfile
import threading
import unittest
from pathlib import Path
from typing import cast
from unittest import mock

from restore.api.uploads import Uploads
from restore.pool.inspector import Inspector
from restore.storage.files import Storage
from restore.storage.jobstore import JobStore
from restore.storage.threads import FileThreads
from restore.storage.uploads import UploadFile
from tests.support.service import form


class SlowStorage(Storage):
    """Takes its time to create an upload: until it is let go on."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached, self.go_on, self.created = (threading.Event() for _ in range(3))

    def create_upload(self, job_id: str) -> UploadFile:
        self.reached.set()
        self.go_on.wait(10)
        upload = super().create_upload(job_id)
        self.created.set()
        return upload


class OneBody:
    def __init__(self, data: bytes) -> None:
        self._pieces = [data, b""]

    async def read(self) -> bytes:
        return self._pieces.pop(0)


class CutOffTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_stop_while_the_file_is_created_leaves_no_file(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        storage = SlowStorage(Path(folder.name))
        storage.open(0)
        self.addCleanup(storage.close)
        threads = FileThreads(2)
        self.addCleanup(threads.close)
        intake = Uploads(
            cast(JobStore, None),  # not reached
            storage,
            cast(Inspector, mock.Mock()),
            threads,
            max_image_bytes=1 << 20,
            model_default="any/model",
        )
        body, content_type = form(b"\x89PNG\r\n\x1a\n" + bytes(1000))
        boundary = content_type.rpartition("=")[2].encode()
        receiving = asyncio.create_task(intake.receive(OneBody(body), boundary))
        self.assertTrue(await asyncio.to_thread(storage.reached.wait, 10))
        receiving.cancel()
        await asyncio.sleep(0)  # it is told, and begins to tidy up
        storage.go_on.set()
        with self.assertRaises(asyncio.CancelledError):
            await receiving
        await asyncio.to_thread(storage.created.wait, 10)
        self.assertEqual([], list((Path(folder.name) / "tmp").iterdir()))
        self.assertEqual(0, intake.arriving)


if __name__ == "__main__":
    unittest.main()
