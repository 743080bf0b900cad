"""One job and its state machine, all of it: queued -> running -> succeeded | failed.

Pure values: each step returns a new Job and raises IllegalTransition where TRANSITIONS doesn't
allow it. Storing a job is jobstore's, deciding when to take a step the dispatcher's. Rule: a status
never runs backwards; a job that starts again stays `running`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

STRENGTH_MIN, STRENGTH_MAX, STRENGTH_DEFAULT = 0.1, 1.0, 0.6
UPSCALES, UPSCALE_DEFAULT = (1, 2, 4), 1
MAX_SIDE_PX = 4096
JOB_ID_PATTERN = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID in lower case
_JOB_ID = re.compile(JOB_ID_PATTERN, re.ASCII)

MAX_ATTEMPTS = 3  # starts of a job whose worker died, after which it fails
MAX_VANISHED = 10  # starts of a job under which the server itself vanished


JOB_ERRORS: Mapping[str, str] = {
    "decode_failed": "The file is damaged or incomplete.",
    "provider_error": "The photo couldn't be restored.",
    "bad_output": "The restored photo turned out unusable.",
    "timeout": "Restoring the photo took too long.",
    "worker_died": "Restoring the photo failed several times.",
    "server_died": "The server was interrupted too often while restoring the photo.",
    "storage": "The photo is no longer in the server's storage.",
}


def is_job_id(text: str) -> bool:
    """Whether a job could have this id."""
    return _JOB_ID.fullmatch(text) is not None


class Event(StrEnum):
    """The telemetry events; each is one JSON line on stderr."""

    REQUESTED = "restore.requested"
    STARTED = "restore.started"
    SUCCEEDED = "restore.succeeded"
    FAILED = "restore.failed"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a client asks for: `strength` 0.1..1.0, `upscale` 1, 2 or 4."""

    model_id: str
    strength: float
    upscale: int


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.FAILED}),
    JobStatus.RUNNING: frozenset({JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED}),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset(),
}

ENDED = frozenset(status for status, following in TRANSITIONS.items() if not following)


class IllegalTransition(Exception):  # noqa: N818  (named after the field's term)
    """A step that the state machine doesn't have."""


class JobState(NamedTuple):
    """Of a Job what a poll says of it."""

    status: JobStatus
    progress: float
    output: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """One promised job.

    `request_id` is that of the request it came by. `source` is the sniffed format of the upload
    (jpeg, png, webp, heic), `width` and `height` its pixels as its header says; `attempt` counts
    starts that cost one (see `start`), `vanished` the times the server disappeared under it.
    `progress` is what a poll of an ended job says: 1.0 after success, what was reached after a
    failure. `output` is the result's file name, `error` one of JOB_ERRORS. `note` is what the
    provider found and did, one line. `upload_bytes` is the upload's size. `working` says that an
    attempt is under way: a server that starts and finds it set knows that its predecessor vanished.
    `started_at` is the last attempt's. Times are seconds since the epoch, wall clock: for people
    and for retention only.
    """

    id: str
    spec: JobSpec
    source: str
    width: int
    height: int
    created_at: float
    status: JobStatus = JobStatus.QUEUED
    attempt: int = 0
    vanished: int = 0
    working: bool = False
    progress: float = 0.0
    output: str | None = None
    error: str | None = None
    ended_at: float | None = None
    started_at: float | None = None
    note: str = ""
    upload_bytes: int = 0
    request_id: str = ""

    def start(self, now: float | None = None) -> "Job":
        """queued | running -> running: one more attempt begins, at `now`."""
        attempt = self.attempt + 1
        return self._to(JobStatus.RUNNING, attempt=attempt, working=True, started_at=now)

    def postpone(self) -> "Job":
        """running -> running: a polite stop took the worker away; the attempt is not counted."""
        return self._to(self.status, attempt=max(0, self.attempt - 1))

    def lose_worker(self) -> "Job":
        """running -> running: its worker died; the attempt stays counted."""
        return self._to(self.status)

    def vanish(self) -> "Job":
        """running -> running: the server itself disappeared; counted apart from attempts."""
        return replace(self.postpone(), vanished=self.vanished + 1)

    def succeed(self, output: str, now: float, note: str = "") -> "Job":
        """running -> succeeded, with the result's file name and what was found and done."""
        status = JobStatus.SUCCEEDED
        return self._to(status, progress=1.0, output=output, ended_at=now, note=note)

    def fail(self, error: str, now: float, progress: float = 0.0) -> "Job":
        """queued | running -> failed; `error` is one of JOB_ERRORS, `progress` what was reached."""
        if error not in JOB_ERRORS:
            raise ValueError(f"not an error of jobs: {error!r}")
        return self._to(JobStatus.FAILED, progress=progress, error=error, ended_at=now)

    @property
    def named(self) -> str:
        """Its id for a line of the log, with that of its request."""
        return f"{self.id} (request {self.request_id})" if self.request_id else self.id

    @property
    def given_up(self) -> bool:
        """The server vanished under it too often."""
        return self.vanished > MAX_VANISHED

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def _to(self, status: JobStatus, *, working: bool = False, **changes: object) -> "Job":
        if status not in TRANSITIONS[self.status]:
            raise IllegalTransition(f"{self.id}: {self.status} -> {status}")
        return replace(self, status=status, working=working, **changes)  # type: ignore[arg-type]
