"""One job from its claim to its end: attempts, outcome, result, row, tidying up.

Which job runs when and where is the dispatcher's; what is tried how often stands in retry.

Rule 1: the row is durable before the work it speaks of begins.
Rule 2: a job that was promised waits for room on a full disk and doesn't fail of it.
Rule 3: a run ends in one of four ways only: its job succeeded, failed, was cancelled (the row is
    gone, and so is everything else), or was given back to the next start; each end is told once.

Every wait ends early on `cancel()` and `interrupt()`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeVar

from restore.contract import Job, JobStatus
from restore.jobs.events import Telemetry
from restore.jobs.retry import CAUSES, RETRIES, Cause, Retry, Rule, giving_up
from restore.pool import ChildDied, ChildError, ChildStalled, Slot
from restore.storage import OutputError, Storage, StorageError, Store
from restore.worker import Outcome, Task, run_job

GIVE_BACK_S = 2.0  # for the row of a job that a stop takes away; without it a vanish is counted
HIGHEST_LIVE_PROGRESS = 0.99  # 1.0 is said by success alone

T = TypeVar("T")
log = logging.getLogger("restore")


class Context(NamedTuple):
    """What all runs share. `job_timeout_s`: the longest time without progress, in seconds."""

    store: Store
    storage: Storage
    telemetry: Telemetry
    provider: str
    job_timeout_s: float
    clock: Callable[[], float]  # seconds since the epoch, for what people read
    ended: Callable[[str], None]  # told the id of a job whose end is durable


class _Setback(NamedTuple):
    """An attempt that came to no outcome."""

    cause: Cause
    detail: str


class _Cancelled(Exception):  # noqa: N818  (not a fault)
    """The job's row is gone: it was cancelled."""


class _Stopped(Exception):  # noqa: N818
    """The server stops: the job is left to the next start."""


class _Displaced(Exception):  # noqa: N818
    """The job's machine is gone: it goes on in another slot."""


