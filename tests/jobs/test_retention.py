"""retention: what is due goes, row first; clocks that jump take nothing early."""

import asyncio
import uuid
from unittest import mock

from restore.contract.job import Job, JobStatus
from restore.jobs import retention
from restore.jobs.retention import HOUR_S, Clock, Retention
from restore.storage.errors import DatabaseError
from restore.storage.schema import Key
from tests.support.jobdesk import Desk, DeskTestCase, and_then
from tests.support.jobstore_testcase import SPEC
from tests.support.pools import until


class RetentionTests(DeskTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.now = 1_000_000.0
        self.clock = Clock(lambda: self.now, lambda: self.now)
        self.at = self.desk()
        self.retention = self.keeping(2)

    def keeping(self, hours: float) -> Retention:
        return Retention(self.at.store, self.at.storage, hours, self.clock)

    async def ended(self, hours_ago: float) -> str:
        job_id = await self.at.add(upload=False)
        (self.root / "outputs" / f"{job_id}.png").write_bytes(b"result")
        job: Job = self.at.job(job_id).start()
        job = job.succeed(f"{job_id}.png", self.now - hours_ago * HOUR_S)
        await self.at.store.save(job, JobStatus.QUEUED)
        return job_id

    async def test_only_what_ended_longer_ago_goes(self) -> None:
        old, young = await self.ended(2.1), await self.ended(1.9)
        failed = await self.at.add(upload=False)
        await self.at.store.save(
            self.at.job(failed).fail("storage", self.now - 3 * HOUR_S), JobStatus.QUEUED
        )
        waiting = await self.at.add()
        self.assertEqual(await self.retention.remove_due(), 2)
        self.assertIsNone(self.at.store.get(old))
        self.assertIsNone(self.at.store.get(failed))
        self.assertEqual(self.at.outputs(), {f"{young}.png"})
        self.assertEqual(self.at.job(waiting).status, JobStatus.QUEUED)

    async def test_more_than_a_batch(self) -> None:
        with mock.patch.object(retention, "BATCH", 3):
            for _ in range(8):
                await self.ended(5)
            self.assertEqual(await self.retention.remove_due(), 8)
        self.assertEqual(self.at.outputs(), set())

    async def test_the_row_goes_first(self) -> None:
        job_id = await self.ended(5)
        rows: list[Job | None] = []
        with mock.patch.object(
            self.at.storage, "discard_output", lambda _: rows.append(self.at.store.get(job_id))
        ):
            await self.retention.remove_due()
        self.assertEqual(rows, [None])

    async def test_0_keeps_everything(self) -> None:
        await self.ended(1e6)
        looked = asyncio.Event()
        with and_then(self.at.store, "drop_keys", looked.set):
            running = asyncio.ensure_future(self.keeping(0).run())
            async with asyncio.timeout(10):
                await looked.wait()
            running.cancel()
        self.assertEqual(len(self.at.outputs()), 1)

    async def test_keys_are_kept_for_a_day(self) -> None:
        """Whether or not jobs are kept for ever."""
        for hours_ago in (23.9, 24.1):
            key = Key(f"{hours_ago}", "print", str(uuid.uuid4()), self.now - hours_ago * HOUR_S)
            await self.at.store.add(Job(key.job_id, SPEC, "jpeg", 9, 9, 0.0), key)
        running = asyncio.ensure_future(self.keeping(0).run())
        async with asyncio.timeout(10):
            await until(lambda: self.at.store.key("24.1") is None)
        running.cancel()
        self.assertIsNotNone(self.at.store.key("23.9"))

    async def test_it_looks_again_and_again_and_outlives_errors(self) -> None:
        looked = asyncio.Event()
        outcomes: list[Exception | None] = [
            DatabaseError("disk I/O error"),
            RuntimeError("a fault of our own"),
            None,
        ]

        async def remove_due() -> int:
            outcome = outcomes.pop(0)
            if outcome is not None:
                raise outcome
            looked.set()
            await asyncio.Event().wait()
            return 0

        with (
            mock.patch.object(retention, "SHORTEST_PERIOD_S", 0.001),
            mock.patch.object(retention, "LONGEST_PERIOD_S", 0.001),
            mock.patch.object(self.retention, "remove_due", remove_due),
        ):
            running = asyncio.ensure_future(self.retention.run())
            async with asyncio.timeout(10):
                await looked.wait()
            running.cancel()
        self.assertEqual(len([line for line in self.log.all if "removing old jobs" in line]), 2)
        self.assertTrue(any("Traceback" in line for line in self.log.all))

    async def test_an_end_in_the_future_waits_for_as_long_as_jobs_are_kept(self) -> None:
        job_id = await self.ended(-1000)
        self.assertEqual(await self.retention.remove_due(), 0)
        self.now += 1.9 * HOUR_S
        self.assertEqual(await self.retention.remove_due(), 0)
        self.now += 0.2 * HOUR_S
        self.assertEqual(await self.retention.remove_due(), 1)
        self.assertIsNone(self.at.store.get(job_id))

    async def test_what_is_meant_to_go_says_so_until_it_is_gone(self) -> None:
        job_id = await self.ended(5)
        meant: list[list[str]] = []
        erase = self.at.storage.discard_output

        def look(name: str) -> None:
            meant.append(self.at.store.removals())
            erase(name)

        with mock.patch.object(self.at.storage, "discard_output", look):
            await self.retention.remove_due()
        self.assertEqual(([[job_id]], []), (meant, self.at.store.removals()))

    async def test_the_dispatcher_runs_it(self) -> None:
        job_id = await self.ended(5)
        await self.at.crash()
        desk: Desk = self.desk(retention_hours=2, clock=self.clock)
        removed = asyncio.Event()
        loop = asyncio.get_running_loop()
        with and_then(
            desk.storage, "discard_output", lambda: loop.call_soon_threadsafe(removed.set)
        ):
            await desk.begin()
            async with asyncio.timeout(10):
                await removed.wait()
        self.assertIsNone(desk.store.get(job_id))
        self.assertEqual(desk.outputs(), set())

    async def test_the_store_stays_flat(self) -> None:
        sizes = []
        for _ in range(3):
            for _ in range(100):
                await self.ended(5)
            await self.retention.remove_due()
            self.at.store._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            sizes.append(self.at.storage.database.stat().st_size)
        self.assertLessEqual(max(sizes), min(sizes) + 8 * 4096, sizes)


class ClockTests(DeskTestCase):
    async def test_the_later_and_the_earlier_of_two_clocks(self) -> None:
        wall, even = [1_000.0], [50.0]
        clock = Clock(lambda: wall[0], lambda: even[0])
        self.assertEqual((clock.latest(), clock.earliest(), clock.uptime_s()), (1000, 1000, 0))
        even[0] += 7
        wall[0] = 1e9
        self.assertEqual((clock.latest(), clock.earliest(), clock.uptime_s()), (1e9, 1007, 7))
        wall[0] = 0.0
        self.assertEqual((clock.latest(), clock.earliest()), (1007, 0))

    async def test_a_clock_set_right_after_the_start_costs_no_result(self) -> None:
        """The start is three days early, as on a board without a battery; the next one is not."""
        now = 1_000_000.0
        wall, even = [now - 72 * HOUR_S], [0.0]
        desk = await self.desk(clock=Clock(lambda: wall[0], lambda: even[0])).begin()
        wall[0] = now
        job_id = await desk.promise()
        (await desk.pool.next_call()).finish()
        await desk.quiet()
        await desk.stop()
        desk = self.desk(retention_hours=24, clock=Clock(lambda: now + 4, lambda: even[0]))
        self.assertEqual(await desk.dispatcher._retention.remove_due(), 0)
        self.assertEqual(desk.outputs(), {f"{job_id}.png"})

    async def test_a_jump_of_the_machines_clock_removes_nothing(self) -> None:
        wall, even = [1_000_000.0], [0.0]
        clock = Clock(lambda: wall[0], lambda: even[0])
        desk = await self.desk(retention_hours=1, clock=clock).begin()
        job_id = await desk.promise()
        (await desk.pool.next_call()).finish()
        await desk.quiet()
        for jump in (1e9, -1e9, 0.0):
            wall[0] = 1_000_000.0 + jump
            self.assertEqual(await desk.dispatcher._retention.remove_due(), 0)
        self.assertEqual(desk.job(job_id).status, JobStatus.SUCCEEDED)
