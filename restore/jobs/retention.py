"""Removes jobs and results that ended longer ago than they are kept.

The row goes first, and from the same commit on the files are meant to go; so a crash between the
two leaves no photo behind. In small batches, beside the serving server.

Rule 1: nothing is removed early. A machine whose clock is set while the server lives has two
    opinions of the time; an end is written by the later of them, and judged by the earlier.
Rule 2: nothing stays for ever. What ended in the future, by a clock that was wrong, goes once this
    server has lived for as long as jobs are kept.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from restore.contract import Job
from restore.jobs.run import erase
from restore.storage import Storage, StorageError, Store

HOUR_S = 3600.0
BATCH = 100  # jobs removed at once
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 0.5, 60.0  # between two looks
PERIODS = 10  # a job is kept at most a tenth longer than it should be, or LONGEST_PERIOD_S
KEYS_KEPT_S = 24 * HOUR_S  # an Idempotency-Key is remembered for so long

log = logging.getLogger("restore")


class Clock:
    """Seconds since the epoch, by the machine's clock and by one that only goes on evenly.

    The even one begins with what the machine's clock said at the start; setting that doesn't move
    it. Sleep of the machine is counted on Linux only.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, even: Callable[[], float] | None = None
    ) -> None:
        self._wall = wall
        self._even = even or _since_boot
        self._began = self._even()
        self._offset = wall() - self._began

    def latest(self) -> float:
        """The later of the two: for writing down when something ended."""
        return max(self._wall(), self._offset + self._even())

    def earliest(self) -> float:
        """The earlier of the two: for judging whether something may go."""
        return min(self._wall(), self._offset + self._even())

    def uptime_s(self) -> float:
        """Seconds since the start."""
        return self._even() - self._began


def _since_boot() -> float:
    boot_clock: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(boot_clock)


class Retention:
    """Keeps ended jobs for `hours`; 0 keeps them for ever."""

    def __init__(self, store: Store, storage: Storage, hours: float, clock: Clock) -> None:
        self._store = store
        self._storage = storage
        self._keep_s = hours * HOUR_S
        self._clock = clock
        self._found_until = clock.latest()  # what ended later than this was there before the start
        self._newest_found = -1  # and is no newer than this job

    async def run(self) -> None:
        """Remove what is due, again and again, until cancelled."""
        shortest = self._keep_s / PERIODS if self._keep_s else LONGEST_PERIOD_S
        period_s = min(max(SHORTEST_PERIOD_S, shortest), LONGEST_PERIOD_S)
        while True:
            try:
                if self._keep_s:
                    await self.remove_due()
                await self._store.drop_keys(self._clock.earliest() - KEYS_KEPT_S)
            except Exception as error:  # Whatever it is, the next look may fare better.
                expected = isinstance(error, StorageError)
                log.warning("removing old jobs: %s", error, exc_info=not expected)
            await asyncio.sleep(period_s)

    async def remove_due(self) -> int:
        """Remove all that is due now; results in how many jobs. Raises StorageError."""
        if self._newest_found < 0:
            self._newest_found = self._store.newest()
        removed = await self._remove(
            lambda: self._store.expired(self._clock.earliest() - self._keep_s, BATCH)
        )
        if self._clock.uptime_s() > self._keep_s:
            until, newest = self._found_until, self._newest_found
            removed += await self._remove(lambda: self._store.misdated(until, newest, BATCH))
        if removed:
            log.info("removed %d jobs that ended over %g hours ago", removed, self._keep_s / HOUR_S)
        return removed

    async def _remove(self, find: Callable[[], list[Job]]) -> int:
        removed = 0
        while due := find():
            job_ids = [job.id for job in due]
            await asyncio.gather(*map(self._store.delete, job_ids))
            await asyncio.to_thread(self._erase, job_ids)
            await self._store.removed(job_ids)
            removed += len(due)
        return removed

    def _erase(self, job_ids: list[str]) -> None:
        for job_id in job_ids:
            erase(self._storage, job_id)
