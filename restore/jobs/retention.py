"""Removes jobs and results that ended longer ago than they are kept.

The row goes first, then the result, in small batches beside the serving server; the store gives
the freed pages back, so that disk and database stay flat. The rule kept here: a clock that jumps
removes nothing early while the server lives, for it counts evenly from its start (SteadyClock).
"""

import asyncio
import logging
import time
from collections.abc import Callable

from restore.storage import JobStore, Storage, StorageError, StoreError

HOUR_S = 3600.0
BATCH = 100  # jobs removed in one transaction
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 0.5, 60.0  # between two looks
PERIODS = 10  # a job is kept at most a tenth longer than it should be, or LONGEST_PERIOD_S

log = logging.getLogger("restore")


class SteadyClock:
    """Seconds since the epoch as the clock of the start said, going on evenly from there.

    Setting the machine's clock doesn't move it; it is set anew at the next start. Sleep of the
    machine is counted on Linux, elsewhere jobs are kept for so much longer.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, even: Callable[[], float] | None = None
    ) -> None:
        self._even = even or _since_boot
        self._offset = wall() - self._even()

    def __call__(self) -> float:
        return self._offset + self._even()


def _since_boot() -> float:
    boot_clock: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(boot_clock)


class Retention:
    """Keeps ended jobs for `hours`; 0 keeps them for ever. `clock`: seconds since the epoch."""

    def __init__(
        self, store: JobStore, storage: Storage, hours: float, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._storage = storage
        self._keep_s = hours * HOUR_S
        self._clock = clock

    async def run(self) -> None:
        """Remove what is due, again and again, until cancelled."""
        if not self._keep_s:
            return
        period_s = min(max(SHORTEST_PERIOD_S, self._keep_s / PERIODS), LONGEST_PERIOD_S)
        bounded = False
        while True:
            try:
                if not bounded:  # an end in the future, by a clock that was wrong, would never come
                    await self._store.bound_ends(self._clock())
                    bounded = True
                await self.remove_due()
            except Exception as error:  # whatever it is, the next look may fare better
                expected = isinstance(error, StoreError | StorageError)
                log.warning("removing old jobs: %s", error, exc_info=not expected)
            await asyncio.sleep(period_s)

    async def remove_due(self) -> int:
        """Remove all that is due now; results in how many jobs. Raises StoreError, StorageError."""
        removed = 0
        while due := self._store.expired(self._clock() - self._keep_s, BATCH):
            job_ids = [job.id for job in due]
            await asyncio.gather(*map(self._store.delete, job_ids))
            await asyncio.to_thread(self._remove_outputs, job_ids)
            removed += len(due)
        if removed:
            log.info("removed %d jobs that ended over %g hours ago", removed, self._keep_s / HOUR_S)
        return removed

    def _remove_outputs(self, job_ids: list[str]) -> None:
        for job_id in job_ids:
            self._storage.discard_output(job_id)
