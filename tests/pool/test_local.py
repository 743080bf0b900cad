"""pool: calls, memory, descriptors, the end."""

import asyncio
import gc
import mmap
import os
import resource
import signal
import sys
import threading
import time
import unittest
from contextlib import suppress
from pathlib import Path
from unittest import mock

from restore.pool import limits
from restore.pool.errors import ChildDied, ChildError, ChildStalled
from restore.pool.local import LocalPool
from restore.worker import limits as worker_limits
from restore.worker import setup
from restore.worker.setup import ChildSettings
from tests.support import bad_providers, pools
from tests.support.pools import NOTHING, PoolCase

TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
BUSY_S = 5.0  # for what takes milliseconds, on a machine that runs ten other things


def identity(value: object) -> object:
    return value


def surroundings() -> dict[str, object]:
    """What a call finds around it."""
    umask = os.umask(0o077)
    os.umask(umask)
    score = Path("/proc/self/oom_score_adj")
    return {
        "pid": os.getpid(),
        "group": os.getpgrp(),
        "folder": str(Path.cwd()),
        "umask": umask,
        "nice": os.nice(0),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "oom_score_adj": score.read_text(encoding="ascii").strip() if score.exists() else "1000",
        "ignored": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "settings": setup.settings(),
        "timers": [signal.getitimer(which) for which in TIMERS],
        "stdin": os.read(0, 1),
    }


class Calls(PoolCase):
    def test_returns_what_the_function_returns(self) -> None:
        self.assertEqual(self.call(identity, {"a": [1.5, None]}), {"a": [1.5, None]})

    def test_keeps_its_child_from_call_to_call(self) -> None:
        self.assertEqual(self.call(os.getpid, stall_s=None), self.call(os.getpid))

    def test_callers_of_one_slot_take_turns(self) -> None:
        async def all_at_once() -> list[object]:
            calls = (self.slot.run(identity, n, stall_s=None) for n in range(20))
            return await asyncio.gather(*calls)

        self.assertEqual(self.wait(all_at_once()), list(range(20)))

    def test_progress_is_told_while_the_call_runs(self) -> None:
        async def seen() -> list[float]:
            call = asyncio.ensure_future(self.slot.run(bad_providers.hangs, *NOTHING, stall_s=1.0))
            values = [self.slot.progress]
            while not call.done():
                await asyncio.sleep(0.01)
                values.append(self.slot.progress)
            self.assertIsInstance(call.exception(), ChildStalled)
            return [*values, self.slot.progress]

        values = self.wait(seen())
        self.assertEqual((values[0], max(values), values[-1]), (0.0, 0.25, 0.0))

    def test_nonsense_in_the_shared_number_is_not_told(self) -> None:
        for value in (float("nan"), float("inf"), -1.0, 1.5):
            self.slot._progress.value = value
            self.assertEqual(self.slot.progress, 0.0)

    def test_an_argument_that_cannot_cross_is_the_callers_own_mistake(self) -> None:
        with self.assertRaises((AttributeError, TypeError, Exception)) as caught:
            self.call(identity, lambda: None)
        self.assertNotIsInstance(caught.exception, ChildError)
        self.assertEqual(self.call(identity, 1), 1)

    def test_what_a_child_is_at_its_start(self) -> None:
        found = self.wait(self.pool.slots[0].run(surroundings, stall_s=None))
        self.assertEqual(found["group"], found["pid"])
        self.assertNotEqual(found["group"], os.getpgrp())
        self.assertEqual(found["folder"], "/")
        self.assertEqual(found["umask"], 0o077)
        self.assertEqual(found["nice"], os.nice(0) + 1)
        self.assertEqual(found["core"], (0, 0))
        self.assertEqual(found["oom_score_adj"], "1000")
        self.assertEqual(found["ignored"], [setup.leave_to_server, setup.leave_to_server])
        self.assertEqual(found["blocked"], set())
        self.assertEqual(found["settings"], self.settings)
        self.assertEqual(found["stdin"], b"")

    def test_the_inspector_is_not_made_to_wait_for_workers(self) -> None:
        found = self.wait(self.pool.inspector.run(surroundings, stall_s=None))
        self.assertEqual(found["nice"], os.nice(0))

    def test_nothing_of_a_call_is_left_for_the_next(self) -> None:
        before = self.wait(self.slot.run(surroundings, stall_s=None))
        for change in (bad_providers.changes_process, bad_providers.closes_output):
            self.assertEqual(self.provide(change), before["pid"])
            self.assertEqual(self.wait(self.slot.run(surroundings, stall_s=None)), before)
            self.assertEqual(self.provide(bad_providers.prints_binary, job="next"), before["pid"])
            self.assertIn((f"{self.slot.name} next", r"\x1b[2J"), self.printed)

    def test_replaced_after_so_many_calls(self) -> None:
        first = self.call(os.getpid)
        with mock.patch.object(limits, "JOBS_PER_CHILD", 1):
            self.assertEqual(self.call(os.getpid), first)
        pools.living([first], 5.0)
        self.assert_gone(first)
        second = self.call(os.getpid)
        self.assertNotEqual(second, first)

    def test_replaced_after_growing(self) -> None:
        grown = self.call(_allow_growth_of, 16)
        self.assertEqual(self.provide(bad_providers.keeps_memory), grown)
        self.assert_gone(grown)
        self.assertNotEqual(self.call(os.getpid), grown)


