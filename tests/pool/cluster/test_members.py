"""The cluster keeps every Pool's promises, through machines that come, go, hang and die."""

import asyncio
import importlib.util
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from restore.pool import limits
from restore.pool.cluster.members import ClusterPool
from restore.pool.cluster.messages import Facts, Tls
from restore.pool.errors import MachineAway, MachineLost
from restore.pool.protocol import Pool, Slot
from restore.worker.job import Outcome, Task
from tests.support import pool_promises
from tests.support.cluster import WorkerProcess, free_address
from tests.support.held import RESULT, Gate, hold
from tests.support.pool_promises import Begun, within
from tests.support.pools import living, until

FACTS = Facts("dummy", "restoration/dummy")  # generic has more models where extras are
WITHOUT = unittest.skipUnless(importlib.util.find_spec("distributed"), "the extra dask isn't here")


class ClusterCase(unittest.IsolatedAsyncioTestCase):
    """Has a cluster of one machine with two slots, and a pool that leads it."""

    address: str
    worker: WorkerProcess

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.address = free_address()
        cls.worker = cls.enterClassContext(
            WorkerProcess(cls.address, "--with-scheduler", PROVIDER="dummy")
        )

    async def asyncSetUp(self) -> None:
        cluster = ClusterPool(self.address)
        self.pool: Pool = cluster
        self.changes = 0
        self.pool.on_change(self.count_change)
        cluster.start(FACTS)
        self.addAsyncCleanup(self.pool.close)
        await self.slots(2)

    def count_change(self) -> None:
        self.changes += 1

    async def slots(self, count: int) -> None:
        await within(until(lambda: len(self.pool.slots) == count))


@WITHOUT
class ClusterTest(ClusterCase, pool_promises.PoolPromises):
    async def begin(self, slot: Slot, *, stall_s: float | None = None) -> Begun:
        task = self.task()
        call = asyncio.ensure_future(slot.run(hold, task, stall_s=stall_s, job=task.job_id))
        gate = Gate(task.model_id)
        await within(until(lambda: gate.at_work.exists() or call.done()))
        pid = gate.pid
        return Begun(call, gate.open.touch, lambda: not living([pid], 5.0))

    async def test_the_result_comes_into_the_folder_of_the_call(self) -> None:
        begun = await self.begin(self.pool.slots[0])
        begun.finish()
        outcome = await within(begun.call)
        output = Path(str(outcome.output))
        self.assertTrue(output.is_relative_to(self.folder))
        self.assertEqual(RESULT, output.read_bytes())  # noqa: ASYNC240  (a test)


