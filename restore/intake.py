"""From the first byte of a form to a job on disk: where the promise is made.

The order is the contract's: parts, size and first bytes while they arrive (formparser), then the
image's header (the inspector, in a child where a crash harms nobody), then the fields. A job is
returned only after its upload and its row are synced to disk; whatever breaks before that leaves no
file. Running the job is the dispatcher's.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from restore import limits, worker
from restore.contract import MAX_SIDE_PX, Refusal, parse_fields
from restore.formparser import Body, Chunk, Form, FormParser
from restore.jobs import Job
from restore.jobstore import JobStore, StoreError
from restore.pool import ChildDied, ChildStalled, Pool
from restore.responses import retry_after
from restore.storage import Storage, StorageError, Upload

log = logging.getLogger("restore")

RunBlocking = Callable[..., Awaitable[Any]]

_READY_S = 30.0  # an upload waits this long for the provider to be loaded
_TURN_S = 30.0  # and this long for its turn at the inspector
_STORAGE_S, _STARTING_S, _BUSY_S = 30, 1, 5  # Retry-After, seconds


class Intake:
    """Takes uploads. `run_blocking(function, *args)` runs file operations on threads."""

    def __init__(
        self,
        store: JobStore,
        storage: Storage,
        pool: Pool,
        run_blocking: RunBlocking,
        *,
        max_image_bytes: int,
        model_default: str,
    ) -> None:
        self._store = store
        self._storage = storage
        self._pool = pool
        self._run_blocking = run_blocking
        self._max_image_bytes = max_image_bytes
        self._model_default = model_default
        self._models: Mapping[str, str] = {}
        self._ready = asyncio.Event()
        self._inspector_free = asyncio.Lock()
        self.arriving = 0  # uploads under way, each of which may become a job

    def offer(self, models: Mapping[str, str]) -> None:
        """The provider is loaded: from now on uploads become jobs, for these model ids."""
        self._models = models
        self._ready.set()

    async def receive(self, body: Body, boundary: bytes) -> Job:
        """A queued job, on disk. Raises Refusal, and what `body` raises."""
        self.arriving += 1
        try:
            return await self._receive(body, boundary)
        except (StorageError, StoreError) as error:
            raise Refusal(
                "storage_unavailable", headers=retry_after(_STORAGE_S), detail=str(error)
            ) from None
        finally:
            self.arriving -= 1

    async def _receive(self, body: Body, boundary: bytes) -> Job:
        job_id = str(uuid.uuid4())
        upload = _UploadFile(self._storage, job_id, self._run_blocking)
        try:
            form = await FormParser(boundary, self._max_image_bytes, upload.write).parse(body)
            job = await self._check(job_id, form, upload.path)
            await upload.commit()
            await self._store.add(job)
        except BaseException:
            await asyncio.shield(upload.discard())
            raise
        return job

    async def _check(self, job_id: str, form: Form, path: str) -> Job:
        """The image's header first, then the fields."""
        assert form.kind is not None
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise Refusal("starting", headers=retry_after(_STARTING_S)) from None
        seen = await self._inspect(path, form.kind)
        if seen.problem == "image_dimensions":
            raise Refusal(
                "image_dimensions",
                f"The image is {seen.width} x {seen.height} pixels; "
                f"at most {MAX_SIDE_PX} x {MAX_SIDE_PX} can be restored.",
            )
        if seen.problem is not None:
            raise Refusal(seen.problem, detail=seen.detail)
        spec = parse_fields(form.fields, self._model_default, self._models.keys())
        return Job(job_id, spec, form.kind, seen.width, seen.height, time.time())

    async def _inspect(self, path: str, kind: str) -> worker.Inspection:
        try:
            async with asyncio.timeout(_TURN_S), self._inspector_free:
                return await self._look(path, kind)
        except (ChildDied, ChildStalled) as error:
            raise Refusal("image_unreadable", detail=f"inspector: {error}") from None
        except TimeoutError:
            raise Refusal("too_busy", headers=retry_after(_BUSY_S)) from None

    async def _look(self, path: str, kind: str) -> worker.Inspection:
        """Ask the inspector; where it died, once more: it may have been for want of memory."""
        look = partial(self._pool.inspector.run, worker.inspect, path, kind, stall_s=None)
        until = time.monotonic() + limits.INSPECT_S
        try:
            return await look(bound_s=limits.INSPECT_S)
        except ChildDied as error:
            log.warning("the inspector died and is asked again: %s", error)
            return await look(bound_s=until - time.monotonic())


class _UploadFile:
    """The image's file in temporary storage, created with its first byte."""

    def __init__(self, storage: Storage, job_id: str, run_blocking: RunBlocking) -> None:
        self._storage = storage
        self._job_id = job_id
        self._run_blocking = run_blocking
        self._upload: Upload | None = None
        self._committed = False

    @property
    def path(self) -> str:
        assert self._upload is not None
        return str(self._upload.path)

    async def write(self, chunks: Sequence[Chunk]) -> None:
        await self._run_blocking(self._write, chunks)

    def _write(self, chunks: Sequence[Chunk]) -> None:
        if self._upload is None:
            self._upload = self._storage.create_upload(self._job_id)
        self._upload.write(chunks)

    async def commit(self) -> None:
        assert self._upload is not None
        await self._run_blocking(self._upload.commit)
        self._committed = True

    async def discard(self) -> None:
        if self._committed:
            await self._run_blocking(self._storage.discard, self._job_id)
        elif self._upload is not None:
            await self._run_blocking(self._upload.abort)
