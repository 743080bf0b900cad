"""A call into a child that works on until a test lets it go, and says who works on it."""

import os
import time
from pathlib import Path

from restore.progress import report
from restore.worker.job import Outcome, Task

RESULT = b"result"


class Gate:
    """Where a test and the child meet: a folder, which goes along as the task's model_id."""

    def __init__(self, folder: str) -> None:
        self.at_work = Path(folder, "at-work")
        self.open = Path(folder, "open")

    @property
    def pid(self) -> int:
        """The child's process."""
        return int(self.at_work.read_text(encoding="ascii"))


def hold(task: Task) -> Outcome:
    """Tell a progress of 0.25, wait for the gate, leave a result."""
    gate = Gate(task.model_id)
    report(0.25)
    part = gate.at_work.with_suffix(".part")
    part.write_text(str(os.getpid()), encoding="ascii")
    part.rename(gate.at_work)
    while not gate.open.exists():
        time.sleep(0.005)
    output = Path(task.folder, "out.png")
    output.write_bytes(RESULT)
    return Outcome(str(output))
