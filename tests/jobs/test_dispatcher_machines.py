"""dispatcher: machines come and go; each has its own memory and cores."""

import asyncio

from restore.contract.job import JobStatus
from restore.jobs.budget import estimate_mib
from restore.pool.protocol import Machine
from tests.support.jobdesk import Desk, DeskTestCase

SIDE = 1000
NEED_MIB = estimate_mib(SIDE, SIDE, 1)


class MachineTests(DeskTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.at: Desk = await self.desk(workers=0).begin()

    def gain(self, name: str, workers: int = 1, mib: int = 1000, cores: int = 1) -> Machine:
        machine = Machine(name, mib, cores)
        self.at.pool.gain(machine, workers)
        return machine

    async def test_without_a_machine_jobs_wait_and_go_on_with_the_first(self) -> None:
        job_id = await self.at.promise()
        await asyncio.sleep(0)
        self.assertEqual(self.at.job(job_id).status, JobStatus.QUEUED)
        self.gain("box")
        (await self.at.pool.next_call()).finish()
        await self.at.quiet()
        self.assertEqual(self.at.job(job_id).status, JobStatus.SUCCEEDED)

    async def test_a_lost_machine_is_not_the_jobs_fault(self) -> None:
        self.gain("one")
        job_id = await self.at.promise()
        call = await self.at.pool.next_call()
        call.slot.progress = 0.5
        self.assertEqual(self.at.dispatcher.progress(job_id), 0.5)
        call.lose_machine()
        await self.at.quiet()
        job = self.at.job(job_id)
        self.assertEqual((job.attempt, job.vanished, job.working), (0, 1, False))
        self.assertEqual(self.at.dispatcher.progress(job_id), 0.5)
        waiting = await self.at.promise()
        self.gain("two")
        again = await self.at.pool.next_call()
        self.assertEqual((again.task.job_id, again.task.attempt), (job_id, 1))
        again.finish()
        (await self.at.pool.next_call()).finish()
        await self.at.quiet()
        for done in (job_id, waiting):
            self.assertEqual(self.at.job(done).status, JobStatus.SUCCEEDED)

    async def test_a_job_that_had_not_begun_there_has_lost_nothing(self) -> None:
        self.gain("one")
        job_id = await self.at.promise()
        for number in range(20):
            call = await self.at.pool.next_call()
            call.lose_machine(begun=False)
            self.gain(f"next {number}")
        (await self.at.pool.next_call()).finish()
        await self.at.quiet()
        job = self.at.job(job_id)
        self.assertEqual((job.status, job.attempt, job.vanished), (JobStatus.SUCCEEDED, 1, 0))

    async def test_machines_lost_over_and_over_fail_it_at_last(self) -> None:
        job_id = await self.at.promise()
        for number in range(11):
            self.gain(f"box {number}")
            (await self.at.pool.next_call()).lose_machine()
            await self.at.quiet()
        self.assertEqual(self.at.job(job_id).error, "server_died")

    async def test_one_that_is_to_be_moved_can_be_cancelled(self) -> None:
        self.gain("one")
        job_id = await self.at.promise()
        (await self.at.pool.next_call()).lose_machine()
        await self.at.quiet()
        await self.at.dispatcher.cancel(job_id)
        self.gain("two")
        await self.at.quiet()
        self.assertIsNone(self.at.store.get(job_id))
        self.assertEqual((len(self.at.pool.calls), self.at.temp_files()), (1, set()))

    async def test_the_least_loaded_machine_is_next_and_each_has_its_own_memory(self) -> None:
        small = self.gain("small", workers=4, mib=2 * NEED_MIB)
        large = self.gain("large", workers=2, mib=3 * NEED_MIB)
        for _ in range(6):
            await self.at.promise(side=SIDE)
        calls = [await self.at.pool.next_call() for _ in range(4)]
        machines = [call.slot.machine for call in calls]
        self.assertEqual((machines.count(small), machines.count(large)), (2, 2))
        await asyncio.sleep(0)
        self.assertEqual(len(self.at.pool.under_way), 4)  # small has slots, and no memory
        self.at.pool.auto = lambda call: call.finish()
        for call in calls:
            call.finish()
        await self.at.quiet()

    async def test_cores_are_the_machines_own(self) -> None:
        self.gain("many", mib=100_000, cores=6)
        await self.at.promise(side=4000)
        self.assertEqual((await self.at.pool.next_call()).task.cores, 6)

    async def test_memory_of_all_machines_is_told(self) -> None:
        self.gain("one", mib=10)
        self.gain("two", workers=3, mib=20)
        self.assertEqual(self.at.dispatcher.stats()["memory_budget"], 30 << 20)
