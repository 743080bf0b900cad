"""The files of STORAGE_DIR: uploads and work folders, results, one lock.

    lock                  held while a server works on this folder
    jobs.sqlite3          created here, opened by jobstore
    tmp/<id>.part         an upload while it arrives
    tmp/<id>.upload       a whole upload; synced before a row promises it
    tmp/<id>.work/        where attempts work, and read a small upload, which lasts in its row
    outputs/<id>.png|jpg  results

Every call blocks on the disk and belongs into a thread, except those marked cheap. What a row says
and when a file may go is decided elsewhere. The rules kept here: nothing is written in place (an
upload is synced under its name before a row promises it, a result before it gets its name),
everything is private to the user (0700, 0600), and only names of this module's own making are ever
opened or removed.
"""

import errno
import logging
import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from restore.contract import MIB
from restore.storage import disk
from restore.storage.errors import OutputError, StorageError, StorageGoneError
from restore.storage.limits import STORAGE_GONE_S

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_JOB_ID = re.compile(_UUID)
_TEMP_NAME = re.compile(rf"({_UUID})\.(?:part|upload|work)")
_OUTPUT_NAME = re.compile(rf"({_UUID})\.(?:png|jpg)")
_OUTPUT_SUFFIXES = (".png", ".jpg")

_SEND_OFF_BYTES = MIB  # at once; at 256 KiB it costs more than it gains
_LOCK_RETRY_S = 0.05  # flock can't wait with a bound, so it is asked again

log = logging.getLogger("restore")


class UploadFile:
    """One upload on its way to disk. Ends with `commit()`, or `abort()` where it isn't wanted."""

    def __init__(self, folder: Path, job_id: str) -> None:
        self._path = folder / f"{job_id}.part"
        with _failing("The upload can't be written"):
            self._fd = disk.new_file(self._path)
        self._written = self._sent_off = 0  # bytes: in the file, and of them told to be written out

    @property
    def path(self) -> str:
        """Where the bytes are; changes with `commit()`."""
        return str(self._path)

    def write(self, chunks: Sequence[bytes | bytearray | memoryview]) -> None:
        """Append `chunks`. Raises StorageError (full disk, quota, ...).

        What is many bytes begins its way to the platter at once: of the 12 ms that the sync of a
        photo of 14 MB took at its end 2 are left (ext4 on virtio, 2026-11-22).
        """
        with _failing("The upload can't be written"):
            disk.write_all(self._fd, chunks)
            self._written += sum(map(len, chunks))
            if self._written - self._sent_off >= _SEND_OFF_BYTES:
                disk.send_off(self._fd, self._sent_off, self._written - self._sent_off)
                self._sent_off = self._written

    def commit(self) -> str:
        """Give the file its lasting name, which is returned, and sync the bytes.

        The name itself is on disk after the next `Storage.sync_uploads()`; on most file systems the
        sync of the bytes has taken it along, which is why it comes first. Raises StorageError.
        """
        with _failing("The upload can't be kept"):
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


