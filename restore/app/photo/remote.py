"""Lets a server restore the photos, through restore.client.

Rule: a stop doesn't wait for the network. The client runs in threads that end with the process, and
what they had under way is taken back within STOP_S.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from restore.app.photo.arguments import Options, UsageError
from restore.app.photo.local import Result, Tell
from restore.app.photo.sources import Photo, PhotoError
from restore.client import Refused, RestoreClient, RestoreError

STOP_S = 0.6  # for the server to hear of a stop

T = TypeVar("T")


class Remote:
    """One server. Needs a running loop. Raises UsageError where `options.server` is no address."""

    def __init__(self, options: Options) -> None:
        self._spec = options.spec()
        self._model = options.model or None  # without it the server's default
        token = os.environ.get("RESTORE_TOKEN", "")
        try:
            self._client = RestoreClient(options.server, token=token)
            self._hurried = RestoreClient(options.server, token=token, timeout=STOP_S, patience=0)
        except ValueError as error:
            raise UsageError(f"{error}.") from None
        self._under_way: set[str] = set()

    async def open(self) -> None:
        """Nothing to prepare: the first photo tells whether a server is there."""

    async def close(self) -> None:
        """Take back what is still under way; bounded by STOP_S."""
        if self._under_way:
            cancels = [_in_thread(partial(self._cancel, job)) for job in self._under_way]
            await asyncio.wait(cancels, timeout=STOP_S)

    async def restore(self, photo: Photo, work: Path, tell: Tell) -> Result:
        """Restore one photo; its result lies in `work`. Raises PhotoError."""
        loop = asyncio.get_running_loop()

        def told(status: str, fraction: float) -> None:
            with suppress(RuntimeError):  # the loop has closed: nobody listens any more
                loop.call_soon_threadsafe(tell, status, fraction)

        try:
            return Result(await _in_thread(lambda: self._restore(photo, work, told)))
        except Refused as error:
            raise PhotoError(error.code or "refused", str(error)) from None
        except RestoreError as error:
            raise PhotoError(error.code or "server_away", str(error)) from None
        except OSError as error:
            raise PhotoError("unreadable", f"It can't be kept: {error.strerror}.") from None

    def _restore(self, photo: Photo, work: Path, tell: Tell) -> Path:
        spec = self._spec
        job = self._client.submit(
            photo.path,
            strength=spec.strength,
            upscale=spec.upscale,
            model_id=self._model,
            on_progress=tell,
        )
        self._under_way.add(job.job_id)
        try:
            done = self._client.wait(job, tell)
            return self._client.download(done, work)
        finally:
            self._under_way.discard(job.job_id)

    def _cancel(self, job_id: str) -> None:
        with suppress(RestoreError):
            self._hurried.cancel(job_id)


def _in_thread(function: Callable[[], T]) -> "asyncio.Future[T]":
    """Run `function` in a thread that nobody waits for at the end of the process."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def end(result: T | None, error: BaseException | None) -> None:
        if ended.done():
            return
        if error is not None:
            ended.set_exception(error)
        else:
            ended.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = function()
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has closed
            loop.call_soon_threadsafe(end, result, error)

    threading.Thread(target=run, daemon=True).start()
    return ended
