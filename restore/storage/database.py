"""The database file: opened, checked, brought to this version; its errors as ours.

What is in it, and who writes it when, is jobstore's.

Rule 1: a commit is durable when it returns.
Rule 2: a database that is damaged, foreign or of a newer server stops the start with a sentence
    that says what a person can do.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from restore.contract import MIB
from restore.storage import schema
from restore.storage.errors import DatabaseError

_APPLICATION_ID = 0x52535452  # "RSTR" in the file's header: a restore job store
_CHECK_BYTES = 8 * MIB  # a database up to this size is checked whole at the start (20 ms)
_WAL_BYTES = 8 * MIB  # the -wal file is cut to this after a burst


def code_of(error: BaseException | None) -> int:
    """SQLite's primary result code (sqlite.org/rescode.html); 0 where `error` has none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def is_corrupt(error: BaseException | None) -> bool:
    """Whether what was to be read is lost: a damaged page, a sector that the disk can't read."""
    unreadable = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ)
    return (
        code_of(error) == sqlite3.SQLITE_CORRUPT
        or getattr(error, "sqlite_errorcode", 0) in unreadable
    )


def database_error(sentence: str, error: Exception) -> DatabaseError:
    """`sentence` and the reason in `error`, which becomes the cause."""
    failure = DatabaseError(f"{sentence}: {str(error).rstrip('.')}.")
    failure.__cause__ = error
    return failure


@contextmanager
def failing(sentence: str) -> Iterator[None]:
    """Turn SQLite's errors inside into a DatabaseError: `sentence` and SQLite's reason."""
    try:
        yield
    except (sqlite3.Error, ValueError) as error:  # ValueError: a row that somebody else wrote
        raise database_error(sentence, error) from error


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turn SQLite's errors inside into the DatabaseError to stop the start with."""
    try:
        yield
    except (sqlite3.Error, ValueError) as error:
        if is_corrupt(error) or code_of(error) == sqlite3.SQLITE_NOTADB:
            raise _damaged(path, str(error)) from error
        raise database_error(f"The database {path} can't be used", error) from error


def connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """A connection for any one thread at a time, that waits `busy_s` seconds for a lock.

    Raises sqlite3.Error.
    """
    connection = sqlite3.connect(
        path, timeout=busy_s, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # Old databases held photos.
        connection.execute("PRAGMA fullfsync = ON")  # macOS: past the drive's cache
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(
    connection: sqlite3.Connection, path: Path, rescue: Callable[[str, bytes], None]
) -> bool:
    """Check whose database this is, and bring its schema to the version of this server.

    An upload that an old version kept in its row is handed to `rescue`, with its job's id, which
    makes a durable file of it. True where the database is new. Raises DatabaseError with the
    sentence to stop the start with, sqlite3.Error, OSError and what `rescue` raises.
    """
    version, application, tables = (
        connection.execute(query).fetchone()[0]
        for query in (
            "PRAGMA user_version",
            "PRAGMA application_id",
            "SELECT count(*) FROM sqlite_master",
        )
    )
    if (application or version or tables) and application != _APPLICATION_ID:
        raise DatabaseError(
            f"The database {path} belongs to another program. Name another STORAGE_DIR."
        )
    if version > len(schema.SCHEMA):
        raise DatabaseError(
            f"The database {path} was written by a newer version of this server "
            f"(its version is {version}; this server knows {len(schema.SCHEMA)}). "
            "Start that version again, or name another STORAGE_DIR."
        )
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise DatabaseError(f"The database {path} is on a file system that can't hold it safely.")
    if path.stat().st_size <= _CHECK_BYTES:
        _check(connection, path)
    if version < len(schema.SCHEMA):
        _migrate(connection, version, rescue)
    return not tables


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise _damaged(path, found)


def _damaged(path: Path, found: str) -> DatabaseError:
    return DatabaseError(
        f"The database {path} is damaged: {' '.join(found.split())}. No photo is lost: results "
        "are in outputs/, uploads in tmp/. Put a copy of the database back, or move it away; "
        "then the server starts with an empty list of jobs and leaves the photos as they are."
    )


def _migrate(
    connection: sqlite3.Connection, version: int, rescue: Callable[[str, bytes], None]
) -> None:
    if version == schema.ROWS_WITH_UPLOADS:
        for job_id, image in connection.execute(schema.SELECT_UPLOADS):
            rescue(job_id, image)
    connection.executescript(
        f"BEGIN IMMEDIATE; {''.join(schema.SCHEMA[version:])}"
        f" PRAGMA application_id = {_APPLICATION_ID};"
        f" PRAGMA user_version = {len(schema.SCHEMA)}; COMMIT;"
    )
    if version == schema.ROWS_WITH_UPLOADS:
        # No byte of a photo is left, neither in free pages nor in the -wal.
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is written inside, or nothing of it where anything is raised."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it by itself on a full disk
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise
