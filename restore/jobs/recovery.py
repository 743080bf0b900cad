"""What a crash left behind: read at the start, before the first request is taken.

    row                 files                   it happened               what follows
    none                upload in tmp/          before the commit         removed
    queued              upload                  after the 201             waits its turn
    queued, running     no upload               by somebody's hand        fails when it is its turn
    running             upload, work folder     in the work               runs again, vanished + 1
    running             result in outputs/      between promote and row   ends as succeeded
    succeeded, failed   upload, work folder     before they were removed  removed
    none                result in outputs/      in a cancel or retention  removed

A small upload is kept with its row instead of in tmp/, from the same commit on.
`examine` looks at the rows that are running (few) and lists tmp/; it changes nothing. What may be
removed is removed by `sweep` later, beside a serving server: it goes by the list made before the
first upload, and a result whose row is gone never gets it back. Running and ending jobs is the
dispatcher's. The rule kept here: the start costs nothing per ended job.
"""

import asyncio
import logging
from typing import NamedTuple

from restore.contract import MAX_VANISHED, Job
from restore.storage import JobStore, Storage, StorageError, StoreError

SWEEP_BATCH = 200  # files looked up between two turns of the loop (2 ms)

log = logging.getLogger("restore")


class Finished(NamedTuple):
    """A job that is running by its row, and whose result of `size` bytes is in outputs/."""

    job: Job
    name: str
    size: int


class Remains(NamedTuple):
    """What a start finds: jobs to run again, to end, and (job id, name) of all that is in tmp/."""

    resumed: tuple[Job, ...]
    finished: tuple[Finished, ...]
    given_up: tuple[Job, ...]
    leftovers: tuple[tuple[str, str], ...]


def examine(store: JobStore, storage: Storage) -> Remains:
    """Sort what the last server left. Raises StoreError, StorageError."""
    resumed, finished, given_up = [], [], []
    for row in store.running():
        job = row.vanish() if row.working else row
        output = storage.find_output(job.id)
        if output is not None:
            finished.append(Finished(row, *output))
        elif job.vanished > MAX_VANISHED:
            given_up.append(job)
        else:
            resumed.append(job)
    leftovers = tuple(storage.leftovers())
    return Remains(tuple(resumed), tuple(finished), tuple(given_up), leftovers)


async def sweep(leftovers: tuple[tuple[str, str], ...], store: JobStore, storage: Storage) -> None:
    """Remove what no job needs any more; what can't be removed stays for the next start."""
    try:
        for start in range(0, len(leftovers), SWEEP_BATCH):
            useless = [
                name
                for job_id, name in leftovers[start : start + SWEEP_BATCH]
                if not _needed(store.get(job_id))
            ]
            await asyncio.to_thread(_remove_leftovers, storage, useless)
        await store.sweep_uploads()
        await _sweep_outputs(store, storage)
    except (StoreError, StorageError) as error:
        log.warning("tidying up after the last server: %s", error)


def _needed(job: Job | None) -> bool:
    return job is not None and not job.ended


def _remove_leftovers(storage: Storage, names: list[str]) -> None:
    for name in names:
        storage.discard_leftover(name)


async def _sweep_outputs(store: JobStore, storage: Storage) -> None:
    batches = storage.output_ids(SWEEP_BATCH)
    while job_ids := await asyncio.to_thread(next, batches, None):
        orphans = set(job_ids) - store.known(job_ids)
        for job_id in orphans:
            await asyncio.to_thread(storage.discard_output, job_id)
