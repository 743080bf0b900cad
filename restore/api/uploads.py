"""From the first byte of a form to a job on disk: where the promise is made.

The order is the contract's: parts, size and first bytes while they arrive (formparser), then the
image's header (the inspector, in a child where a crash harms nobody), then the fields. A job is
returned only after its upload and its row are synced to disk; whatever breaks before that leaves no
file. Running the job is the dispatcher's.
"""

import asyncio
import threading
import time
import uuid
from collections.abc import Mapping, Sequence

from restore.api import limits
from restore.api.form import Chunk, Form, FormParser
from restore.contract import MAX_SIDE_PX, Job, Refusal, parse_fields
from restore.http import Body, retry_after
from restore.pool import Inspector
from restore.storage import (
    FileThreads,
    JobStore,
    Storage,
    StorageError,
    StoreError,
    UploadFile,
    spoilt,
)

_READY_S = 30.0  # an upload waits this long for the provider to be loaded
_STORAGE_S, _STARTING_S = 30, 1  # Retry-After, seconds


class Intake:
    """Takes uploads; their files are written on `threads`."""

    def __init__(
        self,
        store: JobStore,
        storage: Storage,
        inspector: Inspector,
        threads: FileThreads,
        *,
        max_image_bytes: int,
        model_default: str,
    ) -> None:
        self._store = store
        self._storage = storage
        self._inspector = inspector
        self._threads = threads
        self._max_image_bytes = max_image_bytes
        self._model_default = model_default
        self._models: Mapping[str, str] = {}
        self._ready = asyncio.Event()
        self.arriving = 0  # uploads under way, each of which may become a job

    def offer(self, models: Mapping[str, str]) -> None:
        """The provider is loaded: from now on uploads become jobs, for these model ids."""
        self._models = models
        self._ready.set()

    @property
    def models(self) -> tuple[str, ...]:
        """The ids that may be asked for; MODEL_DEFAULT alone until the provider is loaded."""
        return tuple(sorted(self._models)) or (self._model_default,)

    @property
    def ready(self) -> bool:
        """Whether the provider is loaded."""
        return self._ready.is_set()

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
        upload = _Upload(self._storage, job_id, self._threads)
        parser = FormParser(boundary, self._max_image_bytes, upload.write, self._piece_bytes)
        try:
            form = await parser.parse(body)
            job = await self._check(job_id, form, upload.image)
            await self._keep(job, upload)
        except BaseException:
            await asyncio.shield(upload.discard())
            raise
        return job

    async def _keep(self, job: Job, upload: "_Upload") -> None:
        if upload.small is not None and not self._store.keeps_uploads:
            await upload.move_to_file()
        try:
            await self._store.add(job, upload.small)
        except StoreError as error:
            if upload.small is None or not spoilt(error.__cause__):
                raise
            await upload.move_to_file()  # the page that it would go to is damaged
            await self._store.add(job)

    def _piece_bytes(self) -> int:
        """How much of each image is gathered before it is written: all share one memory."""
        share = limits.GATHERED_BYTES // (2 * self.arriving)
        return max(limits.LEAST_WRITE_BYTES, min(limits.WRITE_BYTES, share))

    async def _until_ready(self) -> None:
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise Refusal("starting", headers=retry_after(_STARTING_S)) from None

    async def _check(self, job_id: str, form: Form, image: str | bytes) -> Job:
        """The image's header first, then the fields."""
        if not self._ready.is_set():
            await self._until_ready()
        seen = await self._inspector.inspect(image, form.kind)
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


class _Upload:
    """The image: where it is small in memory, to be kept with the row; else a file in tmp/.

    The row's commit brings a small one to disk: with a file of its own a photo of 20 KB took three
    syncs and a thread, 2.5 ms of CPU instead of 1.2 (3.11.7, ext4 on virtio, 2026-11-23). A file is
    created with its first piece and synced with its last, before the image is looked at; what is
    refused after that is removed all the same. An upload may be thrown away while a thread is at
    work on it: whoever comes second waits, and writes nothing any more.
    """

    def __init__(self, storage: Storage, job_id: str, threads: FileThreads) -> None:
        self._storage = storage
        self._job_id = job_id
        self._threads = threads
        self.small: bytes | None = None
        self._begun = False  # a file
        self._lock = threading.Lock()  # for what follows
        self._file: UploadFile | None = None
        self._discarded = False

    @property
    def image(self) -> str | bytes:
        """The bytes, or the path of the file."""
        if self.small is not None:
            return self.small
        assert self._file is not None
        return self._file.path

    def write(self, chunks: Sequence[Chunk], last: bool) -> "asyncio.Future[None]":
        whole = last and not self._begun
        if whole and sum(map(len, chunks)) <= limits.SMALL_UPLOAD_BYTES:
            self.small = b"".join(chunks)
            kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            kept.set_result(None)
            return kept
        self._begun = True
        return self._threads.run(self._write, chunks, last)

    def move_to_file(self) -> "asyncio.Future[None]":
        """Keep a small one as if it weren't."""
        assert self.small is not None
        image, self.small, self._begun = self.small, None, True
        return self._threads.run(self._write, [image], True)

    def _write(self, chunks: Sequence[Chunk], last: bool) -> None:
        with self._lock:
            if self._discarded:
                return
            if self._file is None:
                self._file = self._storage.create_upload(self._job_id)
            self._file.write(chunks)
            if last:
                self._file.commit()

    async def discard(self) -> None:
        if self._begun:
            await self._threads.run(self._discard)

    def _discard(self) -> None:
        with self._lock:
            self._discarded = True
            if self._file is not None:
                self._file.abort()
