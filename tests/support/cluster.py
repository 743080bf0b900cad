"""A cluster of processes on loopback: a scheduler, and machines that come and go."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parent.parent.parent
BOUND_S = 30.0  # for a process to end


def free_address() -> str:
    """An address of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"tcp://127.0.0.1:{server.getsockname()[1]}"


class WorkerProcess:
    """One `restore-worker` until the block ends. What it says is in `log`.

    `host` is the network namespace that it lives in.
    """

    def __init__(
        self, address: str = "", *options: str, host: str = "", **settings: object
    ) -> None:
        where = ["--scheduler", address] if address else []
        self.command = [sys.executable, "-m", "restore", "worker", *where, *options]
        if host:
            self.command[:0] = ["ip", "netns", "exec", host]
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT), "WORKERS": "2"}
        self.environ |= {key: str(value) for key, value in settings.items()}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = tempfile.TemporaryDirectory(prefix="restore-test-")
        self.start()
        return self

    def start(self) -> None:
        """Run it (again)."""
        with Path(self.folder.name, "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder.name, env=self.environ, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return Path(self.folder.name, "log").read_text(encoding="utf-8", errors="replace")

    def signal(self, number: signal.Signals) -> int:
        """Send a signal; with one that ends it, the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        if number in (signal.SIGSTOP, signal.SIGCONT):
            return 0
        return self.process.wait(BOUND_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(BOUND_S)
            self.process.kill()
            self.process.wait()
        if error is not None:
            print(re.sub("(?m)^", "  worker: ", self.log), file=sys.stderr)
        self.folder.cleanup()
