"""A cluster of three hosts, each in a network namespace of its own: cables are pulled.

The server is on this host; the others are at the ends of cables to a bridge here. Needs root.
"""

import importlib.util
import os
import random
import shutil
import subprocess
import sys
import unittest
from contextlib import suppress

from tests.support.cluster import WorkerProcess
from tests.support.promises import noise, rows
from tests.support.service import Service, wait_until

BRIDGE, HOSTS = "restore-br", {"restore-h1": "10.213.77.1", "restore-h2": "10.213.77.2"}
OWN = "10.213.77.254"
FIRST, SECOND = HOSTS
CAN = os.name == "posix" and os.geteuid() == 0 and shutil.which("ip") is not None


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True)


def cable(host: str) -> str:
    """The end of a host's cable that is at the bridge."""
    return f"{host}-b"


def build() -> None:
    ip(f"link add {BRIDGE} type bridge")
    ip(f"addr add {OWN}/24 dev {BRIDGE}")
    ip(f"link set {BRIDGE} up")
    for host, address in HOSTS.items():
        ip(f"netns add {host}")
        ip(f"link add {cable(host)} type veth peer name eth0 netns {host}")
        ip(f"link set {cable(host)} master {BRIDGE} up")
        ip(f"-n {host} addr add {address}/24 dev eth0")
        ip(f"-n {host} link set eth0 up")
        ip(f"-n {host} link set lo up")


def clear() -> None:
    for command in (*(f"netns del {host}" for host in HOSTS), f"link del {BRIDGE}"):
        with suppress(subprocess.CalledProcessError):
            ip(command)


def connected() -> bool:
    """Whether one host reaches the other: some firewalls forbid it on any bridge."""
    inside = ["ip", "netns", "exec"]
    serve = f"import socket; socket.create_server(('{HOSTS[FIRST]}', 9)).accept()"
    reach = (
        "import socket, time\n"
        "for _ in range(50):\n"
        f"    try: socket.create_connection(('{HOSTS[FIRST]}', 9), 1); break\n"
        "    except ConnectionRefusedError: time.sleep(0.1)\n"
        "else: raise SystemExit(1)"
    )
    with subprocess.Popen([*inside, FIRST, sys.executable, "-c", serve]) as server:
        try:
            command = [*inside, SECOND, sys.executable, "-c", reach]
            done = subprocess.run(command, capture_output=True, timeout=30, check=False)
            return done.returncode == 0
        finally:
            server.kill()


@unittest.skipUnless(CAN and importlib.util.find_spec("distributed"), "needs root, ip and dask")
class PulledCableTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.addClassCleanup(clear)
        try:
            build()
        except subprocess.CalledProcessError as error:
            raise unittest.SkipTest(f"no network namespaces: {error.stderr}") from None
        if not connected():
            raise unittest.SkipTest("hosts on a bridge don't reach each other here")

    def setUp(self) -> None:
        address = f"tcp://{HOSTS[FIRST]}:8786"
        provider = {"PROVIDER": "dummy", "DUMMY_DELAY_S": "1"}
        first = WorkerProcess(address, "--with-scheduler", host=FIRST, WORKERS=1, **provider)
        second = WorkerProcess(address, host=SECOND, WORKERS=1, **provider)
        self.service = Service(None, WORKERS_AT=address, **provider)
        self.enterContext(self.service)
        self.enterContext(first)
        self.enterContext(second)
        self.slots(2)

    def slots(self, count: int) -> None:
        def there() -> bool:
            told = [line for line in list(self.service.lines) if "; slots: " in line]
            return told[-1:] != [] and told[-1].endswith(f": {count}\n")

        wait_until(there, f"{count} slots")

    def work(self) -> list[str]:
        jobs = [self.service.promise(noise(random.Random(n))) for n in range(2)]
        running = "SELECT count(*) FROM jobs WHERE status = 'running'"
        wait_until(lambda: rows(self.service, running) == [(2,)], "both to run")
        return jobs

    def test_of_a_machine(self) -> None:
        """Its job is done by the other; the machine comes back by itself."""
        jobs = self.work()
        ip(f"link set {cable(SECOND)} down")
        for job_id in jobs:
            self.assertEqual("succeeded", self.service.ended(job_id)["status"])
        ip(f"link set {cable(SECOND)} up")
        self.slots(2)

    def test_of_the_scheduler(self) -> None:
        """Jobs wait, and go on when it is back."""
        jobs = self.work()
        ip(f"link set {cable(FIRST)} down")
        self.slots(0)
        self.assertEqual(503, self.service.request("GET", "/readyz").status)
        ip(f"link set {cable(FIRST)} up")
        for job_id in jobs:
            self.assertEqual("succeeded", self.service.ended(job_id)["status"])
