"""pool: a child that dies, hangs or lies ends its own call only."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from unittest import mock

from restore.pool import limits
from restore.pool.errors import ChildDied, ChildError, ChildNotStarted, ChildStalled
from tests.support import bad_providers, pools
from tests.support.pools import NOTHING, PoolCase

BUSY_S = 5.0  # for what takes milliseconds, on a machine that runs ten other things


def identity(value: object) -> object:
    return value


class Deaths(PoolCase):
    """Whatever a child does, the call ends, and the next one works (20 ms later, if not busy)."""

    workers = 2

    def tearDown(self) -> None:
        started = time.monotonic()
        self.assertEqual(self.call(identity, "well"), "well")
        self.assertLess(time.monotonic() - started, BUSY_S)

    def assert_dies(self, function: object, sentence: str, **bounds: object) -> None:
        before = self.call(os.getpid)
        with self.assertRaises(ChildDied) as caught:
            self.provide(function, **bounds)  # type: ignore[arg-type]
        self.assertIn(sentence, caught.exception.detail)
        self.assert_gone(before)

    def test_exit(self) -> None:
        self.assert_dies(bad_providers.exits, "exit code 3")

    def test_segmentation_fault_leaves_its_trace_in_the_log(self) -> None:
        self.assert_dies(bad_providers.segfaults, "SIGSEGV", job="crash")
        lines = [line for name, line in self.printed if name == f"{self.slot.name} crash"]
        self.assertTrue(any("in segfaults" in line for line in lines), lines)

    def test_sigkill(self) -> None:
        self.assert_dies(bad_providers.kills_itself, "SIGKILL")

    def test_known_at_once(self) -> None:
        self.call(os.getpid)
        started = time.monotonic()
        with self.assertRaises(ChildDied):
            self.provide(bad_providers.kills_itself)
        self.assertLess(time.monotonic() - started, BUSY_S)

    def test_every_descriptor_closed(self) -> None:
        # Whichever is seen first of a pipe's end, upon which the child is killed, and the child's.
        told = "the child" if self.direct else "exit code"
        self.assert_dies(bad_providers.closes_everything, told)

    def test_exceptions_of_all_kinds(self) -> None:
        for function in (
            bad_providers.raises,
            bad_providers.raises_unpicklable,
            bad_providers.raises_undescribable,
            bad_providers.raises_at_length,
            bad_providers.exits_politely,
            bad_providers.interrupts,
            bad_providers.recurses,
        ):
            with self.subTest(function.__name__), self.assertRaises(ChildDied) as caught:
                self.provide(function)
            self.assertLess(len(caught.exception.detail), 9000)

    def test_results_that_cannot_cross(self) -> None:
        self.assert_dies(bad_providers.returns_a_lot, "too large")
        self.assert_dies(bad_providers.returns_unpicklable, "pickle")
        self.assert_dies(bad_providers.returns_unusable, "can't be read")

    def test_half_a_result(self) -> None:
        with self.assertRaises(ChildError):
            self.provide(bad_providers.scribbles, stall_s=0.3)

    def test_hang(self) -> None:
        for function in (bad_providers.hangs, bad_providers.hangs_holding_the_gil):
            pid = self.call(os.getpid)
            with self.assertRaises(ChildStalled) as caught:
                self.provide(function, stall_s=0.3)
            self.assertIn("0.250", caught.exception.detail)
            self.assert_gone(pid)

    def test_a_call_that_moves_is_not_taken_for_a_hang(self) -> None:
        started = time.monotonic()
        with self.assertRaises(ChildStalled) as caught:
            self.provide(bad_providers.hangs_with_progress, stall_s=1.0, bound_s=1.5)
        self.assertIn("no end", caught.exception.detail)
        self.assertGreater(time.monotonic() - started, 1.4)

    def test_a_server_that_was_stopped_shoots_nobody(self) -> None:
        async def stopped() -> None:
            call = asyncio.ensure_future(self.slot.run(time.sleep, 1.5, stall_s=1.0, bound_s=60.0))
            await asyncio.sleep(0.3)
            time.sleep(1.1)  # noqa: ASYNC251  (the loop stands still, the child doesn't)
            await call

        self.wait(stopped())

    def test_cancelled(self) -> None:
        async def cancelled(path: Path) -> int:
            call = asyncio.ensure_future(
                self.slot.run(bad_providers.hangs, str(path), "", 0.6, 1, stall_s=30.0)
            )
            await pools.until(lambda: pools.said(path))
            call.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await call
            return pools.said(path)[0]

        with tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            pid = self.wait(cancelled(Path(folder, "pid")))
            self.assertLess(time.monotonic() - started, BUSY_S)
        self.assertEqual(pools.living([pid], 0.0), [])

    def test_cancelled_at_any_moment_of_a_childs_start(self) -> None:
        async def cancelled(after_s: float) -> None:
            call = asyncio.ensure_future(self.slot.run(time.sleep, 30.0, stall_s=None))
            await asyncio.sleep(after_s)
            call.cancel()
            await asyncio.wait({call})
            self.assertTrue(call.cancelled())

        server = pools.fork_server()
        for n in range(15):
            self.wait(cancelled(n * 0.003))
        left = set(pools.children_of(server)) - {self.call(os.getpid)}
        self.assertEqual(left - {self.wait(self.pool.slots[1].run(os.getpid, stall_s=None))}, set())

    def test_killed_by_hand(self) -> None:
        async def killed() -> None:
            call = asyncio.ensure_future(self.slot.run(time.sleep, 30.0, stall_s=None))
            await asyncio.sleep(0.2)
            self.slot.kill()
            await call

        with self.assertRaises(ChildDied):
            self.wait(killed())

    def test_death_while_idle_is_nobodys_death(self) -> None:
        self.assert_gone(self.provide(bad_providers.dies_when_idle))
        self.assertEqual(self.call(identity, 1), 1)

    def test_neighbours_go_on(self) -> None:
        async def both() -> object:
            neighbour = asyncio.ensure_future(
                self.pool.slots[1].run(_sleeps_and_returns, 0.5, stall_s=None)
            )
            for function in (bad_providers.exits, bad_providers.segfaults):
                with self.assertRaises(ChildDied):
                    await self.slot.run(function, *NOTHING, stall_s=None)
            return await neighbour

        self.assertEqual(self.wait(both()), 0.5)

    def test_its_own_processes_go_with_it(self) -> None:
        pids = self.provide(bad_providers.forks)
        self.slot.kill()
        self.assert_gone(*pids)

    def test_a_program_that_it_started_can_be_stopped(self) -> None:
        self.assertEqual(self.call(_starts_and_stops), -signal.SIGTERM)

    def test_death_before_the_call_is_nobodys_death(self) -> None:
        for _ in range(10):
            os.kill(self.call(os.getpid), signal.SIGKILL)  # the pool can't know of it yet
            self.assertEqual(self.call(identity, 1), 1)

    def test_a_child_that_never_comes_up_is_told_of(self) -> None:
        self.slot.kill()
        late = mock.patch("restore.pool.process.START_S", 0.0)
        with late, self.assertRaises(ChildNotStarted):
            self.call(identity, 1)

    def test_threads_left_behind_hold_nothing_up(self) -> None:
        pid = self.provide(bad_providers.starts_threads)
        self.assertEqual(self.call(os.getpid), pid)
        with mock.patch.object(limits, "JOBS_PER_CHILD", 1):
            self.call(os.getpid)
        self.assert_gone(pid)

    def test_signals_to_everybody_are_for_the_server_to_decide(self) -> None:
        async def signalled() -> object:
            pid = await self.slot.run(os.getpid, stall_s=None)
            call = asyncio.ensure_future(self.slot.run(_sleeps_and_returns, 0.4, stall_s=None))
            await asyncio.sleep(0.1)
            server = pools.fork_server()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(server, number)
                os.kill(pid, number)
            return await call

        self.assertEqual(self.wait(signalled()), 0.4)

    def test_the_fork_server_killed(self) -> None:
        pid = self.call(os.getpid)
        server = pools.fork_server()
        os.kill(server, signal.SIGKILL)
        self.assert_gone(server)
        self.assertEqual(self.call(identity, 1), 1)
        self.wait(pools.until(lambda: not pools.living([pid], 0.0)))


def _starts_and_stops() -> int:
    with subprocess.Popen(["sleep", "60"]) as program:
        program.terminate()
        return program.wait(10)


def _sleeps_and_returns(seconds: float) -> float:
    time.sleep(seconds)
    return seconds
