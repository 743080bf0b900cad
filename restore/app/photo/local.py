"""Restores photos on this machine, the same way as the server's jobs.

Each runs in a child process that may crash, with a copy of the photo: nothing that a provider does
reaches the file itself. Rule: a photo ends restored or with one sentence, whatever becomes of its
child.
"""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from restore.app.photo.arguments import Options, UsageError
from restore.app.photo.sources import Photo, PhotoError
from restore.contract import JOB_ERRORS, MAX_ATTEMPTS, MAX_SIDE_PX, JobSpec, Refusal
from restore.jobs import PROCESS_MIB, cores_for, estimate_mib, fits
from restore.pool import ChildDied, ChildError, ChildStalled, Inspector, InspectorBusy, LocalPool
from restore.worker import ChildSettings, Inspection, Outcome, Task, load_models, run_job

LOAD_S = 60.0  # for the provider to be imported
STALL_S = 300.0  # the longest time without progress, as a server's JOB_TIMEOUT_S
LOOK_S = 0.1  # between two looks at how far a photo is

Tell = Callable[[str, float], None]  # "running" and how much is done, 0.0..1.0


class Result(NamedTuple):
    """A restored photo: a file in the work folder, and what the provider found and did."""

    path: Path
    note: str = ""


class Local:
    """The children, and the cores and memory that they share. Needs a running loop."""

    def __init__(self, options: Options, jobs: int, cores: int, memory_mib: int) -> None:
        self._options = options
        self._pool = LocalPool(
            jobs, ChildSettings(options.provider), output=lambda name, line: None
        )
        self._inspector = Inspector(self._pool.inspector)
        self._free = list(self._pool.slots)
        self._cores, self._budget_mib = cores, memory_mib
        self._held: dict[str, int] = {}
        self._changed = asyncio.Condition()
        self._spec = JobSpec("", 0.0, 0)

    async def open(self) -> None:
        """Load the provider once. Raises UsageError where it or its model can't be had."""
        await self._pool.start()
        provider = self._options.provider
        try:
            inspector = self._pool.inspector
            loaded = await inspector.run(load_models, provider, stall_s=None, bound_s=LOAD_S)
        except ChildError:
            raise UsageError(f"The provider {provider} can't be loaded.") from None
        if loaded.problem is not None:
            raise UsageError(loaded.problem)
        self._spec = self._options.spec(loaded.models)

    async def close(self) -> None:
        """Kill what still runs; bounded."""
        await self._pool.close()

    async def restore(self, photo: Photo, work: Path, tell: Tell) -> Result:
        """Restore one photo in `work`, an empty folder. Raises PhotoError."""
        upload, folder = work / "upload", work / "work"
        try:
            await asyncio.to_thread(shutil.copyfile, photo.path, upload)
        except OSError as error:
            raise PhotoError("unreadable", f"It can't be copied: {error.strerror}.") from None
        seen = await self._look(str(upload), photo.kind)
        async with self._share(str(work), seen) as cores:
            for attempt in range(1, MAX_ATTEMPTS + 1):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                spec = (self._spec.model_id, self._spec.strength, self._spec.upscale)
                provider = self._options.provider
                names = (str(uuid.uuid4()), attempt, str(upload), photo.kind, str(folder))
                try:
                    outcome = await self._attempt(Task(*names, provider, *spec, cores), tell)
                except ChildDied:
                    continue
                except ChildStalled:
                    raise PhotoError("timeout", JOB_ERRORS["timeout"]) from None
                return _result(outcome)
        raise PhotoError("worker_died", JOB_ERRORS["worker_died"])

    async def _look(self, path: str, kind: str) -> Inspection:
        try:
            seen = await self._inspector.inspect(path, kind)
        except InspectorBusy:
            raise PhotoError("too_busy", "The machine is too busy to look at it.") from None
        if seen.problem == "image_dimensions":
            size = f"{seen.width} x {seen.height} pixels; at most {MAX_SIDE_PX} x {MAX_SIDE_PX}"
            raise PhotoError(seen.problem, f"The image is {size} can be restored.")
        if seen.problem is not None:
            raise PhotoError(seen.problem, Refusal(seen.problem).sentence)
        return seen

    async def _attempt(self, task: Task, tell: Tell) -> Outcome:
        slot = self._free.pop()
        call = asyncio.ensure_future(slot.run(run_job, task, stall_s=STALL_S, job=task.job_id))
        try:
            while not (await asyncio.wait({call}, timeout=LOOK_S))[0]:
                tell("running", slot.progress)
            return call.result()
        finally:
            call.cancel()
            self._free.append(slot)

    @asynccontextmanager
    async def _share(self, name: str, seen: Inspection) -> AsyncIterator[int]:
        """Wait until the photo fits beside those that are in work; how many cores it may use."""
        need_mib, held = estimate_mib(seen.width, seen.height, self._spec.upscale), self._held
        async with self._changed:
            await self._changed.wait_for(lambda: fits(need_mib, held.values(), self._budget_mib))
            pixels, most = seen.width * seen.height, self._cores
            cores = cores_for(pixels, need_mib, held.values(), self._budget_mib, most)
            held[name] = need_mib + (cores * PROCESS_MIB if cores > 1 else 0)
        try:
            yield cores
        finally:
            del held[name]
            async with self._changed:
                self._changed.notify_all()


def _result(outcome: Outcome) -> Result:
    if outcome.output is not None:
        return Result(Path(outcome.output), outcome.note)
    if outcome.again:
        raise PhotoError("storage", "There is no room left on the disk for temporary files.")
    error = outcome.error or "provider_error"
    raise PhotoError(error, JOB_ERRORS[error])
