"""A pool for a whole test class, and a look at the processes there are."""

import asyncio
import subprocess
import threading
import time
import unittest
from collections.abc import Callable, Coroutine
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from unittest import mock

from restore.pool.local import LocalPool
from restore.pool.slot import LocalSlot
from restore.worker.setup import ChildSettings

T = TypeVar("T")
NOTHING = ("", "bad/provider", 0.6, 1)  # what a bad provider is called with


class PoolCase(unittest.TestCase):
    """Has `pool` with `workers` slots; `printed` gathers what children print.

    `slot` is the first of them, with `direct` the inspector's, which has the other kind of child.
    """

    workers = 1
    direct = False
    settings = ChildSettings(provider="tests.support.bad_providers:raises", nice=1)
    loop: ClassVar[asyncio.AbstractEventLoop]
    pool: ClassVar[LocalPool]
    printed: ClassVar[list[tuple[str, str]]]
    broken: ClassVar[list[object]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.broken = []
        hook = mock.patch.object(threading, "excepthook", cls.broken.append)
        hook.start()
        cls.addClassCleanup(hook.stop)
        cls.loop = asyncio.new_event_loop()
        cls.printed = []
        cls.pool = cls.wait(cls.made())

    @classmethod
    def tearDownClass(cls) -> None:
        cls.wait(cls.pool.close())
        cls.loop.close()
        if cls.broken:
            raise AssertionError(f"a thread of an executor broke: {cls.broken}")

    @classmethod
    async def made(cls) -> LocalPool:
        pool = LocalPool(cls.workers, cls.settings, output=lambda *line: cls.printed.append(line))
        await pool.start()
        return pool

    @classmethod
    def wait(cls, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the class's loop; a minute is far beyond what any test takes."""
        return cls.loop.run_until_complete(asyncio.wait_for(work, 60))

    @property
    def slot(self) -> LocalSlot:
        return self.pool.inspector if self.direct else self.pool.slots[0]

    def call(self, function: Callable[..., T], *args: object, **bounds: Any) -> T:
        """Run `function` in `slot`."""
        return self.wait(self.slot.run(function, *args, **{"stall_s": 30.0, **bounds}))

    def provide(self, function: Callable[..., T], **bounds: Any) -> T:
        """Run `function`, one of bad_providers, in `slot`."""
        return self.call(function, *NOTHING, **bounds)

    def assert_gone(self, *pids: int, within_s: float = 5.0) -> None:
        self.assertEqual(living(pids, within_s), [])


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition()` is true; the caller's bound is the bound."""
    while not condition():  # noqa: ASYNC110  (what is waited for is in another process)
        await asyncio.sleep(0.005)


def said(path: Path) -> list[int]:
    """The process ids that a bad provider wrote into the file at `path`."""
    return [int(pid) for pid in path.read_text(encoding="ascii").split()] if path.exists() else []


def fork_server() -> int:
    """The process id of multiprocessing's fork server."""
    pid: int = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return pid


def living(pids: "tuple[int, ...] | list[int]", within_s: float) -> list[int]:
    """Which of `pids` still run once they have had `within_s` seconds to end."""
    deadline = time.monotonic() + within_s
    while (left := _running() & set(pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return sorted(left)


def children_of(pid: int) -> list[int]:
    return [each for each, parent in _processes() if parent == pid]


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def _running() -> set[int]:
    return {pid for pid, _ in _processes()}


def _processes() -> list[tuple[int, int]]:
    """Process and parent, without those that only wait to be reaped."""
    command = ["ps", "-A", "-o", "pid=,ppid=,stat="]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [(int(pid), int(parent)) for pid, parent, state in rows if not state.startswith("Z")]
