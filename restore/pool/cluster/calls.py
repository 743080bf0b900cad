"""One call on one slot of another machine: the photo goes there, the result comes back in pieces.

Where both have a shared folder, they are copied there and from there instead. Sizes and SHA-256 are
compared on both ends.

Rule: no call waits for a machine that is gone, whatever of the network is still up.
"""

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from restore.pool import limits
from restore.pool.cluster.messages import Reply, read_piece
from restore.pool.errors import (
    ChildDied,
    ChildError,
    ChildNotStarted,
    ChildStalled,
    MachineAway,
    MachineLost,
)
from restore.pool.protocol import Machine
from restore.worker import Outcome, Task

T = TypeVar("T")
_ERRORS = {each.__name__: each for each in (ChildDied, ChildNotStarted, ChildStalled, MachineAway)}


class Line(Protocol):
    """The way to the machines."""

    async def ask(self, address: str, method: str, *args: object) -> Any:
        """What Member.`method` answers there.

        Raises ChildDied where it fails, anything else when the way is broken.
        """

    def begin(self, name: str, slot: "ClusterSlot") -> None:
        """Have `slot` told how far the call of this name is."""

    def rest(self, address: str, why: str) -> None:
        """Begin no further call there for a while."""

    def done(self, name: str, *, died: bool) -> None:
        """The call has ended."""


class ClusterSlot:
    """One slot of a machine, as protocol.Slot says. `shared` is its folder as seen from here."""

    def __init__(
        self, line: Line, address: str, index: int, machine: Machine, shared: Path | None
    ) -> None:
        self.name = f"{machine.name} worker-{index + 1}"
        self.machine = machine
        self.address = address
        self.progress = 0.0
        self._line, self._index, self._shared = line, index, shared
        self._turn = asyncio.Lock()
        self._lost = asyncio.Event()
        self._begun = self._closing = False
        self._name = ""  # of the call under way
        self._killing: asyncio.Future[None] | None = None

    def tell(self, fraction: float) -> None:
        """The call is so far."""
        self._begun = True
        self.progress = max(self.progress, fraction)

    def lose(self) -> None:
        """The machine is gone."""
        self._lost.set()

    def kill(self) -> None:
        """As protocol.Slot says; the signal is on its way."""
        if self._name:
            self._killing = asyncio.ensure_future(self._tell_machine("kill", self._index))

    async def close(self) -> None:
        """End the call there and here, bounded."""
        self._closing = True
        if self._name:
            await self._tell_machine("end", self._name)
        self._lost.set()
        async with self._turn:
            pass

    async def run(
        self,
        function: Callable[..., T],
        *args: object,
        stall_s: float | None,
        bound_s: float | None = None,
        job: str = "",
    ) -> T:
        """As protocol.Slot says; `args` is one Task, and what comes back is its Outcome."""
        (task,) = args
        assert isinstance(task, Task)
        async with self._turn:
            self._name, self._begun, self.progress = uuid.uuid4().hex, False, 0.0
            self._line.begin(self._name, self)
            died = False
            try:
                return cast(T, await self._run(function, task, stall_s, bound_s, job))
            except ChildDied:
                died = True
                raise
            finally:
                self._line.done(self._name, died=died)
                self._name, self.progress = "", 0.0

    async def _run(
        self, function: object, task: Task, *bounds_and_job: float | str | None
    ) -> Outcome:
        photo, digest = await asyncio.to_thread(self._handed_over, task.upload)
        what = (self._name, self._index, function, task, photo, digest)
        try:
            reply: Reply = await self._ask("run", *what, *bounds_and_job)
            if reply.error == MachineAway.__name__:
                self._line.rest(self.address, reply.detail)
            if reply.outcome is None:
                raise _ERRORS[reply.error](f"{self.machine.name}: {reply.detail}")
            for path, (size, wanted) in reply.files.items():
                await self._fetch(path, Path(task.folder, Path(path).name), size, wanted)
        finally:
            await self._tell_machine("end", self._name)
        there = reply.outcome
        output = there.output and str(Path(task.folder, Path(there.output).name))
        before = there.before and str(Path(task.folder, Path(there.before).name))
        return there._replace(output=output, before=before)

    def _handed_over(self, upload: str) -> tuple[bytes | None, str]:
        """The photo to send, None where it lies in the shared folder now; and its SHA-256."""
        photo = Path(upload).read_bytes()
        digest = hashlib.sha256(photo).hexdigest()
        if self._shared is None:
            return photo, digest
        place = self._shared / self._name
        place.mkdir()
        (place / "upload").write_bytes(photo)
        return None, digest

    async def _piece(self, path: str, offset: int) -> bytes:
        if self._shared is None:
            piece: bytes = await self._ask("read", path, offset)
            return piece
        return await asyncio.to_thread(read_piece, self._shared / path, offset)

    async def _fetch(self, path: str, place: Path, size: int, wanted: str) -> None:
        """Bring a file of the call here, in pieces."""
        digest, offset = hashlib.sha256(), 0
        with place.open("wb") as file:
            while offset < size and (piece := await self._piece(path, offset)):
                digest.update(piece)
                offset += await asyncio.to_thread(file.write, piece)
        if digest.hexdigest() != wanted:
            raise ChildDied(f"{place.name} came damaged from {self.machine.name}")

    async def _ask(self, method: str, *args: object) -> Any:
        """What the machine answers. Raises MachineLost, or MachineAway before the call began."""
        asking = asyncio.ensure_future(self._line.ask(self.address, method, *args))
        losing = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait({asking, losing}, return_when=asyncio.FIRST_COMPLETED)
            if self._closing:
                raise ChildDied("the pool is closed")
            if asking.done() and not asking.cancelled():
                failure = asking.exception()
                if failure is None or isinstance(failure, ChildError):
                    return asking.result()
                # The way is broken; whether the machine is gone, the pool will know in a moment.
                await asyncio.wait({losing}, timeout=limits.SEEN_S)
            raise (MachineLost if self._begun else MachineAway)(self.machine.name)
        finally:
            losing.cancel()
            asking.cancel()

    async def _tell_machine(self, method: str, *args: object) -> None:
        """Tell the machine, if it is there; bounded."""
        if not self._lost.is_set():
            with contextlib.suppress(Exception):
                async with asyncio.timeout(limits.KILL_WAIT_S):
                    await self._line.ask(self.address, method, *args)
