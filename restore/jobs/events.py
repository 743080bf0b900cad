"""The four telemetry events, one JSON line each on stderr.

Every event carries `time` (UTC, RFC 3339), `event`, `job_id` and `provider`. An event never takes
anything down with it: a stderr that can't be written to loses the line, not the job. It is written
after the commit that it tells of, at most once: a kill between the two loses the line, too.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from restore.contract import Event, Job
from restore.jobs.tally import Tally


class Telemetry:
    """Writes events through `write`, which gets one whole line without its end."""

    def __init__(
        self,
        write: Callable[[str], None],
        provider: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._write = write
        self._provider = provider
        self._now = now
        self.tally = Tally()

    def requested(self, job: Job) -> None:
        """A job got its promise."""
        self.tally.requested += 1
        self._emit(Event.REQUESTED, job, model_id=job.spec.model_id)

    def started(self, job: Job, waited_s: float = 0.0) -> None:
        """An attempt begins; the first is 1, which the job has waited for that long."""
        if job.attempt == 1:
            self.tally.waits.observe(max(0.0, waited_s))
        self._emit(Event.STARTED, job, attempt=job.attempt)

    def succeeded(self, job: Job, duration_ms: int) -> None:
        """A job's result is there; `duration_ms` runs from the start of its last attempt."""
        self.tally.ended["succeeded"] += 1
        self.tally.durations.observe(duration_ms / 1000)
        self._emit(Event.SUCCEEDED, job, duration_ms=duration_ms)

    def failed(self, job: Job, error_class: str) -> None:
        """A job ended without a result; `error_class` is one of contract.JOB_ERRORS."""
        self.tally.ended[error_class] += 1
        self._emit(Event.FAILED, job, error_class=error_class)

    def _emit(self, event: Event, job: Job, **fields: str | int) -> None:
        time = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = {"time": time, "event": str(event), "job_id": job.id, "provider": self._provider}
        head |= {"request_id": job.request_id} if job.request_id else {}
        self._write(json.dumps(head | fields))
