"""The files of STORAGE_DIR: uploads and work folders, results, one lock.

    lock                  held while a server works on this folder
    jobs.sqlite3          created here, opened by jobstore
    tmp/<id>.part         an upload while it arrives
    tmp/<id>.upload       a whole upload; synced before a row promises it
    tmp/<id>.work/        where attempts work
    outputs/<id>.png|jpg  results
    before/<id>.png|jpg   pictures of the uploads that results have come from

Every call blocks on the disk and belongs into a thread, except those marked cheap. What a row says
and when a file may go is decided elsewhere.

Rule 1: nothing is written in place. An upload is durable under its name before a row promises it, a
    result before it gets its name.
Rule 2: everything is private to the user (0700, 0600).
Rule 3: only names of this module's own making are ever opened or removed.
"""

import errno
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from restore.contract import JOB_ID_PATTERN, is_job_id
from restore.storage import disk
from restore.storage.errors import FilesError, OutputError, failing_files
from restore.storage.uploads import UploadFile

_TEMP_NAME = re.compile(rf"({JOB_ID_PATTERN})\.(?:part|upload|work)")
_OUTPUT_NAME = re.compile(rf"({JOB_ID_PATTERN})\.(?:png|jpg)")
_OUTPUT_SUFFIXES = (".png", ".jpg")
_BEFORE_NAMES = ("before.jpg", "before.png")  # as they are called in a work folder

_LOCK_RETRY_S = 0.05  # flock can't wait with a bound, so it is asked again

log = logging.getLogger("restore")


