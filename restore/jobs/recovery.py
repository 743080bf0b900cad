"""What a crash left behind: read at the start, before the first request is taken.

    row                 files                   it happened               what follows
    none                upload in tmp/          before the commit         removed
    queued              upload                  after the 201             waits its turn
    queued, running     no upload               by somebody's hand        fails when it is its turn
    running             upload, work folder     in the work               runs again, vanished + 1
    running             result in outputs/      between promote and row   ends as succeeded
    succeeded, failed   upload, work folder     before they were removed  removed
    none, to be removed any file                in a cancel or retention  removed
    none                result in outputs/      somebody lost the table   stays, and the log says so
    none, new database  upload in tmp/          somebody lost the table   stays, and the log says so

`examine` looks at the rows that are running (few) and lists tmp/; it changes nothing. What may be
removed is removed by `sweep` later, beside a serving server: it goes by the list made before the
first upload. Running and ending jobs is the dispatcher's.

Rule 1: a photo is removed only because somebody meant it, never because no row knows it.
Rule 2: the start costs nothing per ended job.
"""

import asyncio
import logging
from typing import NamedTuple

from restore.contract import Job
from restore.jobs.run import erase
from restore.storage import Storage, StorageError, Store

SWEEP_BATCH = 200  # files looked up between two turns of the loop (2 ms)

log = logging.getLogger("restore")


class Finished(NamedTuple):
    """A job that is running by its row, and whose result is in outputs/."""

    job: Job
    name: str


class Remains(NamedTuple):
    """What a start finds: jobs to run again, to end, and (job id, name) of all that is in tmp/."""

    resumed: tuple[Job, ...]
    finished: tuple[Finished, ...]
    given_up: tuple[Job, ...]
    leftovers: tuple[tuple[str, str], ...]


def examine(store: Store, storage: Storage) -> Remains:
    """Sort what the last server left. Raises StorageError."""
    resumed, finished, given_up = [], [], []
    for row in store.running():
        job = row.vanish() if row.working else row
        output = storage.find_output(job.id)
        if output is not None:
            finished.append(Finished(row, output))
        elif job.given_up:
            given_up.append(job)
        else:
            resumed.append(job)
    leftovers = tuple(storage.leftovers())
    return Remains(tuple(resumed), tuple(finished), tuple(given_up), leftovers)


async def sweep(leftovers: tuple[tuple[str, str], ...], store: Store, storage: Storage) -> None:
    """Remove what no job needs any more; what can't be removed stays for the next start."""
    try:
        kept = 0
        for start in range(0, len(leftovers), SWEEP_BATCH):
            useless = []
            for job_id, name in leftovers[start : start + SWEEP_BATCH]:
                if store.is_new and name.endswith(".upload"):
                    kept += 1
                elif not _needed(store.get(job_id)):
                    useless.append(name)
            await asyncio.to_thread(_remove_leftovers, storage, useless)
        for job_id in store.removals():  # last, for a full disk stops it
            await asyncio.to_thread(erase, storage, job_id)
            await store.removed([job_id])
        if kept:
            log.warning(
                "%d uploads in tmp/ belong to no job: the database is new. They stay; move "
                "them away or put the former database back.",
                kept,
            )
        await _count_unknown_outputs(store, storage)
    except StorageError as error:
        log.warning("tidying up after the last server: %s", error)


def _needed(job: Job | None) -> bool:
    return job is not None and not job.ended


def _remove_leftovers(storage: Storage, names: list[str]) -> None:
    for name in names:
        storage.discard_leftover(name)


async def _count_unknown_outputs(store: Store, storage: Storage) -> None:
    unknown = 0
    batches = storage.output_ids(SWEEP_BATCH)
    while job_ids := await asyncio.to_thread(next, batches, None):
        unknown += len(set(job_ids) - store.known(job_ids))
    if unknown:
        log.warning(
            "%d results in %s/outputs belong to no job in the database. They stay, and nobody can "
            "fetch them: put the former database back, or move them away.",
            *(unknown, storage.root),
        )
