"""What lasts: the files of STORAGE_DIR and the jobs in SQLite.

It knows what a job is, and no HTTP, no picture and no process.

    files      results, work folders, the lock, and the folder as a whole
    uploads    one upload on its way to disk
    disk       writing such that it lasts: sync, rename, private modes
    threads    file operations on threads, awaited on the event loop
    protocol   what callers need of a store of jobs
    jobstore   the jobs, read on the loop and written by one thread
    schema     the jobs' tables as SQL and rows
    database   connections, versions and checks of SQLite
    errors     what can go wrong, as one tree
"""

from restore.storage.errors import OutputError, StorageError
from restore.storage.files import Storage
from restore.storage.jobstore import JobStore
from restore.storage.protocol import Store
from restore.storage.schema import Key
from restore.storage.threads import FileThreads, end
from restore.storage.uploads import Chunk, Upload

__all__ = [
    "Chunk",
    "FileThreads",
    "JobStore",
    "Key",
    "OutputError",
    "Storage",
    "StorageError",
    "Store",
    "Upload",
    "end",
]
