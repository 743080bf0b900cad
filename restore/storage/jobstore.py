"""The jobs in SQLite.

Writes go to one thread, which commits whatever has gathered as one transaction, so that many
promises share a sync; reads happen on the event loop by a connection of their own. What a job may
become is decided by contract.job and the job's owner; here each step is a compare-and-set on the
status in the row.

Rule: when `add` or `save` returns, the row is durable.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from restore.contract import Job, JobState, JobStatus
from restore.storage import database, schema
from restore.storage.database import database_error, failing
from restore.storage.errors import DatabaseError
from restore.storage.threads import end

_BUSY_S = 5.0  # a write waits this long for another program that holds the database
_READ_BUSY_S = 0.25  # a read holds up the loop, and waits for next to nothing in WAL mode
_CLOSE_S = 10.0  # for the writer to finish what it has
_BATCH = 1000  # writes in one transaction
_WAITS = JobState(JobStatus.QUEUED, 0.0, None, None)

T = TypeVar("T")
log = logging.getLogger("restore")


class _Written(NamedTuple):
    """What a write did: its result, and the job that waits from now on or doesn't any more."""

    result: Any
    queued: str = ""
    left: str = ""


_Work = Callable[[sqlite3.Connection], _Written]


class _Write(NamedTuple):
    """A write on its way. `promises`: its row names a file whose name must be durable before it."""

    work: _Work
    future: asyncio.Future[Any]
    promises: bool = False


