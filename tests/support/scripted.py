"""A server whose jobs do what the test says, when the test says so: see scripted_providers."""

import signal
import tempfile
from pathlib import Path
from typing import Any

from tests.support.promises import rows
from tests.support.service import Service, wait_until


class Scripted(Service):
    """A Service with the provider of scripted_providers and a gate before its `gate/` models."""

    def __init__(self, storage: Path | None = None, **settings: str | int | float) -> None:
        self._gate_folder = tempfile.TemporaryDirectory(prefix="restore-gate-")
        self.gate = Path(self._gate_folder.name)
        scripted: dict[str, str | int | float] = {
            "PROVIDER": "tests.support.scripted_providers:run",
            "RESTORE_TEST_GATE": str(self.gate),
            "SHUTDOWN_GRACE_S": 0,
        }
        super().__init__(storage, **scripted | settings)

    def __exit__(self, *why: object) -> None:
        super().__exit__(*why)
        self._gate_folder.cleanup()

    def open_gate(self, job_id: str) -> None:
        """Let this job through, whether it waits already or will come."""
        (self.gate / f"{job_id}.open").touch()

    def arrived(self, job_id: str) -> list[int]:
        """The processes that have got to the gate with this job, over all attempts."""
        return [int(path.suffix[1:]) for path in self._arrivals(job_id)]

    def wait_for_arrival(self, job_id: str, attempts: int = 1) -> int:
        """Wait until so many attempts have got to the gate; the process of the latest."""
        wait_until(lambda: len(self.arrived(job_id)) >= attempts, f"attempt {attempts} at {job_id}")
        newest = max(self._arrivals(job_id), key=lambda path: path.stat().st_mtime_ns)
        return int(newest.suffix[1:])

    def _arrivals(self, job_id: str) -> list[Path]:
        return list(self.gate.glob(f"{job_id}.*[0-9]"))

    def clear_gate(self) -> None:
        """Forget who came and shut the gate."""
        for path in self.gate.iterdir():
            path.unlink()

    def hold(self, image: bytes, model: str = "gate/hold") -> tuple[str, int]:
        """A job that is in work and stays there; its id and its process."""
        job_id = self.promise(image, model_id=model)
        return job_id, self.wait_for_arrival(job_id)

    def vanish(self) -> None:
        """SIGKILL for the server alone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def row(self, job_id: str) -> dict[str, Any]:
        """What the database says of a job's attempts; empty where there is no such row."""
        names = ("status", "attempt", "vanished", "working", "error")
        found = rows(self, f"SELECT {', '.join(names)} FROM jobs WHERE id = ?", job_id)
        return dict(zip(names, found[0], strict=True)) if found else {}

    def files_of(self, job_id: str) -> list[str]:
        """All that is in tmp/ and outputs/ by this job's name."""
        folders = (self.storage / "tmp", self.storage / "outputs")
        return [p.name for folder in folders for p in folder.iterdir() if p.name[:36] == job_id]
