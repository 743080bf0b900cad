"""restore-worker: called wrongly, it ends with a sentence; told to stop, with 0."""

import importlib.util
import signal
import socket
import unittest

from tests.support.cluster import BOUND_S, WorkerProcess, free_address
from tests.support.service import wait_until

HERE = importlib.util.find_spec("distributed") is not None


class WorkerTest(unittest.TestCase):
    def ends(
        self, status: int, sentence: str, address: str = "", *options: str, **settings: str
    ) -> None:
        """The command ends with `status`, and one line that `sentence` finds."""
        with WorkerProcess(address, *options, **settings) as worker:
            assert worker.process is not None
            self.assertEqual(status, worker.process.wait(BOUND_S), worker.log)
            self.assertRegex(worker.log, sentence)
            self.assertEqual(1, worker.log.count("\n"), worker.log)

    def test_no_cluster(self) -> None:
        self.ends(2, r"^restore: Which cluster\? --scheduler or WORKERS_AT names its scheduler\.$")

    def test_an_unknown_option(self) -> None:
        self.ends(2, "Unrecognized arguments: --many. See", "tcp://127.0.0.1:1", "--many")

    def test_a_public_address(self) -> None:
        self.ends(2, "8.8.8.8:8786 is no private address", "tcp://8.8.8.8:8786")

    def test_a_provider_that_is_not_there(self) -> None:
        self.ends(1, "PROVIDER", free_address(), PROVIDER="no_such.module:run")

    @unittest.skipIf(HERE, "the extra dask is here")
    def test_without_the_extra(self) -> None:
        self.ends(1, r"distributed isn't installed: pip install", free_address())

    @unittest.skipUnless(HERE, "the extra dask isn't here")
    def test_a_scheduler_that_cant_listen(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            self.ends(1, "The scheduler can't be started at", address, "--with-scheduler")

    @unittest.skipUnless(HERE, "the extra dask isn't here")
    def test_it_stops_when_told(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with WorkerProcess(free_address(), "--with-scheduler") as worker:
                wait_until(lambda: "Joined the cluster" in worker.log, "it to join")
                self.assertEqual(0, worker.signal(number), worker.log)

    @unittest.skipUnless(HERE, "the extra dask isn't here")
    def test_it_waits_for_a_scheduler(self) -> None:
        with WorkerProcess(free_address()) as worker:
            wait_until(lambda: "can't be reached" in worker.log, "it to say so")
            self.assertEqual(0, worker.signal(signal.SIGTERM), worker.log)