class JobStore:
    """The jobs in the database at `path`, for one event loop.

    `barrier` is called by the writer before each commit that holds a new job: it makes the names of
    their uploads durable, once for all of them. `rescue` makes a file of an upload that an old
    version kept in the database. Raises DatabaseError if the database can't be used.
    """

    def __init__(
        self, path: Path, barrier: Callable[[], None], rescue: Callable[[str, bytes], None]
    ) -> None:
        self._barrier = barrier
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._closed = False
        with database.opening(path):
            self._writer = database.connect(path, _BUSY_S)
            try:
                self.is_new = database.prepare(self._writer, path, rescue)
                self._reader = database.connect(path, _READ_BUSY_S)
            except BaseException:
                self._writer.close()
                raise
        self.found = self._count()  # what was there at the start
        self._queued = {row[0] for row in self._rows(schema.SELECT_QUEUED_IDS)}
        self._thread = threading.Thread(target=self._write_on, name="jobstore", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Commit what has gathered, within a bound, and close. Later writes raise DatabaseError."""
        if self._closed:
            return
        self._closed = True
        self._writes.put(None)
        self._thread.join(_CLOSE_S)
        self._reader.close()
        if self._thread.is_alive():
            log.warning("the database didn't finish within %g s", _CLOSE_S)
        else:
            self._writer.close()

    @property
    def waiting(self) -> int:
        """How many jobs are queued now."""
        return len(self._queued)

    # -- reading: on the loop, microseconds; no cursor is left open, which would hold the -wal

    def get(self, job_id: str) -> Job | None:
        """The job with this id. Raises DatabaseError."""
        return self._one(schema.SELECT_ONE, schema.decode, job_id)

    def state(self, job_id: str) -> JobState | None:
        """What a poll says of this job; of one that waits without SQL. Raises DatabaseError."""
        if job_id in self._queued:
            return _WAITS
        return self._one(schema.SELECT_STATE, schema.decode_state, job_id)

    def position(self, job_id: str) -> int:
        """How many jobs wait before this one, which is queued. Raises DatabaseError."""
        return self._one(schema.COUNT_BEFORE, lambda row: int(row[0]), job_id) or 0

    def key(self, key: str) -> schema.Key | None:
        """What was promised under this key. Raises DatabaseError."""
        return self._one(schema.SELECT_KEY, lambda row: schema.Key(*row), key)

    def next_queued(self, skip: Collection[str] = ()) -> Job | None:
        """The job that waits longest and whose id is not in `skip` (few). Raises DatabaseError."""
        waiting = self._select(schema.SELECT_QUEUED, len(skip) + 1)
        return next((job for job in waiting if job.id not in skip), None)

    def running(self) -> list[Job]:
        """All jobs that are running, oldest first. Raises DatabaseError."""
        return self._select(schema.SELECT_RUNNING)

    def expired(self, before: float, limit: int) -> list[Job]:
        """Up to `limit` jobs that ended before `before` (epoch seconds). Raises DatabaseError."""
        return self._select(schema.SELECT_EXPIRED, before, limit)

    def misdated(self, after: float, newest: int, limit: int) -> list[Job]:
        """Up to `limit` of the `newest` oldest jobs that ended after `after`, by a wrong clock."""
        return self._select(schema.SELECT_MISDATED, after, newest, limit)

    def newest(self) -> int:
        """The number of the job that arrived last. Raises DatabaseError."""
        return int(self._rows(schema.SELECT_NEWEST)[0][0])

    def known(self, job_ids: Collection[str]) -> set[str]:
        """Those of `job_ids` (at most 500) that have a row. Raises DatabaseError."""
        return {row[0] for row in self._rows(schema.select_ids(len(job_ids)), *job_ids)}

    def removals(self) -> list[str]:
        """Ids of jobs whose files are meant to go and may still be there. Raises DatabaseError."""
        return [row[0] for row in self._rows(schema.SELECT_REMOVALS)]

    def _count(self) -> schema.Counts:
        return schema.Counts(*self._rows(schema.COUNT)[0])

    def _one(self, query: str, decode: Callable[[tuple[Any, ...]], T], job_id: str) -> T | None:
        rows = self._rows(query, job_id)
        with failing("The database can't be read"):
            return decode(rows[0]) if rows else None

    def _select(self, query: str, *arguments: Any) -> list[Job]:
        rows = self._rows(query, *arguments)
        with failing("The database can't be read"):
            return [schema.decode(row) for row in rows]

    def _rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        try:
            return self._reader.execute(query, arguments).fetchall()
        except sqlite3.Error as error:
            raise database_error("The database can't be read", error) from error

    # -- writing: durable when it returns

    async def add(self, job: Job, key: schema.Key | None = None) -> None:
        """Keep a new job whose upload is a durable file, and the key it was asked for under.

        Raises DatabaseError, and then the job was not taken.
        """

        def insert(connection: sqlite3.Connection) -> _Written:
            connection.execute(schema.INSERT, schema.encode(job))
            if key is not None:
                connection.execute(schema.INSERT_KEY, key)
            return _Written(None, queued=job.id if job.status is JobStatus.QUEUED else "")

        try:
            await self._put(insert, promises=True)
        except asyncio.CancelledError:  # Nobody will learn of this job.
            if not self._closed:
                self._put(_deleting(job.id))
            raise

    async def save(self, job: Job, expected: JobStatus) -> bool:
        """Replace the job's row if its status is still `expected`, else result in False.

        Raises DatabaseError.
        """

        def update(connection: sqlite3.Connection) -> _Written:
            row = (*schema.encode(job), job.id, expected)
            changed = connection.execute(schema.UPDATE, row).rowcount == 1
            leaves = changed and expected is JobStatus.QUEUED and job.status is not expected
            return _Written(changed, left=job.id if leaves else "")

        saved: bool = await self._put(update)
        return saved

    async def delete(self, job_id: str) -> Job | None:
        """Remove the job's row and return it; None if there is none. Raises DatabaseError.

        From the same commit on its files are meant to be removed, until `removed` says they are.
        """
        job: Job | None = await self._put(_deleting(job_id))
        return job

    async def removed(self, job_ids: Collection[str]) -> None:
        """The files of these jobs are gone. Raises DatabaseError."""
        await self._execute_many(schema.DELETE_REMOVAL, [(job_id,) for job_id in job_ids])

    async def drop_keys(self, before: float) -> None:
        """Forget the keys from before `before` (epoch seconds). Raises DatabaseError."""
        await self._execute_many(schema.DELETE_KEYS, [(before,)])

    async def check_writable(self) -> None:
        """Commit a write that changes nothing. Raises DatabaseError."""
        await self._execute_many(schema.DELETE_REMOVAL, [("",)])

    async def _execute_many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        def execute(connection: sqlite3.Connection) -> _Written:
            connection.executemany(statement, rows)
            return _Written(None)

        await self._put(execute)

    def _put(self, work: _Work, *, promises: bool = False) -> asyncio.Future[Any]:
        if self._closed:
            raise DatabaseError("The database is closed.")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._writes.put(_Write(work, future, promises))
        return future

    # -- the writer's thread

    def _write_on(self) -> None:
        going = True
        while going:
            batch = [self._writes.get()]
            with suppress(queue.Empty):
                while len(batch) < _BATCH:
                    batch.append(self._writes.get_nowait())
            going = None not in batch
            self._commit([write for write in batch if write is not None])

    def _commit(self, batch: list[_Write]) -> None:
        """Commit `batch` as one; if that fails, each alone, so that none fails for a neighbour.

        Where another program holds the database they fail together: one wait, not one for each.
        """
        if not batch:
            return
        try:
            outcomes: list[_Written | Exception] = list(self._transact(batch))
        except Exception as error:
            if len(batch) > 1 and database.code_of(error) != sqlite3.SQLITE_BUSY:
                for write in batch:
                    self._commit([write])
                return
            outcomes = [database_error("The database can't be written", error) for _ in batch]
        loop = batch[0].future.get_loop()
        with suppress(RuntimeError):  # The loop has closed: nobody is waiting any more.
            loop.call_soon_threadsafe(self._settle, batch, outcomes)

    def _transact(self, batch: list[_Write]) -> list[_Written]:
        with database.transaction(self._writer):
            written = [write.work(self._writer) for write in batch]
            if any(write.promises for write in batch):
                self._barrier()
        return written

    def _settle(self, batch: list[_Write], outcomes: list[_Written | Exception]) -> None:
        """On the loop: count, and wake who waits."""
        for write, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, _Written):
                if outcome.queued:
                    self._queued.add(outcome.queued)
                self._queued.discard(outcome.left)
                outcome = outcome.result
            end(write.future, outcome)


def _deleting(job_id: str) -> _Work:
    """A write that removes a row and results in the job it held, or None."""

    def delete(connection: sqlite3.Connection) -> _Written:
        # RETURNING would need SQLite 3.35, which Debian 11 doesn't have.
        rows = connection.execute(schema.SELECT_ONE, (job_id,)).fetchall()
        if not rows:
            return _Written(None)
        job = schema.decode(rows[0])
        connection.execute(schema.DELETE, (job_id,))
        connection.execute(schema.INSERT_REMOVAL, (job_id,))
        return _Written(job, left=job.id)

    return delete
