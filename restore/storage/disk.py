"""File operations that the standard library lacks: durable, private, never through a link.

Plain functions over paths and descriptors; which files there are and what they mean is storage's.
All raise OSError as the system says it. Rule: what is called synced is durable: it is on the disk
itself, not in a cache.
"""

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENXIO)
_BUFFERS_PER_WRITE = 512  # of the 1024 that Linux and macOS take in one writev (IOV_MAX)


def sync(fd: int) -> None:
    """Make a file or folder durable; on macOS fsync alone stops at the drive's cache."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with suppress(OSError):  # file systems that don't know it
            fcntl.fcntl(fd, full)
            return
    os.fsync(fd)


def sync_file(path: Path) -> int | None:
    """Make the regular file at `path` private and sync it; its bytes. None where there is none."""
    try:  # O_NONBLOCK: opening a FIFO would wait for ever
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or not found.st_size:
            return None
        os.fchmod(fd, PRIVATE_FILE)
        sync(fd)
    finally:
        os.close(fd)
    return found.st_size


def start_writeback(fd: int, offset: int, count: int) -> None:
    """Begin to write bytes of a file to the disk without waiting for it; a hint, no promise.

    Linux begins to write out what is dirty where it is told that nobody will need it soon, and
    drops only what is durable already (mm/fadvise.c). macOS doesn't know the call.
    """
    advise = getattr(os, "posix_fadvise", None)
    if advise is not None:
        with suppress(OSError):  # file systems that don't take advice
            advise(fd, offset, count, os.POSIX_FADV_DONTNEED)


def make_private(folder: Path) -> int:
    """`make_folder`, and private even where it was there; its device. It may not be a link."""
    make_folder(folder)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(fd, PRIVATE_FOLDER)
        return os.fstat(fd).st_dev
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents, private, their names synced; one that is there is kept."""
    if not folder.parent.exists():
        make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(PRIVATE_FOLDER)
        sync_name(folder)


def ensure_folder(folder: Path) -> None:
    """Make `folder` again where somebody took it away. Its parent must be there."""
    if not folder.is_dir():
        folder.mkdir(PRIVATE_FOLDER, exist_ok=True)  # Another thread may have done so by now.
        sync_name(folder)


def new_file(path: Path) -> int:
    """Create `path`, which must not be there, private, and open it for writing."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, PRIVATE_FILE)


def make_file(path: Path) -> int:
    """Open `path` for reading and writing, private, its name synced; create it if need be."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        os.fchmod(fd, PRIVATE_FILE)
        sync_name(path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def sync_name(path: Path) -> None:
    """Make the name of a file or folder durable."""
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, chunks: Sequence[bytes | bytearray | memoryview]) -> None:
    """Write all of `chunks` in as few calls as possible."""
    pending = [memoryview(chunk) for chunk in chunks if len(chunk)]
    while pending:
        written = os.writev(fd, list(islice(pending, _BUFFERS_PER_WRITE)))
        if not written:  # a regular file takes a byte or says why not; trying again would spin
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        pending = _after(pending, written)


def _after(pending: list[memoryview], written: int) -> list[memoryview]:
    """What of `pending` is left after its first `written` bytes."""
    for index, chunk in enumerate(pending):
        if written < chunk.nbytes:
            return [chunk[written:], *pending[index + 1 :]]
        written -= chunk.nbytes
    return []


def try_lock(fd: int) -> bool:
    """Take the lock on an open file unless another process holds it. It ends with that process."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def file_size(path: Path) -> int | None:
    """Bytes of the regular file at `path`; None where there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder; nothing there is fine."""
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(path.lstat().st_mode):
            _remove_folder(path)
        else:
            path.unlink()


def _remove_folder(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except PermissionError:  # somebody took a folder's own rights away
        for folder, _, _ in os.walk(path):
            Path(folder).chmod(PRIVATE_FOLDER)
        shutil.rmtree(path)
