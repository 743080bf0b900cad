"""A server's durable core on a folder of its own, with a pool whose children do as a test says.

One Desk is one life of a server: `open`, then `crash` or `stop`, then another Desk on the same
folder.
"""

import asyncio
import logging
import os
import tempfile
import threading
import time
import unittest
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any
from unittest import mock

from restore.contract.job import Job, JobSpec
from restore.jobs import retry
from restore.jobs.dispatcher import Dispatcher
from restore.jobs.events import Telemetry
from restore.pool.errors import ChildDied, ChildStalled, MachineAway, MachineLost
from restore.pool.protocol import Machine
from restore.storage.files import Storage
from restore.storage.jobstore import JobStore
from restore.worker.job import Outcome, Task

FAST_FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a sync costs nothing there
HERE = Machine()
PHOTO = b"photo"  # no picture: the fake workers don't look


def paused(cause: retry.Cause, seconds: float) -> Any:
    """A patch by which each pause for `cause` takes `seconds`."""
    rule = retry.RETRIES[cause]._replace(first_pause_s=seconds, longest_pause_s=seconds)
    return mock.patch.dict(retry.RETRIES, {cause: rule})


# The table with pauses that a test can wait for.
QUICK = {
    cause: rule._replace(
        first_pause_s=0.0 if rule.error else min(rule.first_pause_s, 0.005),
        longest_pause_s=0.0 if rule.error else min(rule.longest_pause_s, 0.02),
    )
    for cause, rule in retry.RETRIES.items()
}
BOUND_S = 20.0  # for anything a test waits for; far more than it takes


class Call:
    """One attempt that has reached a child."""

    def __init__(self, slot: "FakeSlot", task: Task) -> None:
        self.slot = slot
        self.task = task
        self.killed = self.buried = False
        self.ending: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def finish(self, content: bytes = b"result", name: str = "out.png", note: str = "") -> None:
        self.ending.set_result(Outcome(write(self.task.folder, name, content), note=note))

    def fail(self, error: str, *, again: bool = False) -> None:
        self.ending.set_result(Outcome(None, error, "Traceback ...", again=again))

    def die(self) -> None:
        self.ending.set_exception(ChildDied("killed by SIGSEGV"))

    def stall(self) -> None:
        self.ending.set_exception(ChildStalled("no progress"))

    def lose_machine(self, *, begun: bool = True) -> None:
        """The call ends as one does whose machine goes, with its slots."""
        self.slot.pool.lose(self.slot.machine)
        self.ending.set_exception((MachineLost if begun else MachineAway)("cable pulled"))


def write(folder: str, name: str, content: bytes) -> str:
    path = Path(folder, name)
    path.write_bytes(content)
    return str(path)


def files_in(folder: str) -> list[str] | None:
    """The names in `folder`; None where there is none."""
    path = Path(folder)
    return [entry.name for entry in path.iterdir()] if path.is_dir() else None


class FakeSlot:
    """Keeps a Slot's promises: one call at a time, a cancelled call's child dies, ready again."""

    def __init__(self, name: str, pool: "FakePool", machine: Machine) -> None:
        self.name = name
        self.machine = machine
        self.progress = 0.0
        self.call: Call | None = None
        self.pool = pool

    def kill(self) -> None:
        if self.call is not None and not self.call.ending.done():
            self.call.die()

    async def run(
        self,
        function: Any,
        *args: object,
        stall_s: float | None,
        bound_s: float | None = None,
        job: str = "",
    ) -> Any:
        (task,) = args
        assert isinstance(task, Task)
        assert self.call is None, "a second call on one slot"
        assert task.job_id == job
        assert files_in(task.folder) == []
        self.call = call = Call(self, task)
        self.pool.arrived(call)
        try:
            return await call.ending
        except asyncio.CancelledError:
            call.killed = True
            await asyncio.sleep(0)  # killing takes a moment, in which others run
            call.buried = True
            raise
        finally:
            self.call = None
            self.progress = 0.0


