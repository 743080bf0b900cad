"""What lasts: the files of STORAGE_DIR and the jobs in SQLite.

It knows what a job is and no HTTP, no picture and no process.

    files      uploads, work folders, results, the lock
    disk       writing such that it lasts: sync, rename, private modes
    threads    file operations on threads, awaited on the event loop
    futures    ending a future that nobody may wait for any more
    jobstore   the jobs, read on the loop and written by one thread
    schema     the jobs' table as SQL and rows
    database   connections, versions and errors of SQLite
    errors     what can go wrong
    limits     how long what may pass is waited for
"""

from restore.storage.database import StoreError, spoilt
from restore.storage.errors import OutputError, StorageError, StorageGoneError
from restore.storage.files import Storage, UploadFile
from restore.storage.futures import end
from restore.storage.jobstore import JobStore
from restore.storage.limits import STORAGE_GONE_S
from restore.storage.threads import FileThreads

__all__ = [
    "STORAGE_GONE_S",
    "FileThreads",
    "JobStore",
    "OutputError",
    "Storage",
    "StorageError",
    "StorageGoneError",
    "StoreError",
    "UploadFile",
    "end",
    "spoilt",
]