class Storage:
    """One STORAGE_DIR. Use it between `open()` and `close()`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "jobs.sqlite3"
        self._temp = root / "tmp"
        self._outputs = root / "outputs"
        self._before = root / "before"
        self._lock_fd = -1
        self._opened = os.stat_result(range(10))  # of the database, once it is there

    # -- the folder as a whole

    def open(self, wait_s: float) -> None:
        """Create what is missing; take the lock, waiting up to `wait_s` seconds for its holder.

        Raises FilesError with the sentence to stop the start with.
        """
        try:
            with failing_files(f"STORAGE_DIR {self.root} can't be used"):
                self._refuse_foreign()
                self._make_root()
                self._lock(wait_s)
                disk.make_private(self._before)
                devices = [disk.make_private(folder) for folder in (self._temp, self._outputs)]
                os.close(disk.make_file(self.database))  # SQLite gives its -wal and -shm this mode
                self._opened = self.database.stat()
            if devices[0] != devices[1]:
                raise FilesError(f"tmp and outputs in {self.root} must be on one file system.")
        except FilesError:
            self.close()
            raise

    def close(self) -> None:
        """Give the lock back. Cheap; more than once does no harm."""
        fd, self._lock_fd = self._lock_fd, -1
        if fd >= 0:
            os.close(fd)

    def free_bytes(self) -> int:
        """Bytes that may still be written into tmp/. Cheap. Raises FilesError.

        STORAGE_DIR is known by the file of its database: another folder put in its place would
        keep uploads that no row promises.
        """
        with failing_files("STORAGE_DIR can't be looked at"):
            if not os.path.samestat(self.database.stat(), self._opened):
                raise FilesError("STORAGE_DIR isn't the folder any more that was opened.")
            disk.ensure_folder(self._temp)
            found = os.statvfs(self._temp)
        return found.f_bavail * found.f_frsize

    def stats(self) -> dict[str, int]:
        """Plain numbers for whoever watches: bytes. Raises FilesError."""
        return {"free": self.free_bytes()}

    # -- uploads and work folders

    def create_upload(self, job_id: str) -> UploadFile:
        """A new, empty upload. Raises FilesError."""
        return UploadFile(self._temp, _checked(job_id))

    def rescue_upload(self, job_id: str, image: bytes) -> None:
        """Make a durable file of an upload that stood elsewhere. Raises FilesError."""
        upload = self.create_upload(job_id)
        upload.write([image])
        upload.commit()
        self.sync_uploads()

    def sync_uploads(self) -> None:
        """Make the names of all committed uploads durable. Raises FilesError."""
        with failing_files("The uploads' folder can't be synced"):
            disk.sync_folder(self._temp)

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

    def prepare_attempt(self, job_id: str, attempt: int) -> str:
        """A fresh, empty folder for one attempt. Raises FilesError.

        What earlier attempts left goes. The folder's name is never used twice: a worker of a server
        that vanished may live on for a moment.
        """
        work = self._work(job_id)
        folder = work / f"{attempt}-{os.urandom(4).hex()}"
        with failing_files("The work folder can't be made"):
            disk.ensure_folder(self._temp)
            disk.remove(work)
            work.mkdir(disk.PRIVATE_FOLDER)
            folder.mkdir(disk.PRIVATE_FOLDER)
        return str(folder)

    def discard(self, job_id: str) -> None:
        """Remove the job's upload and work folders. Raises FilesError if something stays."""
        for suffix in ("part", "upload", "work"):
            self.discard_leftover(f"{_checked(job_id)}.{suffix}")

    # -- results

    def promote(self, produced: str, job_id: str) -> str:
        """Move a whole result from the job's work folder to outputs/; return its name.

        It is durable when this returns. Raises OutputError where `produced` is not a regular .png
        or .jpg file in the job's work folder, FilesError where it can't be moved now.
        """
        source = Path(produced)
        if source.suffix not in _OUTPUT_SUFFIXES:
            raise OutputError(f"not a .png or .jpg: {produced}")
        if self._work(job_id).resolve() not in source.resolve().parents:
            raise OutputError(f"not in the job's work folder: {produced}")
        target = self._outputs / (job_id + source.suffix)
        with failing_files("The result can't be kept"):
            disk.ensure_folder(self._outputs)
            moved = disk.file_size(target) is not None and not source.exists()
            if not moved:  # Otherwise an earlier try failed after the move.
                if disk.sync_file(source) is None:
                    raise OutputError(f"no regular file with bytes in it: {source}")
                source.replace(target)
            disk.sync_folder(self._outputs)
        return target.name

    def find_output(self, job_id: str) -> str | None:
        """The name of the job's result, if it is there. Cheap."""
        names = (f"{_checked(job_id)}{suffix}" for suffix in _OUTPUT_SUFFIXES)
        return next((name for name in names if self.output_bytes(name) is not None), None)

    def output_bytes(self, name: str) -> int | None:
        """The size of the result `name`; None where there is none. Cheap."""
        path = self.output_path(name)
        return None if path is None else disk.file_size(path)

    def output_path(self, name: str) -> Path | None:
        """Where the result `name` would be; None where `name` is not a result's. Opens nothing."""
        return self._outputs / name if _OUTPUT_NAME.fullmatch(name) else None

    def discard_output(self, job_id: str) -> None:
        """Remove the job's result and the picture from before. Raises FilesError if one stays."""
        with failing_files("A result can't be removed"):
            for suffix in _OUTPUT_SUFFIXES:
                disk.remove(self._outputs / f"{_checked(job_id)}{suffix}")
                disk.remove(self._before / f"{job_id}{suffix}")

    # -- how a photo looked before

    def keep_before(self, produced: str, job_id: str) -> None:
        """Move the picture of an upload out of the job's work folder, to stay as its result does.

        It is no promise: it isn't synced, and where it can't be moved there is none.
        """
        with suppress(OSError):
            disk.ensure_folder(self._before)
            source = Path(produced)
            source.replace(self._before / f"{_checked(job_id)}{source.suffix}")

    def before_path(self, job_id: str) -> Path | None:
        """The picture of a job's upload: kept with its result, or in the work folder. Cheap."""
        kept = [self._before / f"{_checked(job_id)}{suffix}" for suffix in _OUTPUT_SUFFIXES]
        # It may be moved, and the work folder removed, between two looks: hence the third.
        places = chain(kept, self._made_before(job_id), kept)
        return next((path for path in places if disk.file_size(path) is not None), None)

    def _made_before(self, job_id: str) -> Iterator[Path]:
        with suppress(OSError):
            for name in _BEFORE_NAMES:
                yield from self._work(job_id).glob(f"*/{name}")

    # -- what a crash left

    def leftovers(self) -> list[tuple[str, str]]:
        """All that is in tmp/ now, as (job id, name); asked before the first upload is taken."""
        with failing_files("The uploads' folder can't be read"):
            names = map(_TEMP_NAME.fullmatch, (entry.name for entry in self._temp.iterdir()))
            return [(match[1], match[0]) for match in names if match]

    def discard_leftover(self, name: str) -> None:
        """Remove one entry of `leftovers()`. Raises FilesError if it stays."""
        if not _TEMP_NAME.fullmatch(name):
            raise ValueError(f"not a name in tmp/: {name!r}")
        with failing_files("A temporary file can't be removed"):
            disk.remove(self._temp / name)

    def output_ids(self, batch: int) -> Iterator[list[str]]:
        """The job ids of all results, at most `batch` at a time. Raises FilesError."""
        with (
            failing_files("The results' folder can't be read"),
            os.scandir(self._outputs) as entries,
        ):
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
        own = (self._temp, _TEMP_NAME), (self._outputs, _OUTPUT_NAME), (self._before, _OUTPUT_NAME)
        for folder, name in own:
            if folder.is_dir() and not all(
                name.fullmatch(entry.name) for entry in folder.iterdir()
            ):
                raise FilesError(
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
                raise FilesError(f"STORAGE_DIR {self.root} is in use by another server.")
            time.sleep(_LOCK_RETRY_S)


def _checked(job_id: str) -> str:
    if not is_job_id(job_id):
        raise ValueError(f"not a job id: {job_id!r}")
    return job_id