class FakePool:
    def __init__(
        self,
        workers: int,
        auto: Callable[[Call], None] | None = None,
        machine: Machine = HERE,
    ) -> None:
        self.slots: tuple[FakeSlot, ...] = ()
        self.gone: list[FakeSlot] = []
        self.auto = auto
        self._listener: Callable[[], None] = lambda: None
        self.gain(machine, workers)
        self.calls: list[Call] = []
        self._arrivals: asyncio.Queue[Call] = asyncio.Queue()

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listener = listener

    def gain(self, machine: Machine, workers: int) -> None:
        """A machine comes."""
        self.slots += tuple(FakeSlot(f"worker-{n}", self, machine) for n in range(workers))
        self._listener()

    def lose(self, machine: Machine) -> None:
        """A machine goes; what becomes of the calls there is the caller's."""
        self.gone += [slot for slot in self.slots if slot.machine == machine]
        self.slots = tuple(slot for slot in self.slots if slot.machine != machine)
        self._listener()

    def arrived(self, call: Call) -> None:
        self.calls.append(call)
        if self.auto is not None:
            self.auto(call)
        else:
            self._arrivals.put_nowait(call)

    async def next_call(self) -> Call:
        async with asyncio.timeout(BOUND_S):
            return await self._arrivals.get()

    def stats(self) -> dict[str, int]:
        return {"slots": len(self.slots)}

    async def close(self) -> None:
        for slot in self.slots:
            slot.kill()

    @property
    def under_way(self) -> list[Call]:
        slots = (*self.slots, *self.gone)
        return [slot.call for slot in slots if slot.call and not slot.call.ending.done()]


class Events(Telemetry):
    """The telemetry, kept as tuples."""

    def __init__(self) -> None:
        super().__init__(lambda _: None, "fake")
        self.all: list[tuple[Any, ...]] = []
        self.durations: deque[int] = deque()

    def started(self, job: Job, waited_s: float = 0.0) -> None:
        self.all.append(("started", job.id, job.attempt))

    def succeeded(self, job: Job, duration_ms: int) -> None:
        self.all.append(("succeeded", job.id))
        self.durations.append(duration_ms)

    def failed(self, job: Job, error_class: str) -> None:
        self.all.append(("failed", job.id, error_class))

    def of(self, job_id: str) -> list[tuple[Any, ...]]:
        return [(event[0], *event[2:]) for event in self.all if event[1] == job_id]


