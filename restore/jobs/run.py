"""One job from its claim to its end: attempts, outcome, result, row, tidying up.

Which job runs when and where is the dispatcher's. The rules kept here: the row is on disk before
the work it speaks of begins; a job that was promised waits for room on a full disk and doesn't fail
of it; each end is told once; and a run ends in one of four ways only: its job succeeded, failed,
was cancelled (the row is gone, and so is everything else), or was given back to the next start.

Every wait ends early on `cancel()` and `interrupt()`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeVar

from restore.contract import MAX_ATTEMPTS, Job
from restore.jobs.events import Telemetry
from restore.pool import ChildDied, ChildNotStarted, ChildStalled, Slot
from restore.storage import (
    STORAGE_GONE_S,
    JobStore,
    OutputError,
    Storage,
    StorageError,
    StorageGoneError,
    StoreError,
)
from restore.worker import Outcome, Task, run_job

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 15.0  # between two tries at what a full disk refused
DEATH_PAUSE_S = 0.1  # before the next attempt, so that a short lack of memory isn't met thrice
MAX_LOSSES = 10  # of its files under its hands, after which a job fails
TIDY_PAUSES_S = (0.1, 0.5, 2.0, 0.0)  # after each try to remove files that a dying child may hold
GIVE_BACK_S = 2.0  # for the row of a job that a stop takes away; without it a vanish is counted
HIGHEST_LIVE_PROGRESS = 0.99  # 1.0 is said by success alone

_MISSING = Outcome(None, "storage", "the upload is missing")

T = TypeVar("T")
log = logging.getLogger("restore")


class Surroundings(NamedTuple):
    """What all runs share. `job_timeout_s`: the longest time without progress, in seconds."""

    store: JobStore
    storage: Storage
    telemetry: Telemetry
    provider: str
    job_timeout_s: float
    clock: Callable[[], float]  # seconds since the epoch


class _Cancelled(Exception):  # noqa: N818  (not a fault)
    """The job's row is gone: it was cancelled."""


class _Stopped(Exception):  # noqa: N818
    """The server stops: the job is left to the next start."""


