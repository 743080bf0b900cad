"""What a machine of a cluster does when the front calls: its own LocalPool restores here.

The front's calls come by Dask's `Client.run` and run on the loop of the worker process. What the
front sends is the photo itself, and it fetches the result in pieces; nothing of a call stays here
once the front has ended it.

Rule: a call that nobody waits for any more is killed.
"""

import asyncio
import hashlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from restore.pool import limits
from restore.pool.cluster.messages import Facts, Offer, Reply, read_piece
from restore.pool.errors import ChildError
from restore.pool.local import LocalPool
from restore.worker import Outcome, Task

PLUGIN = "restore"  # the name by which a Dask worker knows its Member
_log = logging.getLogger("restore")


async def serve(method: str, *args: object, dask_worker: Any = None) -> tuple[Any, str]:
    """What a method of the Member in this process returns, and how it failed, or ""."""
    try:
        return await getattr(dask_worker.plugins[PLUGIN].member, method)(*args), ""
    except Exception as error:
        _log.exception("The server's call %s fails", method)
        return None, repr(error)


class Member:
    """A machine at the service of one front. `folder` is its own, for the files of calls.

    `tell` sends a call's name and progress to the front.
    """

    def __init__(self, pool: LocalPool, folder: Path, offer: Offer) -> None:
        self.tell: Callable[[str, float], None] = lambda *_: None
        self._pool, self._folder, self._offer = pool, folder, offer
        self._calls: dict[str, asyncio.Task[Outcome]] = {}

    async def greet(self, front: Facts) -> Offer:
        """What this machine has. Ends all calls: a front that asks knows of none here."""
        unlike = self._offer.facts.unlike(front)
        _log.info("The server refuses this machine. %s" if unlike else "Serving.%s", unlike)
        names = {*self._calls, *(path.name for path in self._folder.iterdir())}
        await asyncio.gather(*map(self.end, names))
        return self._offer

    async def run(
        self,
        name: str,
        index: int,
        function: Callable[[Task], Outcome],
        task: Task,
        photo: bytes | None,
        digest: str,
        stall_s: float | None,
        bound_s: float | None,
        job: str,
    ) -> Reply:
        """Call `function(task)` in slot `index`.

        `photo` is its upload, None where that lies in the shared folder.
        """
        folder = self._folder / name
        local = task._replace(upload=str(folder / "upload"), folder=str(folder / "work"))
        try:
            await asyncio.to_thread(_prepare, local, photo, digest)
        except ValueError as error:
            return Reply("ChildNotStarted", str(error))
        except OSError as error:  # The disk is full, say: no fault of the photo's.
            _log.warning("A photo can't be taken: %s", error)
            return Reply("MachineAway", f"It can't keep a photo: {error.strerror}.")
        slot = self._pool.slots[index]
        call = asyncio.ensure_future(
            slot.run(function, local, stall_s=stall_s, bound_s=bound_s, job=job)
        )
        self._calls[name] = call
        try:
            self.tell(name, 0.0)
            while not (await asyncio.wait({call}, timeout=limits.PROGRESS_S))[0]:
                self.tell(name, slot.progress)
        finally:
            call.cancel()
            self._calls.pop(name, None)
        if call.cancelled():
            return Reply("ChildDied", "its call was ended")
        failure = call.exception()
        if isinstance(failure, ChildError):
            return Reply(type(failure).__name__, failure.detail)
        outcome = call.result()
        paths = [path for path in (outcome.output, outcome.before) if path]
        files = await asyncio.to_thread(lambda: {path: _digest(path) for path in paths})
        own = f"{self._folder}/"
        return Reply("", "", outcome, {path.removeprefix(own): files[path] for path in paths})

    async def kill(self, index: int) -> None:
        """SIGKILL for the child of slot `index`."""
        self._pool.slots[index].kill()

    async def read(self, path: str, offset: int) -> bytes:
        """A piece of a file that a call made, at most limits.PIECE_BYTES."""
        return await asyncio.to_thread(read_piece, self._folder / path, offset)

    async def end(self, name: str) -> None:
        """The front has all it wanted of a call: its child is gone then, and so are its files."""
        call = self._calls.get(name)
        if call is not None:
            call.cancel()
            await asyncio.wait({call}, timeout=limits.KILL_WAIT_S)
        await asyncio.to_thread(shutil.rmtree, self._folder / name, ignore_errors=True)


def _prepare(task: Task, photo: bytes | None, digest: str) -> None:
    Path(task.folder).mkdir(parents=True)
    if photo is not None:
        Path(task.upload).write_bytes(photo)
    if _digest(task.upload)[1] != digest:
        raise ValueError("the photo came damaged")


def _digest(path: str) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest
