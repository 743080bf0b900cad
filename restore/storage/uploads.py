"""One upload on its way to disk, written by threads while the rest of it arrives.

What the bytes say is nobody's business here. Rule: a file is created with its first piece and
synced with its last; what is thrown away leaves nothing, even where a thread is at work on it.
"""

import os
import threading
from asyncio import Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from restore.contract import MIB
from restore.storage import disk
from restore.storage.errors import FilesError, failing_files
from restore.storage.threads import FileThreads

Chunk = bytes | bytearray | memoryview

_WRITEBACK_BYTES = MIB  # smaller steps cost more than they gain


class UploadFile:
    """The file of one upload. Ends with `commit()`, or `abort()` where it isn't wanted.

    Every call blocks on the disk.
    """

    def __init__(self, folder: Path, job_id: str) -> None:
        self._path = folder / f"{job_id}.part"
        with failing_files("The upload can't be written"):
            disk.ensure_folder(folder)
            self._fd = disk.new_file(self._path)
        self._written = self._started = 0  # bytes in the file, and those whose writeback has begun

    @property
    def path(self) -> str:
        """Where the bytes are; changes with `commit()`."""
        return str(self._path)

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Append `chunks`. Raises FilesError (full disk, quota, ...).

        Writeback begins early, so that the sync at the end has little left to wait for.
        """
        with failing_files("The upload can't be written"):
            disk.write_all(self._fd, chunks)
            self._written += sum(map(len, chunks))
            if self._written - self._started >= _WRITEBACK_BYTES:
                disk.start_writeback(self._fd, self._started, self._written - self._started)
                self._started = self._written

    def commit(self) -> str:
        """Give the file its lasting name, which is returned, and make its bytes durable.

        The name itself is durable after the next `Storage.sync_uploads()`; on most file systems
        the sync of the bytes has taken it along, which is why the rename comes first. Raises
        FilesError.
        """
        with failing_files("The upload can't be kept"):
            self._path = self._path.rename(self._path.with_suffix(".upload"))
            disk.sync(self._fd)
            self._close()
        return self.path

    def abort(self) -> None:
        """Remove the upload, before or after commit(); more than once does no harm."""
        self._close()
        with suppress(OSError):
            self._path.unlink()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)


class Upload:
    """One upload as the event loop sees it; `create` makes its file, on a thread."""

    def __init__(self, create: Callable[[], UploadFile], threads: FileThreads) -> None:
        self._create = create
        self._threads = threads
        self._lock = threading.Lock()  # held by the thread that looks at what follows
        self._file: UploadFile | None = None
        self._discarded = False

    @property
    def path(self) -> str:
        """Where the bytes are, once the first of them are written."""
        if self._file is None:
            raise FilesError("The upload has not been written.")
        return self._file.path

    def write(self, chunks: Sequence[Chunk], last: bool) -> "Future[None]":
        """Append `chunks`; with `last` the whole is made durable. One call at a time."""
        return self._threads.run(self._write, chunks, last)

    async def discard(self) -> None:
        """Remove it; a write under way ends first, and none begins after it."""
        await self._threads.run(self._discard)

    def _write(self, chunks: Sequence[Chunk], last: bool) -> None:
        with self._lock:
            if self._discarded:
                return
            if self._file is None:
                self._file = self._create()
            self._file.write(chunks)
            if last:
                self._file.commit()

    def _discard(self) -> None:
        with self._lock:
            self._discarded = True
            if self._file is not None:
                self._file.abort()
