"""What the server counts, as Prometheus reads it (METRICS=true, extra `metrics`).

The numbers are plain and stand in each package's `stats()`; here they get names. Rendering and
escaping are prometheus_client's, which takes 14 MB and 0.3 s and so is imported by `Metrics` alone.
Rule: no label comes from a client.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

from restore.http import Exchange, Response
from restore.jobs import BOUNDS_S, Distribution, Tally
from restore.storage import StorageError

Numbers = Callable[[], Mapping[str, int]]

# Name, what it is, where its number stands: source and key. A name in _total is a counter.
_PLAIN = (
    ("restore_jobs_waiting", "Jobs that wait for a worker.", "jobs", "waiting"),
    ("restore_jobs_running", "Jobs in work.", "jobs", "running"),
    ("restore_memory_budget_bytes", "What the jobs in work may use.", "jobs", "memory_budget"),
    ("restore_memory_held_bytes", "What they may need by estimate.", "jobs", "memory_held"),
    ("restore_slots", "Workers.", "pool", "slots"),
    ("restore_slots_busy", "Workers at work.", "pool", "slots_busy"),
    ("restore_calls_total", "Calls into workers that ended.", "pool", "calls"),
    ("restore_children_died_total", "Worker processes that died.", "pool", "children_died"),
    ("restore_uploads_arriving", "Uploads under way.", "uploads", "arriving"),
    ("restore_upload_bytes_total", "Bytes of the images taken.", "uploads", "bytes"),
    ("restore_sent_bytes_total", "Bytes of answers, heads and bodies.", "http", "sent"),
    ("restore_disk_free_bytes", "Bytes free in STORAGE_DIR.", "storage", "free"),
)
_JOBS = (
    ("restore_jobs_requested_total", "Jobs promised."),
    ("restore_jobs_ended_total", "Jobs that ended, by `end`: succeeded, or the error's code."),
    ("restore_job_seconds", "How long attempts that succeeded took."),
    ("restore_queue_seconds", "How long jobs waited for their first attempt."),
)
# With the label, and the key in what the access log counts.
_ANSWERS = (
    ("restore_answers_total", "Answers by `status`.", "status", "answers"),
    ("restore_refusals_total", "Requests refused, by `code`.", "code", "refusals"),
)
NAMES = tuple(row[0] for row in (*_PLAIN, *_JOBS, *_ANSWERS))


class MetricsMissing(Exception):  # noqa: N818  (says what happened)
    """prometheus_client isn't installed."""


class Sources(NamedTuple):
    """Where the numbers come from."""

    jobs: Numbers
    pool: Numbers
    uploads: Numbers
    storage: Numbers
    http: Numbers
    answers: Callable[[], Mapping[str, Mapping[Any, int]]]
    tally: Tally


class Metrics:
    """All of it; raises MetricsMissing where the library isn't there."""

    def __init__(self, sources: Sources) -> None:
        try:
            import prometheus_client
            from prometheus_client import core
        except ImportError:
            raise MetricsMissing from None
        self._core = core
        self._sources = sources
        self._registry = prometheus_client.CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._render = prometheus_client.generate_latest
        kind = ("Content-Type", str(prometheus_client.CONTENT_TYPE_LATEST))
        self._headers = (kind, ("Cache-Control", "no-store"))

    def answer(self, _: Exchange, __: str) -> Response:
        """The numbers as they are now."""
        return Response(200, self._headers, bytes(self._render(self._registry)))

    def collect(self) -> Iterator[Any]:
        """What prometheus_client asks of a collector."""
        yield from self._plain()
        yield from self._of_jobs(self._sources.tally)
        counted = self._sources.answers()
        for name, text, label, key in _ANSWERS:
            yield self._labelled(name, text, label, counted[key].items())

    def _plain(self) -> Iterator[Any]:
        read: dict[str, Mapping[str, int]] = {}
        for name, text, source, key in _PLAIN:
            if source not in read:
                try:
                    read[source] = getattr(self._sources, source)()
                except StorageError:  # then the number is missing, and /readyz says why
                    read[source] = {}
            if key in read[source]:
                counts = name.endswith("_total")
                family = self._core.CounterMetricFamily if counts else self._core.GaugeMetricFamily
                yield family(name, text, value=read[source][key])

    def _of_jobs(self, tally: Tally) -> Iterator[Any]:
        requested, ended, durations, waits = _JOBS
        yield self._core.CounterMetricFamily(*requested, value=tally.requested)
        yield self._labelled(*ended, "end", tally.ended.items())
        yield self._distribution(*durations, tally.durations)
        yield self._distribution(*waits, tally.waits)

    def _labelled(self, name: str, text: str, label: str, rows: Iterable[tuple[Any, int]]) -> Any:
        family = self._core.CounterMetricFamily(name, text, labels=[label])
        for value, count in rows:
            family.add_metric([str(value)], count)
        return family

    def _distribution(self, name: str, text: str, of: Distribution) -> Any:
        bounds = (*map(str, BOUNDS_S), "+Inf")
        buckets = list(zip(bounds, accumulate(of.counts), strict=True))
        return self._core.HistogramMetricFamily(
            name, text, buckets=buckets, sum_value=of.total_s[0]
        )