class Memory(PoolCase):
    settings = ChildSettings(provider="generic")

    @unittest.skipUnless(sys.platform == "linux", "kept on Linux only")
    def test_a_built_in_provider_cannot_take_the_machine(self) -> None:
        with self.assertRaises(ChildDied) as caught:
            self.provide(bad_providers.hogs_memory)
        self.assertIn("Cannot allocate memory", caught.exception.detail)

    @unittest.skipUnless(sys.platform == "linux", "kept on Linux only")
    def test_what_it_may_have_is_enough_for_the_largest_picture(self) -> None:
        self.assertEqual(self.call(_mapped, 1400 << 20), 1400 << 20)


class Flatness(PoolCase):
    """Descriptors, threads and memory stay where they were."""

    def counts(self) -> tuple[int, int]:
        gc.collect()
        threads = [name for thread in threading.enumerate() if "pool_" not in (name := thread.name)]
        return pools.open_files(), len(threads)

    def assert_no_more_than(self, before: tuple[int, int]) -> None:
        """Fewer may be: what is left of a child is closed a moment after its call has ended."""

        def as_few() -> bool:
            return all(now <= then for now, then in zip(self.counts(), before, strict=True))

        with suppress(TimeoutError):
            self.wait(asyncio.wait_for(pools.until(as_few), BUSY_S))
        for now, then in zip(self.counts(), before, strict=True):
            self.assertLessEqual(now, then)

    def test_over_many_calls(self) -> None:
        self.call(os.getpid)
        before, resident = self.counts(), setup.resident_mib()
        for n in range(300):
            self.assertEqual(self.call(identity, n), n)
        self.assert_no_more_than(before)
        self.assertLess(setup.resident_mib() - resident, 5)

    def test_over_many_deaths(self) -> None:
        def die(times: int) -> None:
            for _ in range(times):
                with self.assertRaises(ChildDied):
                    self.provide(bad_providers.kills_itself)

        die(3)
        before, resident = self.counts(), setup.resident_mib()
        die(25)
        self.assert_no_more_than(before)
        self.assertLess(setup.resident_mib() - resident, 5)


class KilledForMemory(unittest.IsolatedAsyncioTestCase):
    async def test_it_is_said_where_the_kernel_has_counted_one(self) -> None:
        counts = iter([7, 8, 8, 8])
        pool = LocalPool(1, ChildSettings(nice=0), oom_kills=lambda: next(counts))
        self.addAsyncCleanup(pool.close)
        for words in ("memory ran out", "memory may have run out"):
            with self.assertRaisesRegex(ChildDied, f"killed by SIGKILL.*{words}"):
                await pool.slots[0].run(bad_providers.kills_itself, *NOTHING, stall_s=None)


class DirectFlatness(Flatness):
    direct = True


class Closing(unittest.IsolatedAsyncioTestCase):
    async def test_ends_everything_though_a_call_is_under_way(self) -> None:
        pool = LocalPool(2, ChildSettings(nice=0), output=lambda *line: None)
        hanging = asyncio.ensure_future(
            pool.slots[0].run(bad_providers.hangs_holding_the_gil, *NOTHING, stall_s=None)
        )
        idle = await pool.slots[1].run(os.getpid, stall_s=None)
        inspector = await pool.inspector.run(os.getpid, stall_s=None)
        await pools.until(lambda: pool.slots[0].progress)
        server = pools.fork_server()
        pids = [server, *pools.children_of(server)]
        self.assertLessEqual({idle, inspector}, set(pids))
        started = time.monotonic()
        await pool.close()
        self.assertLess(time.monotonic() - started, BUSY_S)
        self.assertEqual(pools.living(pids, 0.0), [])
        with self.assertRaises(ChildDied):
            await hanging
        with self.assertRaises(ChildDied):
            await pool.slots[0].run(os.getpid, stall_s=None)

    async def test_a_pool_that_was_never_used(self) -> None:
        await LocalPool(1, ChildSettings()).close()

    async def test_lines_go_to_the_log_by_default(self) -> None:
        pool = LocalPool(1, ChildSettings())
        with self.assertLogs("restore", "INFO") as logged:
            await pool.slots[0].run(print, "hello", stall_s=None, job="7")
        self.assertEqual(logged.output, ["INFO:restore:worker-1 7: hello"])
        await pool.close()


def _allow_growth_of(mib: int) -> int:
    worker_limits.CHILD_GROWTH_MIB = mib  # of the child that this runs in
    return os.getpid()


def _mapped(size: int) -> int:
    with mmap.mmap(-1, size) as memory:
        return len(memory)
