"""Which job runs when and where: slots, memory, order, cancel, stop.

Woken by events, never polling. What happens to one job is run's.

Rule 1: jobs start in the order of their arrival, those that the last server left first.
Rule 2: the jobs in work stay under the memory budget together, and a job that doesn't fit yet is
    not overtaken.
Rule 3: whatever happens to one job, the others go on.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from restore.contract import MIB, Job, JobState, JobStatus
from restore.jobs import budget, recovery
from restore.jobs.events import Telemetry
from restore.jobs.retention import Clock, Retention
from restore.jobs.retry import RETRIES, Cause, Retry
from restore.jobs.run import GIVE_BACK_S, Context, JobRun, erase
from restore.pool import KILL_WAIT_S, Machine, Pool, Slot
from restore.storage import Storage, StorageError, Store

RUNS_PER_SLOT = 4  # one works while the results of others are brought to disk
QUEUE_PAUSE_S = 1.0  # before the queue is looked at again after an error

log = logging.getLogger("restore")


class Dispatcher:
    """Runs the jobs of `store` on the slots of `pool`.

    `job_timeout_s`: the longest a job's progress may stand still; `retention_hours`: how long ended
    jobs are kept, 0 for ever. Memory and cores are each machine's own.
    """

    def __init__(
        self,
        store: Store,
        storage: Storage,
        pool: Pool,
        telemetry: Telemetry,
        *,
        provider: str,
        job_timeout_s: float,
        retention_hours: float,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or Clock()
        self._store = store
        self._storage = storage
        self._model_bytes: Mapping[str, int] = {}
        timeout_s = job_timeout_s
        self._context = Context(
            store, storage, telemetry, provider, timeout_s, clock.latest, self._tell_end
        )
        self._retention = Retention(store, storage, retention_hours, clock)
        self._pool = pool
        self._free = list(pool.slots)
        pool.on_change(self._look_at_slots)
        self._held: dict[str, tuple[Slot, int]] = {}  # slots and MiB of the jobs that have them
        self._runs: dict[str, JobRun] = {}
        self._resumed: deque[Job] = deque()  # running by their rows, waiting for a slot
        self._leftovers: tuple[tuple[str, str], ...] = ()
        self._tasks: dict[str, asyncio.Task[None]] = {}  # of the runs, by job
        self._background: set[asyncio.Task[None]] = set()  # sweep and retention
        self._cancels: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None  # after the start
        self._dispatching = self._stopping = False
        self._started = False
        self._listener: Callable[[str], None] | None = None

    # -- the start

    async def recover(self) -> None:
        """Take over what the last server left: before the first request, and before `start`.

        Raises StorageError.
        """
        remains = await asyncio.to_thread(recovery.examine, self._store, self._storage)
        self._resumed.extend(remains.resumed)
        self._leftovers = remains.leftovers
        for found in remains.finished:
            run = JobRun(found.job, self._context)
            self._begin(run, partial(run.finish, found.name))
        for job in remains.given_up:
            run = JobRun(job, self._context)
            detail = f"{job.vanished} servers vanished under it"
            self._begin(run, partial(run.fail, RETRIES[Cause.SERVER_VANISHED].error, detail))

    def start(self) -> None:
        """Begin to run jobs; needs a running loop."""
        self._started = True
        leftovers, self._leftovers = self._leftovers, ()
        sweep = recovery.sweep(leftovers, self._store, self._storage)
        self._sweeping = _spawn(sweep, self._background)
        _spawn(self._retention.run(), self._background)
        self.wake()

    # -- while it serves

    def wake(self) -> None:
        """There may be something to start: a job was added, a slot or memory is free again."""
        if self._started and not self._stopping and not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def progress(self, job_id: str) -> float:
        """How far a running job is, 0.0..0.99. It never falls while the server lives."""
        run = self._runs.get(job_id)
        if run is not None:
            return run.progress
        return next((job.progress for job in self._resumed if job.id == job_id), 0.0)

    def live(self, job_id: str) -> JobState | None:
        """What the row of a job in work says, without asking for it: polls come often."""
        run = self._runs.get(job_id)
        if run is None or not run.live:
            return None
        return JobState(JobStatus.RUNNING, run.progress, None, None)

    def on_end(self, listener: Callable[[str], None]) -> None:
        """Have `listener` told the id of each job that has ended or was cancelled, once durable."""
        self._listener = listener

    def _tell_end(self, job_id: str) -> None:
        if self._listener is not None:
            self._listener(job_id)

    async def cancel(self, job_id: str) -> None:
        """Stop the job, remove its row, upload, work and result; nothing to do is fine.

        Goes on to its end even where the caller is cancelled. Raises StorageError; then nothing
        happened.
        """
        await asyncio.shield(_spawn(self._cancel(job_id), self._cancels))

    def pause(self) -> None:
        """Start no further job; what runs goes on. The first step of a stop."""
        self._stopping = True

    async def stop(self, grace_s: float) -> None:
        """Start nothing more, give what runs `grace_s` seconds, leave the rest to the next start.

        Bounded: a little over `grace_s`, KILL_WAIT_S and GIVE_BACK_S together.
        """
        self.pause()
        await _finished(self._tasks.values(), grace_s)
        for run in self._runs.values():
            run.interrupt()
        ending = [*self._tasks.values(), *self._cancels]
        await _finished(ending, KILL_WAIT_S + GIVE_BACK_S)
        others = [*ending, *self._background]
        for task in others:
            task.cancel()
        await _finished(others, KILL_WAIT_S)

    # -- starting runs

    def _dispatch(self) -> None:
        """Start what may start now. Without a wait, so that nothing changes meanwhile."""
        self._dispatching = False
        try:
            while self._free and not self._stopping:
                job = self._next() if len(self._runs) < self._most_runs else None
                if job is None or not self._launch(job):
                    return
        except Exception:
            log.exception("the next job can't be started now")
            asyncio.get_running_loop().call_later(QUEUE_PAUSE_S, self.wake)

    def _next(self) -> Job | None:
        if self._resumed:
            return self._resumed[0]
        being_claimed = [
            job_id for job_id, run in self._runs.items() if run.job.status is JobStatus.QUEUED
        ]
        return self._store.next_queued(being_claimed)

    @property
    def has_slots(self) -> bool:
        """Whether there is any place to work; jobs wait where there is none."""
        return bool(self._pool.slots)

    def expect(self, model_bytes: Mapping[str, int]) -> None:
        """Count with so many bytes more for each job of these models (by their ids)."""
        self._model_bytes = dict(model_bytes)

    @property
    def _most_runs(self) -> int:
        return RUNS_PER_SLOT * len(self._pool.slots)

    def _look_at_slots(self) -> None:
        """Slots came or went."""
        held = {slot for slot, _ in self._held.values()}
        self._free = [slot for slot in self._free if slot in self._pool.slots]
        self._free += [slot for slot in self._pool.slots if slot not in {*self._free, *held}]
        self.wake()

    def _launch(self, job: Job) -> bool:
        """Give the job a slot of the machine with the most memory left, if its own fits there."""
        model_bytes = self._model_bytes.get(job.spec.model_id, 0)
        need_mib = budget.estimate_mib(job.width, job.height, job.spec.upscale, model_bytes)
        # The slot that was used last has the warmest child.
        slot = max(reversed(self._free), key=lambda each: self._left_mib(each.machine))
        machine, held_mib = slot.machine, self._held_mib(slot.machine)
        if not budget.fits(need_mib, held_mib, machine.memory_mib):
            return False  # whoever gives memory back wakes us
        pixels = job.width * job.height
        cores = budget.cores_for(pixels, need_mib, held_mib, machine.memory_mib, machine.cores)
        if cores > 1:
            need_mib += cores * budget.PROCESS_MIB
        if self._resumed and self._resumed[0] is job:
            self._resumed.popleft()
        self._free.remove(slot)
        self._held[job.id] = slot, need_mib
        run = JobRun(job, self._context)
        self._begin(run, partial(run.perform, slot, cores, partial(self._release, job.id, slot)))
        return True

    def _held_mib(self, machine: Machine) -> list[int]:
        return [mib for slot, mib in self._held.values() if slot.machine == machine]

    def _left_mib(self, machine: Machine) -> int:
        return machine.memory_mib - sum(self._held_mib(machine))

    def _release(self, job_id: str, slot: Slot) -> None:
        if slot in self._pool.slots:
            self._free.append(slot)
        del self._held[job_id]
        self.wake()

    def _begin(self, run: JobRun, work: Callable[[], Awaitable[None]]) -> None:
        self._runs[run.job.id] = run
        loop = asyncio.get_running_loop()
        self._tasks[run.job.id] = loop.create_task(self._supervise(run, work))

    async def _supervise(self, run: JobRun, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
            if run.displaced:
                self._resumed.append(replace(run.job, progress=run.progress))
        except Exception:
            log.exception("job %s met a fault of the server and is queued again", run.job.named)
            await self._requeue(run.job.id, run.progress)
        finally:
            del self._runs[run.job.id], self._tasks[run.job.id]
            self.wake()

    async def _requeue(self, job_id: str, reached: float) -> None:
        """Queue a job again by its row after a pause; each attempt counts, so that it ends.

        `reached` is the progress that pollers were told.
        """
        while True:
            await asyncio.sleep(Retry(Cause.SERVER_FAULT).next_pause_s() or 0.0)
            try:
                row = self._store.get(job_id)
            except StorageError:
                continue
            if row is None:
                await self._erase(job_id)
            elif row.status is JobStatus.RUNNING:
                self._resumed.append(replace(row, progress=reached))
            return

    def stats(self) -> dict[str, int]:
        """Plain numbers for whoever watches; memory in bytes, of all machines."""
        machines = {slot.machine for slot in self._pool.slots}
        return {
            "waiting": self._store.waiting + len(self._resumed),
            "running": len(self._runs),
            "memory_budget": MIB * sum(each.memory_mib for each in machines),
            "memory_held": MIB * sum(mib for _, mib in self._held.values()),
        }

    # -- cancelling

    async def _cancel(self, job_id: str) -> None:
        removed = await self._store.delete(job_id)
        self._tell_end(job_id)
        run = self._runs.get(job_id)
        if run is not None:
            run.cancel()
            await _finished([self._tasks[job_id]], KILL_WAIT_S)
        elif removed is not None:  # one that was to be resumed finds that its row is gone
            await self._erase(job_id)

    async def _erase(self, job_id: str) -> None:
        try:
            await asyncio.to_thread(erase, self._storage, job_id)
            await self._store.removed([job_id])
        except StorageError as error:  # The next start finds that it is meant to go.
            log.warning("job %s: %s", job_id, error)


def _spawn(work: Coroutine[Any, Any, None], kept: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    """Run `work` beside everything else, in `kept` until it is done."""
    task = asyncio.get_running_loop().create_task(work)
    kept.add(task)
    task.add_done_callback(kept.discard)
    return task


async def _finished(tasks: Collection[asyncio.Task[None]], timeout_s: float) -> None:
    """Until all `tasks` are done, or `timeout_s` is over."""
    if tasks:
        await asyncio.wait(tasks, timeout=timeout_s)
