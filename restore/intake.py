"""From the first byte of a form to a job on disk: where the promise is made.

The order is the contract's: parts, size and first bytes while they arrive (formparser), then the
image's header (the inspector, in a child where a crash harms nobody), then the fields. A job is
returned only after its upload and its row are synced to disk; whatever breaks before that leaves no
file. Running the job is the dispatcher's.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from restore.contract import MAX_SIDE_PX, Refusal, parse_fields
from restore.formparser import Body, Chunk, Form, FormParser
from restore.inspector import Inspector
from restore.jobs import Job
from restore.jobstore import JobStore, StoreError
from restore.responses import retry_after
from restore.storage import Storage, StorageError, Upload

RunBlocking = Callable[..., Awaitable[Any]]

_READY_S = 30.0  # an upload waits this long for the provider to be loaded
_STORAGE_S, _STARTING_S = 30, 1  # Retry-After, seconds


class Intake:
    """Takes uploads. `run_blocking(function, *args)` runs file operations on threads."""

    def __init__(
        self,
        store: JobStore,
        storage: Storage,
        inspector: Inspector,
        run_blocking: RunBlocking,
        *,
        max_image_bytes: int,
        model_default: str,
    ) -> None:
        self._store = store
        self._storage = storage
        self._inspector = inspector
        self._run_blocking = run_blocking
        self._max_image_bytes = max_image_bytes
        self._model_default = model_default
        self._models: Mapping[str, str] = {}
        self._ready = asyncio.Event()
        self.arriving = 0  # uploads under way, each of which may become a job

    def offer(self, models: Mapping[str, str]) -> None:
        """The provider is loaded: from now on uploads become jobs, for these model ids."""
        self._models = models
        self._ready.set()

    async def receive(self, body: Body, boundary: bytes) -> Job:
        """A queued job, on disk. Raises Refusal, and what `body` raises."""
        self.arriving += 1
        self._inspector.warm()
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
            await self._store.add(job)
        except BaseException:
            await asyncio.shield(upload.discard())
            raise
        return job

    async def _check(self, job_id: str, form: Form, path: str) -> Job:
        """The image's header first, then the fields."""
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise Refusal("starting", headers=retry_after(_STARTING_S)) from None
        seen = await self._inspector.inspect(path, form.kind)
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


class _UploadFile:
    """The image's file in temporary storage: created with its first piece, synced with its last.

    Syncing before the image is looked at spares a small upload a second turn on a thread; what is
    refused after it is removed all the same.
    """

    def __init__(self, storage: Storage, job_id: str, run_blocking: RunBlocking) -> None:
        self._storage = storage
        self._job_id = job_id
        self._run_blocking = run_blocking
        self._upload: Upload | None = None

    @property
    def path(self) -> str:
        assert self._upload is not None
        return self._upload.path

    async def write(self, piece: Chunk, last: bool) -> None:
        await self._run_blocking(self._write, piece, last)

    def _write(self, piece: Chunk, last: bool) -> None:
        if self._upload is None:
            self._upload = self._storage.create_upload(self._job_id)
        self._upload.write([piece])
        if last:
            self._upload.commit()

    async def discard(self) -> None:
        if self._upload is not None:
            await self._run_blocking(self._upload.abort)