class JobRun:
    """The run of one job that is queued or running. `perform` or one of the endings, once."""

    def __init__(self, job: Job, context: Context) -> None:
        self.job = job
        self._stored = job  # as it is in the database
        self._context = context
        self._slot: Slot | None = None  # while a call is under way on it
        self._call: asyncio.Future[Outcome] | None = None
        self._began = 0.0  # of the attempt under way, monotonic
        self._reached = job.progress  # the highest that anybody was told
        self._announced = 0  # the last attempt whose start is in the telemetry
        self._cores = 1
        self._cancelled = False
        self._interrupted = False
        self.displaced = False  # it has ended here, and the job is to have another slot
        self._wake = asyncio.Event()

    @property
    def progress(self) -> float:
        """How far the job is, 0.0..0.99; it never falls, over attempts too."""
        if self._slot is not None:
            self._reached = max(self._reached, min(self._slot.progress, HIGHEST_LIVE_PROGRESS))
        return self._reached

    @property
    def live(self) -> bool:
        """Whether its row says that it runs, and nobody has removed it."""
        return self._stored.status is JobStatus.RUNNING and not self._cancelled

    def cancel(self) -> None:
        """The job's row has been removed: stop the work and remove what is left of it."""
        self._cancelled = True
        self._wake_up()

    def interrupt(self) -> None:
        """The server stops: give the job back to the next start."""
        self._interrupted = True
        self._wake_up()

    def _wake_up(self) -> None:
        if self._wake.is_set():
            return  # A second cancel() would interrupt the killing of the child.
        self._wake.set()
        if self._call is not None:
            self._call.cancel()

    # -- the four ways to an end

    async def perform(self, slot: Slot, cores: int, release: Callable[[], None]) -> None:
        """Attempt the job on `slot` until it ends; `release` is called when the slot is free.

        `cores`: how many processes it may keep busy.
        """
        self._cores = cores
        await self._guarded(self._work(slot, release))

    async def finish(self, name: str) -> None:
        """End a job whose result was found in outputs/: the server vanished just before it."""
        await self._guarded(self._succeed(name, duration_ms=0))

    async def fail(self, error: str, detail: str) -> None:
        """End a job that can't be attempted (any more)."""
        await self._guarded(self._fail(Outcome(None, error, detail)))

    async def _guarded(self, work: Awaitable[None]) -> None:
        gone = False
        try:
            await work
        except _Stopped:
            await self._give_back()
        except _Cancelled:
            gone = self._context.store.get(self.job.id) is None
        except _Displaced:
            self.displaced = True
            return
        if gone or self._cancelled:
            log.info("job %s was cancelled", self.job.named)
            await self._discard(partial(erase, self._context.storage))

    async def _work(self, slot: Slot, release: Callable[[], None]) -> None:
        try:
            outcome = await self._attempt_until_outcome(slot)
        finally:
            release()
        if outcome.output is None:
            await self._fail(outcome)
            return
        promote = partial(self._promote, outcome.output, outcome.before)
        try:
            name = await self._with_room(lambda: asyncio.to_thread(promote))
        except OutputError as error:
            await self._fail(Outcome(None, "bad_output", str(error), outcome.note))
            return
        duration_ms = round((time.monotonic() - self._began) * 1000)
        await self._succeed(name, duration_ms, outcome.note)

    def _promote(self, output: str, before: str) -> str:
        """The result's name, once it lies in outputs/, and the picture of the upload in before/."""
        name = self._context.storage.promote(output, self.job.id)
        if before:
            self._context.storage.keep_before(before, self.job.id)
        return name

    # -- attempts

    async def _attempt_until_outcome(self, slot: Slot) -> Outcome:
        """Start the job until an attempt comes to an outcome, or no more may be made."""
        retries = {cause: Retry(cause) for cause in Cause}
        lasting: tuple[Cause, float] | None = None  # the latest setback, and since when
        detail = "none was left"
        while (error := giving_up(self.job)) is None:
            await self._save(self.job.start(self._context.clock()))
            result = await self._attempt(slot)
            if isinstance(result, Outcome):
                return result
            (cause, detail), now = result, time.monotonic()
            if lasting is None or lasting[0] is not cause:
                lasting = cause, now
            longer = RETRIES[cause].at_timeout
            if longer is not None and now - lasting[1] >= self._context.job_timeout_s:
                cause, lasting = longer, None
            self._set_back(RETRIES[cause], detail)
            if RETRIES[cause].elsewhere and giving_up(self.job) is None:
                await self._save(self.job)
                await self._pause(retries[cause].next_pause_s() or 0.0)
                raise _Displaced
            await self._pause(retries[cause].next_pause_s() or 0.0)
        return Outcome(None, error, f"{self.job.attempt} attempts; {detail}")

    def _set_back(self, rule: Rule, detail: str) -> None:
        """The job as it stands after an attempt that came to nothing, and a line in the log."""
        sentence = rule.sentence.format(attempt=self.job.attempt)
        log.warning("job %s %s: %s", self.job.named, sentence, detail)
        self.job = rule.step(self.job)

    async def _attempt(self, slot: Slot) -> Outcome | _Setback:
        """One call into the child."""
        job, storage = self.job, self._context.storage
        prepare = partial(storage.prepare_attempt, job.id, job.attempt)
        folder = await self._with_room(lambda: asyncio.to_thread(prepare))
        if not storage.has_upload(job.id):
            return Outcome(None, "storage", "the upload is missing")
        self._leave_if_ended()
        if job.attempt != self._announced:  # Not again where it waited for room or for a child.
            self._announced = job.attempt
            waited_s = self._context.clock() - job.created_at
            self._context.telemetry.started(job, waited_s)
        self._began = time.monotonic()
        try:
            outcome = await self._run_in_child(slot, self._task(folder))
        except ChildError as error:
            self._leave_if_ended()  # Then the child was killed by our own hand.
            if isinstance(error, ChildStalled):
                return Outcome(None, "timeout", error.detail)
            return _Setback(CAUSES[type(error)], error.detail)
        return _Setback(Cause.NO_ROOM, outcome.detail) if outcome.again else outcome

    async def _run_in_child(self, slot: Slot, task: Task) -> Outcome:
        timeout_s = self._context.job_timeout_s
        self._call = asyncio.ensure_future(
            slot.run(run_job, task, stall_s=timeout_s, job=self.job.named)
        )
        self._slot = slot
        try:
            return await self._call
        except asyncio.CancelledError:
            self._leave_if_ended()
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise
            raise ChildDied("its call was cancelled") from None
        finally:
            self._slot = self._call = None

    def _task(self, folder: str) -> Task:
        job = self.job
        return Task(
            job_id=job.id,
            attempt=job.attempt,
            upload=self._context.storage.upload_path(job.id),
            kind=job.source,
            folder=folder,
            provider=self._context.provider,
            model_id=job.spec.model_id,
            strength=job.spec.strength,
            upscale=job.spec.upscale,
            cores=self._cores,
        )

    # -- endings

    async def _succeed(self, name: str, duration_ms: int, note: str = "") -> None:
        await self._save(self.job.succeed(name, self._context.clock(), note))
        self._context.telemetry.succeeded(self.job, duration_ms)
        log.info("job %s succeeded in %d ms%s", self.job.named, duration_ms, note and f": {note}")
        await self._discard(self._context.storage.discard)

    async def _fail(self, outcome: Outcome) -> None:
        error = outcome.error or "provider_error"
        await self._save(self.job.fail(error, self._context.clock(), self.progress))
        self._context.telemetry.failed(self.job, error)
        behind = "\n" if "\n" in outcome.detail else ": "  # a traceback, or a reason
        note = outcome.note and f" ({outcome.note})"
        log.error("job %s failed: %s%s%s%s", self.job.named, error, note, behind, outcome.detail)
        await self._discard(self._context.storage.discard)

    async def _give_back(self) -> None:
        """Leave the job to the next start; where that can't be written, it counts as a vanish."""
        job = self.job.postpone() if self.job.working else self.job
        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(GIVE_BACK_S):
                await self._context.store.save(job, self._stored.status)

    async def _discard(self, remove: Callable[[str], None]) -> None:
        """Remove files of a job that has ended. What stays is removed at the next start."""
        retry = Retry(Cause.FILE_HELD)
        while True:
            try:
                await asyncio.to_thread(remove, self.job.id)
                if self._cancelled:
                    await self._context.store.removed([self.job.id])
                return
            except StorageError as error:
                log.warning("job %s: %s", self.job.named, error)
            if (pause_s := retry.next_pause_s()) is None:
                return
            await asyncio.sleep(pause_s)

    # -- steps that wait for room

    async def _save(self, job: Job) -> None:
        """Make the job's next state durable, however long that takes."""

        async def save() -> bool:
            saved = await self._context.store.save(job, self._stored.status)
            # A commit that reported an error may still have reached the disk.
            return saved or self._context.store.get(job.id) == job

        if not await self._with_room(save):
            raise _Cancelled
        self.job = self._stored = job
        if job.ended:
            self._context.ended(job.id)

    async def _with_room(self, step: Callable[[], Awaitable[T]]) -> T:
        """The result of `step`, tried again until it can be had."""
        retry, waits = Retry(Cause.NO_ROOM), False
        while True:
            try:
                return await step()
            except StorageError as error:
                if not waits:
                    log.warning("job %s waits for the disk: %s", self.job.named, error)
                waits = True
            await self._pause(retry.next_pause_s() or 0.0)

    async def _pause(self, pause_s: float) -> None:
        """Wait, unless the run is to end."""
        self._leave_if_ended()
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        self._leave_if_ended()

    def _leave_if_ended(self) -> None:
        if self._cancelled:
            raise _Cancelled
        if self._interrupted:
            raise _Stopped


def erase(storage: Storage, job_id: str) -> None:
    """Remove every file of a job, its result too. Raises StorageError if something stays."""
    storage.discard_output(job_id)
    storage.discard(job_id)
