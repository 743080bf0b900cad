"""The durable core under random interleavings: every promise is looked at in the end.

Each seed is one story of servers that live one after the other on a folder: jobs arrive, children
finish, fail, die or stall, machines go and come, clients poll and cancel, the disk fills up and
heals, servers stop or crash. RESTORE_TEST_SEED repeats one story; RESTORE_LONG_TESTS=1 tells many
more.
"""

import asyncio
import random
from collections import Counter

from restore.contract.job import ENDED, MAX_ATTEMPTS, JobStatus
from restore.pool.errors import MachineLost
from restore.pool.protocol import Machine
from restore.storage.errors import DatabaseError
from restore.worker.job import Outcome
from tests.support.jobdesk import Call, DeskTestCase
from tests.support.promises import LONG, seed

STORIES = 300 if LONG else 12
STEPS = 120
ORDER = [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED]


class Story:
    """One seed's run of the world, and what a client could have seen of it."""

    def __init__(self, seed: int, test: "StoryTests") -> None:
        self.dice = random.Random(seed)
        self.test = test
        self.promised: set[str] = set()
        self.cancelled: set[str] = set()
        self.seen: dict[str, tuple[int, float]] = {}  # status and progress as last polled
        self.ends: Counter[str] = Counter()
        self.full = False
        self.crashes = self.machines = 0

    async def tell(self) -> None:
        self.desk = await self.test.desk(workers=2).begin()
        for _ in range(STEPS):
            step = self.dice.choices(
                [self.arrive, self.end_a_call, self.poll, self.cancel, self.fill, self.next_life],
                [30, 40, 20, 8, 4, 3],
            )[0]
            await step()
            for _ in range(self.dice.randrange(4)):
                await asyncio.sleep(0)
        await self.settle()
        self.look_at_every_promise()
        await self.desk.stop()

    # -- steps

    async def arrive(self) -> None:
        side = self.dice.choice([100, 100, 2500])  # two of the large exceed the budget together
        arriving = asyncio.ensure_future(self.desk.add(side=side))
        try:
            if self.dice.random() < 0.1:  # a client that hangs up gets no promise
                await asyncio.sleep(0)
                arriving.cancel()
            self.promised.add(await arriving)
        except DatabaseError:
            self.test.assertTrue(self.full)
        except asyncio.CancelledError:
            pass
        self.desk.dispatcher.wake()

    async def end_a_call(self) -> None:
        calls = self.desk.pool.under_way
        if not calls:
            return
        call = self.dice.choice(calls)
        call.slot.progress = self.dice.random()
        await self.poll()
        rare = ["fail", "stall", "again", "empty", "lose_machine"]
        how = self.dice.choice(["finish"] * 5 + ["die"] * 3 + rare)
        if call.ending.done():
            return
        if how == "finish":
            call.finish()
        elif how == "empty":
            call.ending.set_result(Outcome(f"{call.task.folder}/missing.png"))
        elif how == "fail":
            call.fail("provider_error")
        elif how == "again":
            call.fail("storage", again=True)
        elif how == "lose_machine":
            call.lose_machine(begun=self.dice.random() < 0.5)
            for other in self.desk.pool.under_way:
                other.ending.set_exception(MachineLost("cable pulled"))
            self.machines += 1
            self.desk.pool.gain(Machine(f"box {self.machines}", 1000), self.dice.choice([1, 2, 3]))
        else:
            getattr(call, how)()

    async def poll(self) -> None:
        for job_id in self.promised - self.cancelled:
            job = self.desk.store.get(job_id)
            self.test.assertIsNotNone(job, f"{job_id} is silently gone")
            assert job is not None
            progress = job.progress if job.ended else self.desk.dispatcher.progress(job_id)
            status = ORDER.index(job.status)
            before, reached = self.seen.get(job_id, (0, 0.0))
            self.test.assertGreaterEqual(status, before, "a status ran backwards")
            if before in (2, 3):
                self.test.assertEqual(status, before, "an end changed")
            self.test.assertGreaterEqual(progress, reached, "progress fell")
            self.seen[job_id] = (status, progress)

    async def cancel(self) -> None:
        if not self.promised:
            return
        job_id = self.dice.choice(sorted(self.promised))
        cancels = [self.desk.dispatcher.cancel(job_id) for _ in range(self.dice.choice([1, 2]))]
        for outcome in await asyncio.gather(*cancels, return_exceptions=True):
            self.test.assertTrue(outcome is None or (self.full and type(outcome) is DatabaseError))
        if self.full and self.desk.store.get(job_id) is not None:
            return  # it was refused, and nothing happened
        self.test.assertIsNone(self.desk.store.get(job_id))
        self.cancelled.add(job_id)

    async def fill(self) -> None:
        self.full = not self.full
        self.desk.fill_disk(self.full)

    async def next_life(self) -> None:
        self.count_ends()
        if self.dice.random() < 0.5:
            await self.desk.stop(grace_s=self.dice.choice([0, 0.01]))
        else:
            self.crashes += 1
            await self.desk.crash()
        self.count_ends()
        self.full = False
        self.seen = {job_id: (status, 0.0) for job_id, (status, _) in self.seen.items()}
        self.desk = await self.test.desk(workers=self.dice.choice([1, 2, 3])).begin()

    def count_ends(self) -> None:
        for event in self.desk.events.all:
            if event[0] in ("succeeded", "failed"):
                self.ends[event[1]] += 1
        self.desk.events.all.clear()

    # -- the end

    async def settle(self) -> None:
        """Room, and children that do their work: everything must come to its end."""
        self.full = False
        self.desk.fill_disk(False)
        self.desk.pool.auto = Call.finish
        for call in self.desk.pool.under_way:
            call.finish()
        self.desk.dispatcher.wake()
        await self.desk.quiet()
        await self.desk.tidied()
        await self.poll()
        self.count_ends()

    def look_at_every_promise(self) -> None:
        test, outputs = self.test, set()
        for job_id in self.promised:
            job = self.desk.store.get(job_id)
            if job_id in self.cancelled:
                test.assertIsNone(job)
                continue
            assert job is not None
            test.assertIn(job.status, ENDED, job)
            test.assertLessEqual(job.attempt, MAX_ATTEMPTS)
            test.assertFalse(job.working)
            if job.status is JobStatus.SUCCEEDED:
                assert job.output is not None
                path = self.desk.storage.output_path(job.output)
                assert path is not None
                test.assertEqual(path.read_bytes(), b"result")
                outputs.add(job.output)
            told = self.ends[job_id]
            test.assertTrue(told == 1 or (told == 0 and self.crashes), f"told {told} times: {job}")
        test.assertEqual(self.desk.outputs(), outputs)
        test.assertEqual(self.desk.temp_files(), set())
        test.assertEqual(self.desk.store.waiting, 0)
        test.assertEqual(self.desk.dispatcher._held, {})
        test.assertEqual(len(self.desk.dispatcher._free), len(self.desk.pool.slots))


class StoryTests(DeskTestCase):
    async def test_every_promise_is_kept(self) -> None:
        home = self.root
        for number in range(STORIES):
            self.root, dice = home / str(number), seed()
            with self.subTest(RESTORE_TEST_SEED=dice):
                async with asyncio.timeout(60):
                    await Story(dice, self).tell()
