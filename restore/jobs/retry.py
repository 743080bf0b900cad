"""What is tried again: the cause, how often, after what pause, and what becomes of the job.

The table is all of it; `Retry` is one job's way through one of its lines. Whoever uses it waits and
tries; nothing here knows what is tried.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from restore.contract import MAX_ATTEMPTS, Job
from restore.pool import ChildDied, ChildError, ChildNotStarted, MachineAway, MachineLost


class Cause(Enum):
    """Why something has to be tried again."""

    WORKER_DIED = auto()  # the child that worked on the photo
    NO_WORKER = auto()  # no child came up: the machine is short of processes or memory
    NO_ROOM = auto()  # the disk is full, or the files or the database can't be used now
    SERVER_FAULT = auto()  # an error of ours that nobody foresaw
    SERVER_VANISHED = auto()  # the server, or the machine with the child, was killed
    NO_MACHINE = auto()  # the machine was gone before the work began
    FILE_HELD = auto()  # a file that is to go is still held by a child that is dying


class Rule(NamedTuple):
    """The pause doubles from `first_pause_s` up to `longest_pause_s`.

    `times`: how often at most, None without a bound of its own. `step` is what happens to a job
    whose attempt ends so, `sentence` what the log says of it. Once `spent` says so the job is given
    up with `error`. `at_timeout`: what it counts as when it lasts for JOB_TIMEOUT_S. `elsewhere`:
    the job gives its slot back and takes the next that is free.
    """

    first_pause_s: float
    longest_pause_s: float
    times: int | None = None
    step: Callable[[Job], Job] = Job.postpone
    sentence: str = ""
    spent: Callable[[Job], bool] = lambda _: False
    error: str = ""
    at_timeout: Cause | None = None
    elsewhere: bool = False


RETRIES = {
    # Short, so that a moment's want of memory isn't met three times.
    Cause.WORKER_DIED: Rule(
        *(0.1, 0.1),
        step=Job.lose_worker,
        sentence=f"lost its worker in attempt {{attempt}} of {MAX_ATTEMPTS}",
        spent=lambda job: job.attempt >= MAX_ATTEMPTS,
        error="worker_died",
    ),
    Cause.NO_WORKER: Rule(0.25, 15.0, sentence="waits for a worker", at_timeout=Cause.WORKER_DIED),
    # A promised job waits for room, however long that takes.
    Cause.NO_ROOM: Rule(0.25, 15.0, sentence="waits for room on the disk"),
    Cause.SERVER_FAULT: Rule(5.0, 5.0),  # queued again by its row: the attempt stays counted
    Cause.SERVER_VANISHED: Rule(
        *(0.0, 0.0),
        step=Job.vanish,
        sentence="lost its machine",
        spent=lambda job: job.given_up,
        error="server_died",
        elsewhere=True,
    ),
    # A promised job waits for a machine, however long that takes.
    Cause.NO_MACHINE: Rule(0.25, 0.25, sentence="waits for a machine", elsewhere=True),
    # What stays is removed at the next start.
    Cause.FILE_HELD: Rule(0.1, 2.0, times=4),
}


# Why, by how a call into a child ended.
CAUSES: Mapping[type[ChildError], Cause] = {
    ChildDied: Cause.WORKER_DIED,
    ChildNotStarted: Cause.NO_WORKER,
    MachineLost: Cause.SERVER_VANISHED,
    MachineAway: Cause.NO_MACHINE,
}


def giving_up(job: Job) -> str | None:
    """The error of a job that may not be attempted again; None where it may."""
    return next((rule.error for rule in RETRIES.values() if rule.spent(job)), None)


class Retry:
    """How often one thing has been tried for one cause."""

    def __init__(self, cause: Cause) -> None:
        self._rule = RETRIES[cause]
        self._tried = 0

    def next_pause_s(self) -> float | None:
        """How long to wait before the next try; None once there has been the last."""
        if self._rule.times is not None and self._tried >= self._rule.times:
            return None
        longest_s = self._rule.longest_pause_s
        pause_s = min(self._rule.first_pause_s * 2.0 ** min(self._tried, 20), longest_s)
        self._tried += 1
        return pause_s
