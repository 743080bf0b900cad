"""A storage in a folder of its own, for the tests of one."""

import os
import sys
import tempfile
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from restore.storage.errors import StorageError
from restore.storage.files import Storage

ID = "0b6d1f9e-6f0a-4a53-9e0a-3c1b5f0e7a11"
OTHER = "1c7e2fae-7f1b-4b64-8f1b-4d2c6f1f8b22"


class StorageTestCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "data"
        self.storage = self.opened()

    def opened(self, root: Path | None = None) -> Storage:
        storage = Storage(root or self.root)
        storage.open(0)
        self.addCleanup(storage.close)
        return storage

    def upload(self, job_id: str = ID, content: bytes = b"photo") -> str:
        upload = self.storage.create_upload(job_id)
        try:
            upload.write([content])
            return upload.commit()
        except StorageError:
            upload.abort()
            raise

    def produce(self, content: bytes = b"result", name: str = "out.png") -> str:
        path = Path(self.storage.prepare_attempt(ID, 1), name)
        path.write_bytes(content)
        return str(path)

    def in_tmp(self) -> set[str]:
        return {name for _, name in self.storage.leftovers()}


@contextmanager
def recorded_syncs(into: list[str] | None = None) -> Iterator[list[str]]:
    """The syncs and renames made inside, in order, by the last part of the path."""
    calls: list[str] = [] if into is None else into
    fsync, rename, replace = os.fsync, Path.rename, Path.replace

    def name_of(fd: int) -> str:
        if sys.platform == "linux":
            return Path(f"/proc/self/fd/{fd}").readlink().name
        import fcntl

        raw: bytes = fcntl.fcntl(fd, 50, bytes(1024))  # F_GETPATH of macOS
        return Path(raw.rstrip(b"\0").decode()).name

    def record_fsync(fd: int) -> None:
        calls.append(f"sync {name_of(fd)}")
        fsync(fd)

    def record_rename(self: Path, target: Path) -> Path:
        calls.append(f"rename {target.name}")
        return rename(self, target)

    def record_replace(self: Path, target: Path) -> Path:
        calls.append(f"rename {target.name}")
        return replace(self, target)

    with (
        mock.patch("restore.storage.disk.sync", record_fsync),
        mock.patch("pathlib.Path.rename", record_rename),
        mock.patch("pathlib.Path.replace", record_replace),
    ):
        yield calls


if __name__ == "__main__":
    unittest.main()
