"""The four telemetry events, one JSON line each on stderr.

Every event carries `time` (UTC, RFC 3339), `event`, `job_id` and `provider`. An event never takes
anything down with it: a stderr that can't be written to loses the line, not the job. It is written
after the commit that it tells of, at most once: a kill between the two loses the line, too.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from restore.contract import Event
from restore.jobs.tally import Tally

_REQUESTS = 10_000  # jobs whose request is remembered; an older one's lines go without


class Telemetry:
    """Writes events through `write`, which gets one whole line without its end.

    It remembers by which request a job came, until the job's end or the server's.
    """

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
        self._requests: dict[str, str] = {}  # by job

    def requested(self, job_id: str, model_id: str, request_id: str = "") -> None:
        """A job got its promise, by the request `request_id`."""
        self.tally.requested += 1
        if request_id:
            self._requests[job_id] = request_id
        if len(self._requests) > _REQUESTS:
            del self._requests[next(iter(self._requests))]
        self._emit(Event.REQUESTED, job_id, model_id=model_id)

    def named(self, job_id: str) -> str:
        """The job's id for a line of the log, with that of its request where it is known."""
        own = self._requests.get(job_id)
        return f"{job_id} (request {own})" if own else job_id

    def forget(self, job_id: str) -> None:
        """The job has ended: no line of it comes any more."""
        self._requests.pop(job_id, None)

    def started(self, job_id: str, attempt: int, waited_s: float = 0.0) -> None:
        """An attempt begins; the first is 1, which the job has waited for that long."""
        if attempt == 1:
            self.tally.waits.observe(max(0.0, waited_s))
        self._emit(Event.STARTED, job_id, attempt=attempt)

    def succeeded(self, job_id: str, duration_ms: int) -> None:
        """A job's result is there; `duration_ms` runs from the start of its last attempt."""
        self.tally.ended["succeeded"] += 1
        self.tally.durations.observe(duration_ms / 1000)
        self._emit(Event.SUCCEEDED, job_id, duration_ms=duration_ms)

    def failed(self, job_id: str, error_class: str) -> None:
        """A job ended without a result; `error_class` is one of contract.JOB_ERRORS."""
        self.tally.ended[error_class] += 1
        self._emit(Event.FAILED, job_id, error_class=error_class)

    def _emit(self, event: Event, job_id: str, **fields: str | int) -> None:
        time = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = {"time": time, "event": str(event), "job_id": job_id, "provider": self._provider}
        own = self._requests.get(job_id)
        if own:
            head["request_id"] = own
        self._write(json.dumps(head | fields))