class JobRun:
    """The run of one job that is queued or running. `perform` or one of the endings, once."""

    def __init__(self, job: Job, around: Surroundings) -> None:
        self.job = job
        self._stored = job  # as it is in the database
        self._around = around
        self._slot: Slot | None = None  # while a call is under way on it
        self._call: asyncio.Future[Outcome] | None = None
        self._began = 0.0  # of the attempt under way, monotonic
        self._reached = job.progress  # the highest that anybody was told
        self._told = 0  # the last attempt whose start was told
        self._cores = 1
        self._cancelled = False
        self._interrupted = False
        self._nudge = asyncio.Event()

    @property
    def progress(self) -> float:
        """How far the job is, 0.0..0.99; it never falls, over attempts too."""
        if self._slot is not None:
            self._reached = max(self._reached, min(self._slot.progress, HIGHEST_LIVE_PROGRESS))
        return self._reached

    def cancel(self) -> None:
        """The job's row has been removed: stop the work and remove what is left of it."""
        self._cancelled = True
        self._wake_up()

    def interrupt(self) -> None:
        """The server stops: give the job back to the next start."""
        self._interrupted = True
        self._wake_up()

    def _wake_up(self) -> None:
        if self._nudge.is_set():
            return  # a second cancel() would interrupt the killing of the child
        self._nudge.set()
        if self._call is not None:
            self._call.cancel()

    # -- the ways through

    async def perform(self, slot: Slot, cores: int, release: Callable[[], None]) -> None:
        """Attempt the job on `slot` until it ends; `release` is called when the slot is free.

        `cores`: how many processes it may keep busy.
        """
        self._cores = cores
        await self._guarded(self._work(slot, release))

    async def finish(self, name: str, size: int) -> None:
        """End a job whose result was found in outputs/: the server vanished just before it."""
        await self._guarded(self._succeed(name, size, duration_ms=0))

    async def fail(self, error: str, detail: str) -> None:
        """End a job that can't be attempted (any more)."""
        await self._guarded(self._fail(Outcome(None, error, detail)))

    async def _guarded(self, way: Awaitable[None]) -> None:
        gone = False
        try:
            await way
        except _Stopped:
            await self._give_back()
        except _Cancelled:
            gone = self._around.store.get(self.job.id) is None
        if gone or self._cancelled:
            log.info("job %s was cancelled", self.job.id)
            await self._tidy(self._around.storage.discard_output)
            await self._tidy(self._around.storage.discard)

    async def _work(self, slot: Slot, release: Callable[[], None]) -> None:
        try:
            outcome = await self._attempt_until_outcome(slot)
        except StorageGoneError as error:
            outcome = Outcome(None, "storage", str(error))
        finally:
            release()
        if outcome.output is None:
            await self._fail(outcome)
            return
        promote = partial(self._around.storage.promote, outcome.output, self.job.id)
        try:
            name, size = await self._with_room(lambda: asyncio.to_thread(promote))
        except (OutputError, StorageGoneError) as error:
            code = "bad_output" if isinstance(error, OutputError) else "storage"
            await self._fail(Outcome(None, code, str(error), outcome.note))
            return
        duration_ms = round((time.monotonic() - self._began) * 1000)
        await self._succeed(name, size, duration_ms, outcome.note)

    # -- attempts

    async def _attempt_until_outcome(self, slot: Slot) -> Outcome:
        """Start the job until an attempt comes to an outcome that is one.

        One that found the disk full, or lost its files under its hands, is none.
        """
        pause_s, losses = FIRST_PAUSE_S, 0
        while self.job.attempt < MAX_ATTEMPTS:
            await self._save(self.job.start())
            try:
                outcome = await self._attempt_with_child(slot)
            except ChildStalled as error:
                return Outcome(None, "timeout", error.detail)
            except ChildDied as error:
                self._lose_worker(error.detail)
                await self._pause(DEATH_PAUSE_S)
                continue
            lost = outcome.error == "storage" and outcome is not _MISSING
            if not outcome.again and (not lost or losses == MAX_LOSSES):
                return outcome
            if outcome.again:
                log.warning("job %s waits for room on the disk", self.job.id)
            else:
                losses += 1
                log.warning("job %s lost its files: %s", self.job.id, outcome.detail)
            self.job = self.job.postpone()
            pause_s = await self._pause(pause_s)
        return Outcome(None, "worker_died", f"{self.job.attempt} attempts")

    def _lose_worker(self, detail: str) -> None:
        self.job = self.job.lose_worker()
        log.warning(
            "job %s: its worker died in attempt %d of %d: %s",
            *(self.job.id, self.job.attempt, MAX_ATTEMPTS, detail),
        )

    async def _attempt_with_child(self, slot: Slot) -> Outcome:
        """One attempt, for which a child can be had.

        A machine that is short of processes or memory for a moment would otherwise fail its whole
        queue, three attempts a job: so each waits for a child, as long as a job may stand still.
        """
        pause_s, end = FIRST_PAUSE_S, time.monotonic() + self._around.job_timeout_s
        while True:
            try:
                return await self._attempt(slot)
            except ChildNotStarted as error:
                if time.monotonic() >= end:
                    raise
                log.warning("job %s waits for a worker: %s", self.job.id, error.detail)
            pause_s = await self._pause(pause_s)

    async def _attempt(self, slot: Slot) -> Outcome:
        """One call into the child. Raises ChildDied and ChildStalled."""
        job = self.job
        laid_out = await self._with_room(self._lay_out)
        if laid_out is None:
            return _MISSING
        self._leave_if_told()
        if job.attempt != self._told:  # not again where it waited for room or for a child
            self._told = job.attempt
            self._around.telemetry.started(job.id, job.attempt)
        self._began = time.monotonic()
        timeout_s = self._around.job_timeout_s
        self._call = asyncio.ensure_future(
            slot.run(run_job, self._task(*laid_out), stall_s=timeout_s, job=job.id)
        )
        self._slot = slot
        try:
            return await self._call
        except (ChildDied, ChildStalled):
            self._leave_if_told()  # then the child was killed by our own hand
            raise
        except asyncio.CancelledError:
            self._leave_if_told()
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise
            raise ChildDied("its call was cancelled") from None
        finally:
            self._slot = self._call = None

    async def _lay_out(self) -> tuple[str, str] | None:
        """Where the upload lies, and a folder for one attempt; None where it is gone."""
        job, storage = self.job, self._around.storage
        image = self._around.store.upload(job.id)
        if image is None and not storage.has_upload(job.id):
            storage.mend()  # gone itself, or with the whole folder?
            return None
        return await asyncio.to_thread(storage.lay_out, job.id, job.attempt, image)

    def _task(self, upload: str, folder: str) -> Task:
        job = self.job
        return Task(
            job_id=job.id,
            attempt=job.attempt,
            upload=upload,
            kind=job.source,
            folder=folder,
            provider=self._around.provider,
            model_id=job.spec.model_id,
            strength=job.spec.strength,
            upscale=job.spec.upscale,
            cores=self._cores,
        )

    # -- endings

    async def _succeed(self, name: str, size: int, duration_ms: int, note: str = "") -> None:
        await self._save(self.job.succeed(name, size, self._around.clock()))
        self._around.telemetry.succeeded(self.job.id, duration_ms)
        log.info("job %s succeeded in %d ms%s", self.job.id, duration_ms, note and f": {note}")
        await self._tidy(self._around.storage.discard)

    async def _fail(self, outcome: Outcome) -> None:
        error = outcome.error or "provider_error"
        await self._save(self.job.fail(error, self._around.clock(), self.progress))
        self._around.telemetry.failed(self.job.id, error)
        log.error(
            "job %s failed: %s%s\n%s",
            *(self.job.id, error, outcome.note and f" ({outcome.note})", outcome.detail),
        )
        await self._tidy(self._around.storage.discard)

    async def _give_back(self) -> None:
        """Leave the job to the next start; where that can't be written, it counts as a vanish."""
        job = self.job.postpone() if self.job.working else self.job
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(GIVE_BACK_S):
                await self._around.store.save(job, self._stored.status)

    async def _tidy(self, remove: Callable[[str], None]) -> None:
        """Remove files of a job that has ended. What stays is removed at the next start."""
        for pause_s in TIDY_PAUSES_S:
            try:
                await asyncio.to_thread(remove, self.job.id)
                return
            except StorageError as error:
                log.warning("job %s: %s", self.job.id, error)
            await asyncio.sleep(pause_s)

    # -- steps that a full disk holds up

    async def _save(self, job: Job) -> None:
        """Bring the job's next state to disk, however long that takes."""

        async def save() -> bool:
            saved = await self._around.store.save(job, self._stored.status)
            # A commit that reported an error may still have reached the disk.
            return saved or self._around.store.get(job.id) == job

        if not await self._with_room(save):
            raise _Cancelled
        self.job = self._stored = job

    async def _with_room(self, step: Callable[[], Awaitable[T]]) -> T:
        """The result of `step`, tried again until there is room for it.

        Raises StorageGoneError where STORAGE_DIR has been away for too long.
        """
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await step()
            except (StorageError, StoreError) as error:
                if isinstance(error, StorageGoneError) and error.gone_s >= STORAGE_GONE_S:
                    raise
                if pause_s == FIRST_PAUSE_S:
                    log.warning("job %s waits for the disk: %s", self.job.id, error)
            pause_s = await self._pause(pause_s)

    async def _pause(self, seconds: float) -> float:
        """Wait, unless told to leave; results in how long to wait the next time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudge.wait()
        self._leave_if_told()
        return min(2 * seconds, LONGEST_PAUSE_S)

    def _leave_if_told(self) -> None:
        if self._cancelled:
            raise _Cancelled
        if self._interrupted:
            raise _Stopped