class Storage:
    """One STORAGE_DIR. Use it between `open()` and `close()`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "jobs.sqlite3"
        self._temp = root / "tmp"
        self._outputs = root / "outputs"
        self._lock_fd = -1
        self._opened = os.stat_result(range(10))  # of the database, once it is there
        self._gone_since = self._gone_seen = -math.inf  # first and last time, monotonic

    # -- the folder as a whole

    def open(self, wait_s: float) -> None:
        """Create what is missing; take the lock, waiting up to `wait_s` seconds for its holder.

        Raises StorageError with the sentence to stop the start with.
        """
        try:
            with _failing(f"STORAGE_DIR {self.root} can't be used"):
                self._refuse_foreign()
                self._make_root()
                self._lock(wait_s)
                devices = [disk.make_private(folder) for folder in (self._temp, self._outputs)]
                os.close(disk.make_file(self.database))  # SQLite gives its -wal and -shm this mode
                self._opened = self.database.stat()
            if devices[0] != devices[1]:
                raise StorageError(f"tmp and outputs in {self.root} must be on one file system.")
        except StorageError:
            self.close()
            raise

    def close(self) -> None:
        """Give the lock back. Cheap; more than once does no harm."""
        fd, self._lock_fd = self._lock_fd, -1
        if fd >= 0:
            os.close(fd)

    def free_bytes(self) -> int:
        """Bytes that may still be written into tmp/. Cheap. Raises what `mend` does."""
        self.mend()
        with _failing("STORAGE_DIR can't be looked at"):
            found = os.statvfs(self._temp)
        return found.f_bavail * found.f_frsize

    def mend(self) -> None:
        """Make again what somebody took away. Cheap. Raises StorageGoneError, StorageError.

        STORAGE_DIR itself is known by the file of its database: made again it would be another's.
        """
        with _failing("STORAGE_DIR can't be looked at"):
            try:
                here = os.path.samestat(self.database.stat(), self._opened)
            except (FileNotFoundError, NotADirectoryError):
                here = False
            if not here:
                now = time.monotonic()
                if now - self._gone_seen > STORAGE_GONE_S:  # another time than the last
                    self._gone_since = now
                self._gone_seen = now
                raise StorageGoneError(now - self._gone_since)
            self._gone_seen = -math.inf
            for folder in (self._temp, self._outputs):
                if not folder.is_dir():
                    folder.mkdir(disk.PRIVATE_FOLDER, exist_ok=True)  # another thread mends too
                    disk.sync_name(folder)

    # -- uploads and work folders

    def create_upload(self, job_id: str) -> UploadFile:
        """A new, empty upload. Raises StorageError."""
        return UploadFile(self._temp, _checked(job_id))

    def sync_uploads(self) -> None:
        """Bring the names of all committed uploads to disk. Raises StorageError."""
        with _failing("The uploads' folder can't be synced"):
            disk.sync_folder(self._temp)  # by its name: it may have been made again

    def upload_path(self, job_id: str) -> str:
        """Where the job's whole upload is, or was. Cheap."""
        return str(self._temp / f"{_checked(job_id)}.upload")

    def has_upload(self, job_id: str) -> bool:
        """Whether the job's whole upload is there; what can't be looked at counts as so. Cheap."""
        try:
            Path(self.upload_path(job_id)).lstat()
        except OSError as error:
            return error.errno != errno.ENOENT
        return True

    def lay_out(self, job_id: str, attempt: int, image: bytes | None) -> tuple[str, str]:
        """Where one attempt finds its upload, and a fresh, empty folder for it.

        What earlier attempts left goes. The folder's name is never used twice: a worker of a server
        that vanished may live on for a moment. `image` is an upload that lasts in its row: it is
        written anew each time, and not synced. Raises StorageError.
        """
        work, path = self._work(job_id), self.upload_path(job_id)
        folder = work / f"{attempt}-{os.urandom(4).hex()}"
        with _failing("The work folder can't be made"):
            self.mend()
            disk.remove(work)
            work.mkdir(disk.PRIVATE_FOLDER)
            folder.mkdir(disk.PRIVATE_FOLDER)
            if image is not None:
                path = str(work / "upload")
                with os.fdopen(disk.new_file(Path(path)), "wb") as file:
                    file.write(image)
        return path, str(folder)

    def discard(self, job_id: str) -> None:
        """Remove the job's upload and work folders. Raises StorageError if something stays."""
        self.mend()  # where STORAGE_DIR is away, nothing is there and everything stays
        for suffix in ("part", "upload", "work"):
            self.discard_leftover(f"{_checked(job_id)}.{suffix}")

    # -- results

    def promote(self, produced: str, job_id: str) -> tuple[str, int]:
        """Move a whole result from the job's work folder to outputs/; return its name and bytes.

        It is on disk when this returns. Raises OutputError where `produced` is not a regular .png
        or .jpg file in the job's work folder, StorageError where it can't be moved now.
        """
        source = Path(produced)
        if source.suffix not in _OUTPUT_SUFFIXES:
            raise OutputError(f"not a .png or .jpg: {produced}")
        if self._work(job_id).resolve() not in source.resolve().parents:
            raise OutputError(f"not in the job's work folder: {produced}")
        target = self._outputs / (job_id + source.suffix)
        with _failing("The result can't be kept"):
            self.mend()
            size = disk.file_size(target)
            if size is None or source.exists():  # else an earlier try failed after the move
                size = disk.sync_file(source)
                if size is None:
                    raise OutputError(f"no regular file with bytes in it: {source}")
                source.replace(target)
            disk.sync_folder(self._outputs)
        return target.name, size

    def find_output(self, job_id: str) -> tuple[str, int] | None:
        """Name and bytes of the job's result, if it is there. Cheap."""
        for suffix in _OUTPUT_SUFFIXES:
            size = disk.file_size(self._outputs / f"{_checked(job_id)}{suffix}")
            if size is not None:
                return job_id + suffix, size
        return None

    def output_path(self, name: str) -> Path | None:
        """Where the result `name` would be; None where `name` is not a result's. Opens nothing."""
        return self._outputs / name if _OUTPUT_NAME.fullmatch(name) else None

    def discard_output(self, job_id: str) -> None:
        """Remove the job's result. Raises StorageError if it stays."""
        self.mend()
        with _failing("A result can't be removed"):
            for suffix in _OUTPUT_SUFFIXES:
                disk.remove(self._outputs / f"{_checked(job_id)}{suffix}")

    # -- what a crash left

    def leftovers(self) -> list[tuple[str, str]]:
        """All that is in tmp/ now, as (job id, name); asked before the first upload is taken."""
        with _failing("The uploads' folder can't be read"):
            names = map(_TEMP_NAME.fullmatch, (entry.name for entry in self._temp.iterdir()))
            return [(match[1], match[0]) for match in names if match]

    def discard_leftover(self, name: str) -> None:
        """Remove one entry of `leftovers()`. Raises StorageError if it stays."""
        if not _TEMP_NAME.fullmatch(name):
            raise ValueError(f"not a name in tmp/: {name!r}")
        with _failing("A temporary file can't be removed"):
            disk.remove(self._temp / name)

    def output_ids(self, batch: int) -> Iterator[list[str]]:
        """The job ids of all results, at most `batch` at a time. Raises StorageError."""
        with _failing("The results' folder can't be read"), os.scandir(self._outputs) as entries:
            names = map(_OUTPUT_NAME.fullmatch, (entry.name for entry in entries))
            ids = (match[1] for match in names if match)
            while found := list(islice(ids, batch)):
                yield found

    def _work(self, job_id: str) -> Path:
        return self._temp / f"{_checked(job_id)}.work"

    # -- opening

    def _refuse_foreign(self) -> None:
        """Stop before a STORAGE_DIR such as /var turns somebody's /var/tmp into ours."""
        if self._is_ours():
            return
        for folder, name in ((self._temp, _TEMP_NAME), (self._outputs, _OUTPUT_NAME)):
            if folder.is_dir() and not all(
                name.fullmatch(entry.name) for entry in folder.iterdir()
            ):
                raise StorageError(
                    f"STORAGE_DIR {self.root} already has a folder '{folder.name}' with other "
                    "files in it; name a folder of its own."
                )

    def _is_ours(self) -> bool:
        return disk.file_size(self.root / "lock") is not None

    def _make_root(self) -> None:
        """A folder that is new, empty or ours already becomes private; any other stays as it is."""
        disk.make_folder(self.root)
        if self._is_ours() or not any(self.root.iterdir()):
            with suppress(PermissionError):  # a volume that belongs to somebody else
                self.root.chmod(disk.PRIVATE_FOLDER)

    def _lock(self, wait_s: float) -> None:
        fd = self._lock_fd = disk.make_file(self.root / "lock")
        deadline = time.monotonic() + wait_s
        if disk.try_lock(fd):
            return
        log.info("waiting up to %g s for another server to leave %s", wait_s, self.root)
        while not disk.try_lock(fd):
            if time.monotonic() >= deadline:
                raise StorageError(f"STORAGE_DIR {self.root} is in use by another server.")
            time.sleep(_LOCK_RETRY_S)


@contextmanager
def _failing(sentence: str) -> Iterator[None]:
    """Turn an OSError into a StorageError: `sentence` and the system's reason, no path."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{sentence}: {error.strerror or 'unknown reason'}.") from error


def _checked(job_id: str) -> str:
    if not _JOB_ID.fullmatch(job_id):
        raise ValueError(f"not a job id: {job_id!r}")
    return job_id
