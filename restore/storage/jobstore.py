"""The jobs in SQLite, and the uploads that are small.

Writes go to one thread, which commits whatever has gathered as one transaction, so that many
promises share a sync; reads happen on the event loop by a connection of their own.
What a job may become is decided by jobs.py and its owner; here each step is a compare-and-set on
the status in the row. The rule kept here: when `add` or `save` returns, the row is on the platter.

Measured with Python 3.11, SQLite 3.40, 2026-11: WAL with synchronous=FULL takes 300 to 770
inserts/s one by one, 13,600 inserts/s when a thread commits what has gathered.
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
from restore.storage import database, futures, schema
from restore.storage.database import StoreError, failing, store_error

_BUSY_S = 5.0  # a write waits this long for another program that holds the database
_READ_BUSY_S = 0.25  # a read holds up the loop, and waits for next to nothing in WAL mode
_CLOSE_S = 10.0  # for the writer to finish what it has
_STATES = 1000  # of jobs that are polled, in memory (0.4 MB)
_BATCH = 1000  # writes in one transaction
_SPARE_PAGES = 256  # free in the file when jobs end: a MiB, for the next small uploads

T = TypeVar("T")
log = logging.getLogger("restore")


class _Written(NamedTuple):
    """What a write did: its result, and by how much the number of waiting jobs changed."""

    result: Any
    waiting: int = 0


class _Write(NamedTuple):
    """A write on its way.

    `work` is told whether to tidy up: to delete uploads that nobody needs any more. `promises` a
    file, and so wants the barrier before its commit. `spare`: it deletes something, and so many
    pages may stay free in the file.
    """

    work: Callable[[sqlite3.Connection, bool], _Written]
    future: asyncio.Future[Any]
    promises: bool = False
    spare: int | None = None


class JobStore:
    """The jobs in the database at `path`, for one event loop.

    `barrier` is called by the writer before each commit that holds a new job whose upload is in a
    file: it brings the names of these to disk, once for all of them. Raises StoreError if the
    database can't be used.
    """

    def __init__(self, path: Path, barrier: Callable[[], None]) -> None:
        self._barrier = barrier
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._closed = False
        self._states: dict[str, JobState] = {}  # as they were at `_version` of the database,
        self._version = 0
        self._current = False  # which is as of this turn of the loop
        with failing(f"The database {path} can't be used"):
            self._writer = database.connect(path, _BUSY_S)
            try:
                self.keeps_uploads = database.prepare(self._writer, path)
                self._reader = database.connect(path, _READ_BUSY_S)
            except BaseException:
                self._writer.close()
                raise
        self._shrinks = self.keeps_uploads  # until a damaged page stands in the way
        self.found = self._count()  # what was there at the start
        self.waiting = self.found.waiting  # jobs that are queued now
        self._thread = threading.Thread(target=self._write_on, name="jobstore", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Commit what has gathered, within a bound, and close. Later writes raise StoreError."""
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

    # -- reading: on the loop, microseconds; no cursor is left open, which would hold the -wal

    def get(self, job_id: str) -> Job | None:
        """The job with this id. Raises StoreError."""
        self._end_turn()  # a state that is told after this is no older
        return self._one(schema.SELECT_ONE, schema.decode, job_id)

    def state(self, job_id: str) -> JobState | None:
        """What a poll says of this job. Raises StoreError.

        Once a turn of the loop the database says whether anybody has written to it (PRAGMA
        data_version); while it stands still, what was read is known: 10 us for a poll alone, 0.7
        in a crowd of 16, where a SELECT takes 8 each (3.11.7, 2026-11-23).
        """
        if not self._current:
            self._look_for_writes()
        state = self._states.get(job_id)
        if state is None:
            state = self._one(schema.SELECT_STATE, schema.decode_state, job_id)
            if state is not None:
                if len(self._states) >= _STATES:
                    self._states.clear()
                self._states[job_id] = state
        return state

    def _look_for_writes(self) -> None:
        with failing("The database can't be read"):
            (version,) = self._reader.execute("PRAGMA data_version").fetchall()[0]
        if version != self._version:
            self._states.clear()
            self._version = version
        self._current = True
        asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._current = False

    def _one(self, query: str, decode: Callable[[tuple[Any, ...]], T], job_id: str) -> T | None:
        try:
            rows = self._reader.execute(query, (job_id,)).fetchall()
            return decode(rows[0]) if rows else None
        except (sqlite3.Error, ValueError) as error:
            raise store_error("The database can't be read", error) from error

    def upload(self, job_id: str) -> bytes | None:
        """The upload that was kept with the job's row, if it was and can be read.

        64 KiB take 25 us where the system has them in memory. What the disk or the database has
        spoilt is lost, as it would be in a file. Raises StoreError for what may pass.
        """
        try:
            return self._one(schema.SELECT_UPLOAD, schema.decode_upload, job_id)
        except StoreError as error:
            if not database.spoilt(error.__cause__):
                raise
            log.error("the upload of job %s can't be read: %s", job_id, error)
            return None

    def next_queued(self, skip: Collection[str] = ()) -> Job | None:
        """The job that waits longest and whose id is not in `skip` (few). Raises StoreError."""
        waiting = self._select(schema.SELECT_QUEUED, len(skip) + 1)
        return next((job for job in waiting if job.id not in skip), None)

    def running(self) -> list[Job]:
        """All jobs that are running, oldest first. Raises StoreError."""
        return self._select(schema.SELECT_RUNNING)

    def expired(self, before: float, limit: int) -> list[Job]:
        """Up to `limit` jobs that ended before `before` (epoch seconds). Raises StoreError."""
        return self._select(schema.SELECT_EXPIRED, before, limit)

    def known(self, job_ids: Collection[str]) -> set[str]:
        """Those of `job_ids` (at most 500) that have a row. Raises StoreError."""
        query = schema.select_ids(len(job_ids))
        with failing("The database can't be read"):
            return {row[0] for row in self._reader.execute(query, tuple(job_ids)).fetchall()}

    def _count(self) -> schema.Counts:
        with failing("The database can't be read"):
            return schema.Counts(*self._reader.execute(schema.COUNT).fetchone())

    def _select(self, query: str, *arguments: Any) -> list[Job]:
        with failing("The database can't be read"):
            rows = self._reader.execute(query, arguments).fetchall()
            return [schema.decode(row) for row in rows]

    # -- writing: on disk when it returns

    async def add(self, job: Job, upload: bytes | None = None) -> None:
        """Keep a new job, and with it its upload until the job ends, unless that is in a file.

        Raises StoreError, and then the job was not taken.
        """

        def insert(connection: sqlite3.Connection, _: bool) -> _Written:
            connection.execute(schema.INSERT, schema.encode(job))
            if upload is not None:
                connection.execute(schema.INSERT_UPLOAD, (job.id, upload))
            return _Written(None, waiting=int(job.status is JobStatus.QUEUED))

        try:
            await self._put(insert, promises=upload is None)
        except asyncio.CancelledError:  # nobody will be told of this job
            if not self._closed:
                self._put(_deleting(job.id), spare=0)
            raise

    async def save(self, job: Job, expected: JobStatus) -> bool:
        """Replace the job's row if its status is still `expected`, else result in False.

        Raises StoreError.
        """

        def update(connection: sqlite3.Connection, tidy: bool) -> _Written:
            row = (*schema.encode(job), job.id, expected)
            changed = connection.execute(schema.UPDATE, row).rowcount == 1
            if changed and job.ended and tidy:
                connection.execute(schema.DELETE_UPLOAD, (job.id,))
            leaves = changed and expected is JobStatus.QUEUED and job.status is not expected
            return _Written(changed, waiting=-int(leaves))

        saved: bool = await self._put(update, spare=_SPARE_PAGES if job.ended else None)
        return saved

    async def delete(self, job_id: str) -> Job | None:
        """Remove the job's row and return it; None if there is none. Raises StoreError."""
        job: Job | None = await self._put(_deleting(job_id), spare=0)
        return job

    async def check(self) -> None:
        """Whether the database takes writes: the lock each begins with. Raises StoreError."""
        await self._put(lambda _, __: _Written(None))

    async def bound_ends(self, latest: float) -> None:
        """Let no job have ended after `latest` (epoch seconds): a clock was wrong then."""

        def update(connection: sqlite3.Connection, _: bool) -> _Written:
            connection.execute(schema.BOUND_ENDS, (latest, latest))
            return _Written(None)

        await self._put(update)

    async def sweep_uploads(self) -> None:
        """Delete uploads that were left: by a write that couldn't tidy up, or by another's hand."""

        def sweep(connection: sqlite3.Connection, tidy: bool) -> _Written:
            if tidy:
                connection.execute(schema.SWEEP_UPLOADS)
            return _Written(None)

        await self._put(sweep, spare=_SPARE_PAGES)

    def _put(
        self,
        work: Callable[[sqlite3.Connection, bool], _Written],
        *,
        promises: bool = False,
        spare: int | None = None,
    ) -> asyncio.Future[Any]:
        if self._closed:
            raise StoreError("The database is closed.")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._writes.put(_Write(work, future, promises, spare))
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
            self._commit([write for write in batch if write is not None], self.keeps_uploads)

    def _commit(self, batch: list[_Write], tidy: bool) -> None:
        """Commit `batch` as one; if that fails, each alone, so that none fails for a neighbour.

        Where another program holds the database they fail together: one wait, not one for each.
        Where a page can't be read, each is tried without tidying up: a bad page among the uploads
        keeps no job from its end.
        """
        if not batch:
            return
        spares = [write.spare for write in batch if write.spare is not None]
        try:
            outcomes: list[_Written | Exception] = list(self._transact(batch, tidy))
        except Exception as error:
            if len(batch) > 1 and database.code_of(error) != sqlite3.SQLITE_BUSY:
                for write in batch:
                    self._commit([write], tidy)
                return
            if tidy and database.spoilt(error):
                log.error("the database is damaged: %s", error)
                self._commit(batch, tidy=False)
                return
            outcomes = [store_error("The database can't be written", error) for _ in batch]
            spares = []
        loop = batch[0].future.get_loop()
        with suppress(RuntimeError):  # the loop has closed: nobody is waiting any more
            loop.call_soon_threadsafe(self._tell, batch, outcomes)
        if spares and self._shrinks:
            self._shrink(min(spares))

    def _shrink(self, spare: int) -> None:
        """Give free pages back: some, and all while nobody waits to write.

        In transactions of their own: if one fails, nobody's write does.
        """
        try:
            while database.give_back_pages(self._writer, spare) and self._writes.empty():
                pass
        except sqlite3.Error as error:
            self._shrinks = not database.spoilt(error)
            log.warning("the database can't shrink: %s", error)

    def _transact(self, batch: list[_Write], tidy: bool) -> list[_Written]:
        with database.transaction(self._writer):
            written = [write.work(self._writer, tidy) for write in batch]
            if any(write.promises for write in batch):
                self._barrier()
        return written

    def _tell(self, batch: list[_Write], outcomes: list[_Written | Exception]) -> None:
        """On the loop: count, and wake who waits."""
        for write, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, _Written):
                self.waiting += outcome.waiting
                outcome = outcome.result
            futures.end(write.future, outcome)


def _deleting(job_id: str) -> Callable[[sqlite3.Connection, bool], _Written]:
    """A write that removes a row and results in the job it held, or None."""

    def delete(connection: sqlite3.Connection, tidy: bool) -> _Written:
        # RETURNING would need SQLite 3.35, which Debian 11 doesn't have.
        rows = connection.execute(schema.SELECT_ONE, (job_id,)).fetchall()
        if not rows:
            return _Written(None)
        job = schema.decode(rows[0])
        if tidy:
            connection.execute(schema.DELETE_UPLOAD, (job_id,))
        connection.execute(schema.DELETE, (job_id,))
        return _Written(job, waiting=-int(job.status is JobStatus.QUEUED))

    return delete
