"""A job store in a folder of its own, for the tests of one."""

import asyncio
import sqlite3
import tempfile
import threading
import time
import unittest
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from restore.contract.job import Job, JobSpec
from restore.storage.jobstore import JobStore
from tests.support.jobdesk import FAST_FOLDER

SPEC = JobSpec("model", 0.6, 1)
MANY = 1200


def new_job() -> Job:
    return Job(str(uuid.uuid4()), SPEC, "jpeg", 100, 50, time.time())


def ended_job(ended_at: float = 100.0) -> Job:
    job = new_job().start()
    return job.succeed(f"{job.id}.png", ended_at)


class JobStoreTestCase(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(dir=FAST_FOLDER)
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "jobs.sqlite3"
        self.store = self.opened()

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # it makes thousands of futures slow

    def opened(self, barrier: Callable[[], None] = lambda: None) -> JobStore:
        store = JobStore(self.path, barrier, lambda *_: None)
        self.addCleanup(store.close)
        return store

    def reopened(self, barrier: Callable[[], None] = lambda: None) -> JobStore:
        self.store.close()
        self.store = self.opened(barrier)
        return self.store

    def other_program(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        self.addCleanup(connection.close)
        return connection

    async def add(self, *jobs: Job) -> None:
        await asyncio.gather(*map(self.store.add, jobs))

    def file_bytes(self, suffix: str = "") -> int:
        path = Path(f"{self.path}{suffix}")
        return path.stat().st_size if path.exists() else 0


def opened_by(gate: threading.Event) -> None:
    """A barrier that holds the writer until `gate` is set."""
    gate.wait(10)


@contextmanager
def statements() -> Iterator[list[str]]:
    """All that is executed inside by connections opened inside, on any thread, in order."""
    calls: list[str] = []
    connect = sqlite3.connect

    class Recorder(sqlite3.Connection):
        def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
            calls.append(sql)
            return super().execute(sql, *args)  # type: ignore[arg-type]

    def recording(path: Path, **kwargs: Any) -> sqlite3.Connection:
        return connect(path, factory=Recorder, **kwargs)

    with mock.patch("restore.storage.database.sqlite3.connect", recording):
        yield calls


if __name__ == "__main__":
    unittest.main()
