"""The database file: opened, checked, brought to this version; its errors as ours.

What is in it, and who writes it when, is jobstore's. The rule kept here: a commit is on the platter
when it returns, and a file whose jobs are damaged, that is foreign or of a newer server stops the
start.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from restore.contract import MIB
from restore.storage import schema

_APPLICATION_ID = 0x52535452  # "RSTR" in the file's header: a restore job store
_CHECK_BYTES = 8 * MIB  # a database up to this size is checked whole at the start (20 ms)
_FREE_PAGES = 256  # given back to the file system by one transaction
_WAL_BYTES = 8 * MIB  # the -wal file is cut to this after a burst

log = logging.getLogger("restore")


class StoreError(Exception):
    """The database can't be read or written now: one sentence; the cause holds the detail."""


def code_of(error: BaseException | None) -> int:
    """SQLite's primary result code (sqlite.org/rescode.html); 0 where `error` has none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def spoilt(error: BaseException | None) -> bool:
    """Whether what was to be read is lost: a damaged page, a sector that the disk can't read."""
    unreadable = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ)
    return (
        code_of(error) == sqlite3.SQLITE_CORRUPT
        or getattr(error, "sqlite_errorcode", 0) in unreadable
    )


def store_error(sentence: str, error: Exception) -> StoreError:
    """`sentence` and the reason in `error`, which becomes the cause."""
    failure = StoreError(f"{sentence}: {str(error).rstrip('.')}.")
    failure.__cause__ = error
    return failure


@contextmanager
def failing(sentence: str) -> Iterator[None]:
    """Turn SQLite's errors inside into a StoreError: `sentence` and SQLite's reason."""
    try:
        yield
    except (sqlite3.Error, ValueError) as error:  # ValueError: a row that somebody else wrote
        raise store_error(sentence, error) from error


def connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """A connection for any one thread at a time, that waits `busy_s` seconds for a lock.

    Raises sqlite3.Error.
    """
    connection = sqlite3.connect(
        path, timeout=busy_s, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        # A photo leaves no copy in free pages; the -wal may hold one until it is written over.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: past the drive's cache
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> bool:
    """Check whose database this is, and bring its schema to the version of this server.

    False where the uploads in it are damaged: they may be read, but a page that one of them gives
    back may be another's.

    Raises StoreError with the sentence to stop the start with, sqlite3.Error and OSError.
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
        raise StoreError(f"The database {path} belongs to another program.")
    if version > len(schema.SCHEMA):
        raise StoreError(
            f"The database {path} was written by a newer version of this server "
            f"(its version is {version}; this server knows {len(schema.SCHEMA)})."
        )
    if not tables:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only before the first table
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreError(f"The database {path} is on a file system that can't hold it safely.")
    sound = path.stat().st_size > _CHECK_BYTES or _is_sound(connection, path, version)
    if version < len(schema.SCHEMA):
        connection.executescript(
            f"BEGIN IMMEDIATE; {''.join(schema.SCHEMA[version:])}"
            f" PRAGMA application_id = {_APPLICATION_ID};"
            f" PRAGMA user_version = {len(schema.SCHEMA)}; COMMIT;"
        )
    return sound


def _is_sound(connection: sqlite3.Connection, path: Path, version: int) -> bool:
    """False where uploads are damaged, which costs single photos; StoreError for all other."""

    def finding(of: str) -> str:
        """The first that SQLite finds; before 3.33 it knows no tables and looks at all of it."""
        try:
            (text,) = connection.execute(f"PRAGMA quick_check({of})").fetchone()
        except sqlite3.DatabaseError as error:
            if not spoilt(error):
                raise
            text = str(error)
        return " ".join(text.split())

    found = finding("1")
    if found == "ok":
        return True
    if version < 2 or finding("jobs") != "ok" or finding("uploads") == "ok":
        raise StoreError(f"The database {path} is damaged: {found}.")
    log.error("the database is damaged among the uploads, which stay as they are: %s", found)
    return False


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


def give_back_pages(connection: sqlite3.Connection, spare: int) -> bool:
    """Let the file shrink by some of the free pages beyond `spare`; whether more are left.

    Raises sqlite3.Error, without a wait where another program holds the database.
    """
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    if free <= spare:
        return False
    (busy_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        with transaction(connection):
            for _ in range(min(free - spare, _FREE_PAGES)):
                # One page each: Python takes one step of a statement without columns (to 3.13).
                connection.execute("PRAGMA incremental_vacuum(1)")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
    return free - spare > _FREE_PAGES
