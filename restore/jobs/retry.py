"""What is tried again: the cause, how often, after what pause, and what the client sees.

The table is all of it; `Retry` is one job's way through one of its lines. Whoever uses it waits and
tries; nothing here knows what is tried.
"""

from enum import Enum, auto
from typing import NamedTuple

from restore.contract import MAX_ATTEMPTS, MAX_VANISHED


class Cause(Enum):
    """Why something has to be tried again."""

    WORKER_DIED = auto()  # the child that worked on the photo
    NO_WORKER = auto()  # no child came up: the machine is short of processes or memory
    NO_ROOM = auto()  # the disk is full, or the files or the database can't be used now
    SERVER_FAULT = auto()  # an error of ours that nobody foresaw
    SERVER_VANISHED = auto()  # the server, or the machine with the child, was killed
    FILE_HELD = auto()  # a file that is to go is still held by a child that is dying


class Rule(NamedTuple):
    """`times`: how often at most, None without a bound but that of `error`'s line in the docs.

    The pause doubles from `first_pause_s` up to `longest_pause_s`. `error` is the job's error once
    it is given up; None where it never is. `counts`: whether it costs one of MAX_ATTEMPTS.
    """

    times: int | None
    first_pause_s: float
    longest_pause_s: float
    error: str | None
    counts: bool = False


RETRIES = {
    # Short, so that a moment's want of memory isn't met three times.
    Cause.WORKER_DIED: Rule(MAX_ATTEMPTS, 0.1, 0.1, "worker_died", counts=True),
    # For as long as a job may stand still (JOB_TIMEOUT_S); then it counts as a worker that died.
    Cause.NO_WORKER: Rule(None, 0.25, 15.0, "worker_died"),
    # A promised job waits for room, however long that takes.
    Cause.NO_ROOM: Rule(None, 0.25, 15.0, None),
    Cause.SERVER_FAULT: Rule(MAX_ATTEMPTS, 5.0, 5.0, "worker_died", counts=True),
    Cause.SERVER_VANISHED: Rule(MAX_VANISHED, 0.0, 0.0, "server_died"),
    # What stays is removed at the next start.
    Cause.FILE_HELD: Rule(4, 0.1, 2.0, None),
}


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
