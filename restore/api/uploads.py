"""From the first byte of a form to a durable job: where the promise is made.

The order is the contract's: parts, size and first bytes while they arrive (form), then the image's
header (the inspector, in a child where a crash harms nobody), then the fields. Running the job is
the dispatcher's.

Rule: a job is returned only after its upload and its row are durable; whatever breaks before that
leaves no file.
"""

import asyncio
import time
import uuid
from collections.abc import Collection, Sequence

from restore.api import limits
from restore.api.details import Offered
from restore.api.form import Form, FormParser
from restore.contract import MAX_SIDE_PX, Job, Refusal, parse_fields
from restore.http import Body, retry_after
from restore.pool import Inspector, InspectorBusy
from restore.storage import Chunk, FileThreads, Key, Storage, StorageError, Store, Upload

_READY_S = 30.0  # an upload waits this long for the provider to be loaded


class Uploads:
    """Takes uploads; their files are written on `threads`."""

    def __init__(
        self,
        store: Store,
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
        self._models: Collection[str] = ()
        self.offered: tuple[Offered, ...] = ()
        self._ready = asyncio.Event()
        self._taken_bytes = 0
        self.arriving = 0  # uploads under way, each of which may become a job

    def offer(self, models: Collection[str], offered: Sequence[Offered] = ()) -> None:
        """The provider is loaded: from now on uploads become jobs, for these model ids.

        `offered` says more of those that are no mere alias.
        """
        self._models, self.offered = models, tuple(offered)
        self._ready.set()

    @property
    def models(self) -> tuple[str, ...]:
        """The ids that may be asked for; MODEL_DEFAULT alone until the provider is loaded."""
        return tuple(sorted(self._models)) or (self._model_default,)

    def stats(self) -> dict[str, int]:
        """Plain numbers for whoever watches: uploads under way, bytes of the images taken."""
        return {"arriving": self.arriving, "bytes": self._taken_bytes}

    @property
    def ready(self) -> bool:
        """Whether the provider is loaded."""
        return self._ready.is_set()

    async def receive(
        self, body: Body, boundary: bytes, key: str = "", request_id: str = ""
    ) -> Job:
        """A queued job, on disk, and `key` with it. Raises Refusal, and what `body` raises."""
        self.arriving += 1
        self._inspector.warm()
        try:
            return await self._receive(body, boundary, key, request_id)
        except StorageError as error:
            raise Refusal(
                "storage_unavailable",
                headers=retry_after(limits.STORAGE_RETRY_S),
                detail=str(error),
            ) from None
        finally:
            self.arriving -= 1

    async def fingerprint(self, body: Body, boundary: bytes) -> str:
        """What tells this form from another; nothing of it is kept. Raises as `receive` does."""
        parser = FormParser(boundary, self._max_image_bytes, _written, fingerprints=True)
        return (await parser.parse(body)).fingerprint

    async def _receive(self, body: Body, boundary: bytes, key: str, request_id: str) -> Job:
        job_id = str(uuid.uuid4())
        upload = Upload(lambda: self._storage.create_upload(job_id), self._threads)
        parser = FormParser(
            *(boundary, self._max_image_bytes, upload.write, self._piece_bytes),
            fingerprints=bool(key),
        )
        try:
            form = await parser.parse(body)
            job = await self._check(job_id, form, upload.path, request_id)
            promised = Key(key, form.fingerprint, job_id, job.created_at) if key else None
            await self._store.add(job, promised)
            self._taken_bytes += form.image_bytes
        except BaseException:
            await asyncio.shield(upload.discard())
            raise
        return job

    def _piece_bytes(self) -> int:
        """How much of each image is gathered before it is written: all share one memory."""
        share = limits.GATHERED_BYTES // (2 * self.arriving)
        return max(limits.LEAST_WRITE_BYTES, min(limits.WRITE_BYTES, share))

    async def _until_ready(self) -> None:
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise Refusal("starting", headers=retry_after(limits.STARTING_RETRY_S)) from None

    async def _check(self, job_id: str, form: Form, path: str, request_id: str) -> Job:
        """The image's header first, then the fields."""
        if not self._ready.is_set():
            await self._until_ready()
        try:
            seen = await self._inspector.inspect(path, form.kind)
        except InspectorBusy as busy:
            raise Refusal(
                "too_busy",
                "The server is too busy to look at the photo. Please try later.",
                headers=retry_after(limits.BUSY_RETRY_S),
                detail=f"inspector: {busy}",
            ) from None
        if seen.problem == "image_dimensions":
            raise Refusal(
                "image_dimensions",
                f"The image is {seen.width} x {seen.height} pixels; "
                f"at most {MAX_SIDE_PX} x {MAX_SIDE_PX} can be restored.",
            )
        if seen.problem is not None:
            raise Refusal(seen.problem, detail=seen.detail)
        spec = parse_fields(form.fields, self._model_default, self._models)
        return Job(
            job_id,
            spec,
            form.kind,
            seen.width,
            seen.height,
            time.time(),
            upload_bytes=form.image_bytes,
            request_id=request_id,
        )


def _written(_: Sequence[Chunk], __: bool) -> "asyncio.Future[None]":
    """Keeps nothing of an image."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done
