"""What can go wrong with what lasts, as one tree.

    StorageError          the files or the database can't be used now, which may pass
        FilesError        the files
        DatabaseError     the database
    OutputError           what a job produced can't become its result

A caller knows no more than StorageError; the two below it say in the log where to look.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class StorageError(Exception):
    """What lasts can't be read or written now: one sentence without a path, with its cause."""


class FilesError(StorageError):
    """A file or folder of STORAGE_DIR can't be used or written now."""


class DatabaseError(StorageError):
    """The database can't be read or written now."""


class OutputError(Exception):
    """What a job produced is no file that could become its result. Trying again changes nothing."""


@contextmanager
def failing_files(sentence: str) -> Iterator[None]:
    """Turn an OSError into a FilesError: `sentence` and the system's reason, no path."""
    try:
        yield
    except OSError as error:
        raise FilesError(f"{sentence}: {error.strerror or 'unknown reason'}.") from error
