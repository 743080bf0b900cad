"""An intake on a storage of its own, its inspector content with all that it sees."""

import tempfile
import unittest
from pathlib import Path
from typing import cast
from unittest import mock

from restore.api.uploads import Uploads
from restore.contract.job import Job
from restore.pool.inspector import Inspector
from restore.storage.files import Storage
from restore.storage.jobstore import JobStore
from restore.storage.threads import FileThreads
from restore.worker.job import Inspection
from tests.support.service import form

PNG = b"\x89PNG\r\n\x1a\n"  # all that is asked of an image here
_PIECE_BYTES = 30_000


class IntakeTestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.storage = Storage(Path(folder.name) / "data")
        self.storage.open(0)
        self.addCleanup(self.storage.close)
        self.look = mock.AsyncMock(return_value=Inspection(4, 3))
        self.threads = FileThreads(2)
        self.addCleanup(self.threads.close)
        self.open_store()

    def open_store(self) -> None:
        """Again, where it has been closed."""
        self.store = JobStore(
            self.storage.database, self.storage.sync_uploads, self.storage.rescue_upload
        )
        self.addCleanup(self.store.close)
        self._intake = Uploads(
            self.store,
            self.storage,
            cast(Inspector, mock.Mock(inspect=self.look)),
            self.threads,
            max_image_bytes=1 << 20,
            model_default="any/model",
        )
        self._intake.offer({"any/model": ""})

    async def receive(self, image: bytes) -> Job:
        body, content_type = form(image)
        return await self._intake.receive(_Body(body), content_type.rpartition("=")[2].encode())


class _Body:
    def __init__(self, data: bytes) -> None:
        starts = range(0, len(data), _PIECE_BYTES)
        self._pieces = [data[start : start + _PIECE_BYTES] for start in starts]

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""