class Desk:
    """One life of a server on `root`."""

    def __init__(
        self,
        root: Path,
        *,
        workers: int = 2,
        budget_mib: int = 1000,
        cores: int = 1,
        auto: Callable[[Call], None] | None = None,
        **settings: Any,
    ) -> None:
        self.storage = Storage(root)
        self.storage.open(0)
        self.store = JobStore(
            self.storage.database, self.storage.sync_uploads, self.storage.rescue_upload
        )
        self.pool = FakePool(workers, auto, Machine("", budget_mib, cores))
        self.events = Events()
        self.dispatcher = Dispatcher(
            self.store,
            self.storage,
            self.pool,
            self.events,
            provider="fake",
            job_timeout_s=settings.pop("job_timeout_s", 1.0),
            retention_hours=settings.pop("retention_hours", 0),
            **settings,
        )
        self._threads = ThreadPoolExecutor(4)
        asyncio.get_running_loop().set_default_executor(self._threads)
        self._open = True

    async def begin(self) -> "Desk":
        await self.dispatcher.recover()
        self.dispatcher.start()
        return self

    async def add(self, *, side: int = 100, upload: bool = True, **state: Any) -> str:
        """Put a job on disk without telling the dispatcher."""
        job_id = str(uuid.uuid4())
        if upload:
            self.write_upload(job_id)
        job = Job(job_id, JobSpec("model", 0.6, 1), "jpeg", side, side, time.time(), **state)
        try:
            await self.store.add(job)
        except BaseException:
            self.storage.discard(job_id)
            raise
        return job_id

    def write_upload(self, job_id: str) -> None:
        arriving = self.storage.create_upload(job_id)
        arriving.write([PHOTO])
        arriving.commit()

    async def promise(self, **kwargs: Any) -> str:
        job_id = await self.add(**kwargs)
        self.dispatcher.wake()
        return job_id

    def lose_upload(self, job_id: str) -> None:
        """Somebody else's hand."""
        Path(self.storage.upload_path(job_id)).unlink()

    def job(self, job_id: str) -> Job:
        job = self.store.get(job_id)
        assert job is not None
        return job

    async def quiet(self) -> None:
        """Until no job is in work and none can be started."""
        async with asyncio.timeout(BOUND_S):
            await asyncio.sleep(0)
            while self.dispatcher._tasks or self.dispatcher._dispatching:
                if self.dispatcher._tasks:
                    await asyncio.wait(self.dispatcher._tasks.values())
                await asyncio.sleep(0)

    async def tidied(self) -> None:
        """Until the sweep after a start is through, and every cancel."""
        async with asyncio.timeout(BOUND_S):
            sweeping = self.dispatcher._sweeping
            await asyncio.gather(*([sweeping] if sweeping else []), *self.dispatcher._cancels)

    def fill_disk(self, full: bool = True) -> None:
        """Let SQLite refuse every write, as it does on a full disk."""
        self.store._writer.execute(f"PRAGMA query_only = {'ON' if full else 'OFF'}")

    def temp_files(self) -> set[str]:
        return {name for _, name in self.storage.leftovers()}

    def outputs(self) -> set[str]:
        return {path.name for path in (self.storage.root / "outputs").iterdir()}

    async def stop(self, grace_s: float = 0.0) -> None:
        await self.dispatcher.stop(grace_s)
        self.close()

    async def crash(self) -> None:
        """The process is gone: nothing is written any more, nothing tidied up."""
        self.dispatcher._stopping = True
        kept = (self.dispatcher._tasks.values(), self.dispatcher._background)
        tasks = [*chain(*kept), *self.dispatcher._cancels]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._threads.shutdown()
            self.store.close()
            self.storage.close()


class Lines(logging.Handler):
    """Keeps the log."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.all.append(self.format(record))


class DeskTestCase(unittest.IsolatedAsyncioTestCase):
    """Short pauses, and one folder on which Desks live one after the other."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(dir=FAST_FOLDER)
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "data"
        self.enterContext(mock.patch.dict(retry.RETRIES, QUICK))
        self.log = Lines()
        logger = logging.getLogger("restore")
        self.enterContext(mock.patch.object(logger, "handlers", [self.log]))
        self.enterContext(mock.patch.object(logger, "propagate", False))
        self.addCleanup(logger.setLevel, logger.level)
        logger.setLevel(logging.INFO)

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)

    def desk(self, **settings: Any) -> Desk:
        desk = Desk(self.root, **settings)
        self.addAsyncCleanup(self.end, desk)
        return desk

    async def end(self, desk: Desk) -> None:
        if desk._open:
            await desk.stop()


def and_then(owner: object, name: str, action: Callable[[], object]) -> Any:
    """A patch by which each call of `owner.name` is followed by `action`."""
    real = getattr(owner, name)

    def both(*args: Any, **kwargs: Any) -> Any:
        try:
            return real(*args, **kwargs)
        finally:
            action()

    return mock.patch.object(owner, name, both)


class Hung:
    """Holds up each call of `owner.name` (a function that runs on a thread) until `go` is set."""

    def __init__(self, owner: object, name: str) -> None:
        self.came, self.go = threading.Event(), threading.Event()
        real = getattr(owner, name)

        def held(*args: Any) -> Any:
            self.came.set()
            self.go.wait(BOUND_S)
            return real(*args)

        self._patch = mock.patch.object(owner, name, held)

    def __enter__(self) -> "Hung":
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go.set()
        self._patch.stop()

    async def reached(self) -> None:
        """Until a call is held."""
        assert await asyncio.to_thread(self.came.wait, BOUND_S)