@WITHOUT
class MachinesTest(ClusterCase):
    """What only machines do."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def held(self, slot: Slot) -> tuple[Gate, "asyncio.Future[Outcome]"]:
        work, gate = self.folder / "1-1", self.folder / "gate"
        work.mkdir()
        gate.mkdir()
        upload = self.folder / "upload"
        upload.write_bytes(b"photo")
        task = Task("1", 1, str(upload), "jpeg", str(work), "", str(gate), 0.6, 1)
        call = asyncio.ensure_future(slot.run(hold, task, stall_s=None, job="1"))
        return Gate(str(gate)), call

    async def test_a_killed_machine_takes_its_slots_along(self) -> None:
        slot = self.pool.slots[0]
        gate, call = self.held(slot)
        await within(until(gate.at_work.exists))
        self.worker.signal(signal.SIGKILL)
        await asyncio.wait({call}, timeout=pool_promises.BOUND_S)
        self.assertEqual(MachineLost, type(call.exception()))
        await self.slots(0)
        self.worker.start()
        await self.slots(2)
        self.assertNotIn(slot, self.pool.slots)

    async def test_another_machine_comes_and_goes(self) -> None:
        with WorkerProcess(self.address, WORKERS="3", PROVIDER="dummy") as other:
            await self.slots(5)
            machines = {slot.machine for slot in self.pool.slots}
            self.assertEqual(2, len(machines))
            self.assertEqual(0, await asyncio.to_thread(other.signal, signal.SIGTERM))
            await self.slots(2)

    async def test_a_greeting_ends_what_a_former_front_has_left(self) -> None:
        gate, call = self.held(self.pool.slots[0])
        await within(until(gate.at_work.exists))
        pid = gate.pid
        later = ClusterPool(self.address)
        later.start(FACTS)
        self.addAsyncCleanup(later.close)
        await within(until(lambda: len(later.slots) == 2))
        await asyncio.wait({call}, timeout=pool_promises.BOUND_S)
        self.assertEqual([], living([pid], 5.0))

    async def test_a_machine_that_cant_keep_photos_is_left_alone_for_a_while(self) -> None:
        """The call takes another machine, at no cost; what is under way there goes on."""
        gate, call = self.held(self.pool.slots[0])
        await within(until(gate.at_work.exists))
        (own,) = Path(tempfile.gettempdir()).glob(  # noqa: ASYNC240  (a test)
            f"restore-worker-*-{self.worker.pid}-*"
        )
        other = self.pool.slots[1]
        task = Task("2", 1, str(self.folder / "upload"), "jpeg", "", "", "", 0.6, 1)
        name = "f" * 32
        (own / name).write_bytes(b"no folder can be made here")
        with mock.patch.object(limits, "REST_S", 0.2), mock.patch("uuid.uuid4") as uuid4:
            uuid4.return_value.hex = name
            with self.assertRaises(MachineAway):
                await within(other.run(hold, task, stall_s=None, job="2"))
            self.assertEqual((), self.pool.slots)
            await self.slots(2)
            gate.open.touch()
            self.assertEqual(None, (await within(call)).error)


@WITHOUT
class SharedFolderTest(unittest.IsolatedAsyncioTestCase):
    """Photos and results that lie in a folder that both ends see."""

    def setUp(self) -> None:
        self.shared = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.address = free_address()
        self.enterContext(
            WorkerProcess(
                *(self.address, "--with-scheduler"), SHARED_DIR=self.shared, PROVIDER="dummy"
            )
        )

    async def test_nothing_travels_and_nothing_stays(self) -> None:
        for shared, travels in ((self.shared, False), (None, True), (self.shared / "other", True)):
            pool = ClusterPool(self.address, shared=shared)
            pool.start(FACTS)
            await within(until(lambda: len(pool.slots) == 2))  # noqa: B023
            folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
            (folder / "upload").write_bytes(b"photo")
            Gate(str(folder)).open.touch()
            task = Task(
                "1", 1, str(folder / "upload"), "jpeg", str(folder), "", str(folder), 0.6, 1
            )
            with mock.patch.object(pool, "ask", wraps=pool.ask) as asked:
                outcome = await within(pool.slots[0].run(hold, task, stall_s=None, job="1"))
            self.assertEqual(RESULT, Path(str(outcome.output)).read_bytes())  # noqa: ASYNC240
            methods = [call.args[1] for call in asked.call_args_list]
            self.assertEqual(travels, "read" in methods)
            self.assertEqual(travels, b"photo" in asked.call_args_list[0].args)
            (own,) = self.shared.iterdir()
            self.assertEqual([], list(own.iterdir()))
            await within(pool.close())


@WITHOUT
@unittest.skipUnless(shutil.which("openssl"), "needs openssl for a certificate")
class TlsTest(unittest.IsolatedAsyncioTestCase):
    async def test_only_those_with_the_certificate_get_in(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        cert, key = str(folder / "cluster.pem"), str(folder / "cluster.key")
        made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=restore"
        command = ["openssl", *made.split(), "-keyout", key, "-out", cert]
        subprocess.run(command, check=True, capture_output=True)  # noqa: ASYNC221  (a test)
        names = ("WORKERS_TLS_CA", "WORKERS_TLS_CERT", "WORKERS_TLS_KEY")
        files = dict(zip(names, (cert, cert, key), strict=True))
        plain = free_address()
        self.enterContext(WorkerProcess(plain, "--with-scheduler", PROVIDER="dummy", **files))
        address = plain.replace("tcp", "tls")
        pool, stranger = ClusterPool(address, Tls(cert, cert, key)), ClusterPool(plain)
        for each in (pool, stranger):
            each.start(FACTS)
            self.addAsyncCleanup(each.close)
        await within(until(lambda: len(pool.slots) == 2))
        self.assertEqual((), stranger.slots)
