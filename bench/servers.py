"""The servers under measure: started fresh, weighed from outside, ended with all that they started.

A server is a command and the settings it gets; what it is asked to do is workloads' affair. CPU and
memory are those of all its processes together.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.load import Client
from bench.tether import tethered

ROOT = Path(__file__).resolve().parent.parent
OURS = "restore"
COMMANDS = {
    OURS: ["restore_server.py"],
    "aiohttp": ["-m", "bench.peers.aiohttp_peer"],
    "starlette": ["-m", "bench.peers.starlette_peer"],
}
WORKERS = 2
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")  # of the environment
_START_S, _STOP_S = 60.0, 10.0
_NOBODY = "/v1/jobs/00000000-0000-4000-8000-000000000000"
_SAMPLE_S = 0.02


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. `start_ms`: from its start to its first answer."""

    name: str
    port: int
    folder: Path
    start_ms: float
    process: psutil.Process

    def processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu_s(self) -> float:
        """Seconds that all processes have used so far."""
        total = 0.0
        for process in self.processes():
            with suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def memory_mb(self) -> float:
        """What all processes hold: shared pages counted once on Linux, each time elsewhere."""
        return self._sum("pss" if sys.platform == "linux" else "rss")

    def resident_mb(self) -> float:
        """Cheaper to ask, for a peak."""
        return self._sum("rss")

    def _sum(self, kind: str) -> float:
        total = 0
        for process in self.processes():
            with suppress(psutil.Error):
                whole = kind == "pss"
                info = process.memory_full_info() if whole else process.memory_info()
                total += getattr(info, kind)
        return total / 1e6

    @contextmanager
    def growth(self) -> Iterator[list[float]]:
        """The list holds, after the block, by how many MB the memory had grown at its peak."""
        done, grown = threading.Event(), list[float]()
        before = self.resident_mb()

        def watch() -> None:
            peak = before
            while not done.wait(_SAMPLE_S):
                peak = max(peak, self.resident_mb())
            grown.append(peak - before)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield grown
        finally:
            done.set()
            watcher.join()


@contextmanager
def running(name: str, folder: Path, settings: Mapping[str, str]) -> Iterator[Running]:
    """Start the server `name` on `folder`; after the block nothing of it is left but files."""
    port = _free_port()
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
    environment |= _settings(port, folder) | dict(settings)
    folder.mkdir(parents=True, exist_ok=True)
    log_path = folder.with_suffix(".log")
    with log_path.open("ab") as log:
        began = time.perf_counter()
        process = tethered(
            [sys.executable, *COMMANDS[name]],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_for_answer(name, process, port, log_path)
            start_ms = (time.perf_counter() - began) * 1000
            yield Running(name, port, folder, start_ms, psutil.Process(process.pid))
        finally:
            _stop(process)


def _settings(port: int, folder: Path) -> dict[str, str]:
    """The same for everybody: no rate limit, no end of the queue, two workers."""
    return {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "STORAGE_DIR": str(folder / "data"),
        "RESULT_BASE_URL": f"http://127.0.0.1:{port}",
        "RATE_LIMIT_PER_MIN": "0",
        "MAX_QUEUE": "100000",
        "MIN_FREE_DISK_MB": "0",
        "WORKERS": str(WORKERS),
        "PROVIDER": "dummy",
    }


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _wait_for_answer(
    name: str, process: "subprocess.Popen[bytes]", port: int, log_path: Path
) -> None:
    end = time.perf_counter() + _START_S
    while True:
        try:
            Client(port).get(_NOBODY)
            return
        except OSError:
            if process.poll() is not None or time.perf_counter() > end:
                tail = log_path.read_text(errors="replace")[-2000:]
                raise SystemExit(f"{name} did not start:\n{tail}") from None
        time.sleep(0.002)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to stop, then see to it, for every process that it had."""
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)
        if process.poll() is None:
            process.kill()
        _, left = psutil.wait_procs(family, timeout=1.0)
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait()
