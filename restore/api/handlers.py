"""Request to Response, one function for each operation that the routes of the contract name.

A handler decides in the contract's order and calls the packages below; it knows no socket, no SQL
and no Pillow. Everything that is refused is raised as a Refusal and answered in one place.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from restore import __version__
from restore.api import limits
from restore.api.details import HOUR_S, details_json, models_json
from restore.api.doors import Doors
from restore.api.form import declared_boundary
from restore.api.idempotency import KeysUnderWay, is_key, scoped_key
from restore.api.metrics import Metrics
from restore.api.pages import Pages
from restore.api.ratelimit import RateLimiter
from restore.api.results import before_response, result_response, unavailable
from restore.api.uploads import Uploads
from restore.api.waiting import Waiting, wait_asked_for
from restore.config import Config
from restore.contract import (
    JOB_ERRORS,
    JOBS_PATH,
    METRICS_ROUTE,
    MIB,
    OUTPUTS_PATH,
    PAGE_ROUTES,
    RESTORE_PATH,
    ROUTES,
    JobState,
    JobStatus,
    Refusal,
    Route,
    created_json,
    description_json,
    is_job_id,
    job_json,
)
from restore.http import (
    JSON_HEADERS,
    Answer,
    Exchange,
    Response,
    allow,
    client_of,
    parse_address,
    rate_key,
    retry_after,
)
from restore.jobs import Dispatcher, Telemetry
from restore.storage import Storage, StorageError, Store

log = logging.getLogger("restore")

_VERSION_PATH = RESTORE_PATH.rpartition("/")[0] + "/"  # what a relative address begins behind
_UNFINISHED = (*JSON_HEADERS, *retry_after(limits.POLL_RETRY_S))

T = TypeVar("T")
Handler = Callable[[Exchange, str], Answer]


class Handlers:
    """Answers every request; built once, by app.py."""

    def __init__(
        self,
        config: Config,
        store: Store,
        storage: Storage,
        uploads: Uploads,
        dispatcher: Dispatcher,
        telemetry: Telemetry,
        metrics: Metrics | None = None,
    ) -> None:
        self._config = config
        self._store = store
        self._storage = storage
        self._uploads = uploads
        self._dispatcher = dispatcher
        self._telemetry = telemetry
        self._waiting = Waiting(self._state)
        dispatcher.on_end(self._waiting.wake)
        self._keys = KeysUnderWay()
        self._limiter = RateLimiter(config.rate_limit_per_min)
        self.doors = Doors(config)
        self._stopping = False
        operations: dict[str, Handler] = {
            "create_job": self.create_job,
            "get_job": self.get_job,
            "cancel_job": self.cancel_job,
            "get_details": self.get_details,
            "get_before": self.get_before,
            "get_output": self.get_output,
            "get_health": self.get_health,
            "get_ready": self.get_ready,
            "get_description": self.get_description,
            "get_models": self.get_models,
            "get_page": Pages(config.max_image_bytes).answer,
        }
        own: tuple[Route, ...] = ()
        if metrics is not None:
            own, operations["get_metrics"] = (METRICS_ROUTE,), metrics.answer
        pages = PAGE_ROUTES if config.page else ()
        self._routes = [
            (route, {each: operations[name] for each, name in route.methods.items()}, guarded)
            for guarded, routes in ((True, ROUTES), (True, own), (False, pages))
            for route in routes
        ]

    def __call__(self, exchange: Exchange) -> Answer:
        """The answer, at once or awaited. Raises Refusal, as the awaitable does."""
        request = exchange.request
        self.doors.check_browser(request)
        for route, handlers, guarded in self._routes:
            if request.path.startswith(route.path) and request.path.endswith(route.suffix):
                name = request.path[len(route.path) : len(request.path) - len(route.suffix)]
                if bool(name) == route.takes_name and "/" not in name:
                    if guarded:
                        self.doors.check_token(request)
                    return self._answer(exchange, route, handlers, name)
        if request.path in ("*", "/") and request.method == "OPTIONS":  # a proxy's health check
            return Response(204, allow(["GET", "POST", "DELETE"]))
        raise Refusal("not_found")

    def stop(self) -> None:
        """The server stops: it isn't ready any more, and no answer waits for a job."""
        self._stopping = True
        self._waiting.close()

    def client(self, exchange: Exchange) -> str:
        """The client's own address, behind proxies that are trusted."""
        if not self._config.trusted_proxies:
            return exchange.peer
        forwarded = exchange.request.headers.get_all("x-forwarded-for")
        return client_of(exchange.peer, forwarded, self._config.trusted_proxies)

    def _answer(
        self, exchange: Exchange, route: Route, handlers: Mapping[str, Handler], name: str
    ) -> Answer:
        method = exchange.request.method
        handler = handlers.get("GET" if method == "HEAD" else method)
        if handler is not None:
            return handler(exchange, name)
        if method == "OPTIONS":
            return Response(204, allow(list(route.methods)))
        raise Refusal("method_not_allowed", headers=allow(list(route.methods)))

    # -- POST /v1/restore

    async def create_job(self, exchange: Exchange, _: str) -> Response:
        """Take an upload; 201 once it is promised."""
        client = rate_key(self.client(exchange))
        try:
            job_id = await self._create(exchange, client)
        except Refusal as refusal:
            refusal.headers += self._limiter.headers(client, time.monotonic())
            raise
        # Relative (RFC 9110, 10.2.2): right below whatever path a proxy has put before ours.
        location = ("Location", JOBS_PATH.removeprefix(_VERSION_PATH) + job_id)
        limit = self._limiter.headers(client, time.monotonic())
        return Response(201, (*_UNFINISHED, location, *limit), created_json(job_id))

    async def _create(self, exchange: Exchange, client: str) -> str:
        if not self._config.restore_enabled:
            raise Refusal("disabled", headers=retry_after(limits.DISABLED_RETRY_S))
        keys = exchange.request.headers.get_all("idempotency-key")
        if not keys:
            return await self._promise(exchange, client)
        if not is_key(*keys):
            self._take_token(client)
            raise Refusal("key_invalid")
        scoped = scoped_key(keys[0], client)
        async with self._keys.turn(scoped):
            try:
                promised = self._store.key(scoped)
            except StorageError as error:
                raise unavailable(error) from None
            if promised is None:
                return await self._promise(exchange, client, scoped)
        try:  # the same form again is free; any other costs its token
            boundary = declared_boundary(exchange.request, self._config.max_image_bytes)
            if await self._uploads.fingerprint(exchange.body, boundary) != promised.fingerprint:
                raise Refusal("key_reused")
        except Refusal:
            self._take_token(client)
            raise
        return promised.job_id

    async def _promise(self, exchange: Exchange, client: str, key: str = "") -> str:
        self._take_token(client)
        if self._store.waiting + self._uploads.arriving >= self._config.max_queue:
            raise Refusal("queue_full", headers=retry_after(limits.QUEUE_RETRY_S))
        try:
            free = self._storage.free_bytes()
        except StorageError as error:
            raise unavailable(error) from None
        if free < self._config.min_free_disk_mb * MIB:
            raise unavailable("MIN_FREE_DISK_MB are not free")
        boundary = declared_boundary(exchange.request, self._config.max_image_bytes)
        job = await self._uploads.receive(exchange.body, boundary, key, exchange.request_id)
        self._telemetry.requested(job)
        self._dispatcher.wake()
        return job.id

    def _take_token(self, client: str) -> None:
        wait_s = self._limiter.take(client, time.monotonic())
        if wait_s:
            raise Refusal("rate_limited", headers=retry_after(wait_s))

    # -- /v1/jobs/{job_id}

    def get_job(self, exchange: Exchange, name: str) -> Answer:
        """How a job stands: row, and live progress while it runs."""
        job_id = name.lower()
        job = self._state(job_id)
        prefer = exchange.request.headers.get("prefer")
        if prefer and (seconds := wait_asked_for(prefer)):
            return self._wait(exchange, job_id, job, seconds)
        return self._tell(exchange, job_id, job)

    async def _wait(self, exchange: Exchange, job_id: str, job: JobState, seconds: int) -> Response:
        """As without, once the job has ended or `seconds` are over."""
        if job.output is None and job.error is None:
            job = await self._waiting.until_ended(job_id, seconds)
        told = self._tell(exchange, job_id, job)
        return told._replace(headers=(*told.headers, ("Preference-Applied", f"wait={seconds}")))

    def _state(self, job_id: str) -> JobState:
        """How the job stands: while it works from memory alone, with its live progress."""
        live = self._dispatcher.live(job_id)
        if live is not None:
            return live
        row = self._found(self._store.state, job_id)
        if row.status is JobStatus.RUNNING:  # it waits for a slot, or has this moment begun
            return row._replace(progress=self._dispatcher.progress(job_id))
        return row

    def _tell(self, exchange: Exchange, job_id: str, job: JobState) -> Response:
        if job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
            body = job_json(job_id, job.status, job.progress, None, None)
            return Response(200, _UNFINISHED, body)
        url = f"{self._base_url(exchange)}{OUTPUTS_PATH}{job.output}" if job.output else None
        error = JOB_ERRORS[job.error] if job.error else None
        headers = (*JSON_HEADERS, ("Restore-Error-Code", job.error)) if job.error else JSON_HEADERS
        return Response(200, headers, job_json(job_id, job.status, job.progress, url, error))

    def get_details(self, _: Exchange, name: str) -> Response:
        """What else is known of a job."""
        job = self._found(self._store.get, name.lower())
        waits = job.status is JobStatus.QUEUED
        before = self._find(self._store.position, job.id) if waits else None
        result = self._storage.output_path(job.output) if job.output else None
        keep_s = self._config.retention_hours * HOUR_S
        return Response(200, JSON_HEADERS, details_json(job, before, result, keep_s))

    def get_before(self, exchange: Exchange, name: str) -> Response:
        """The photo as it came, as a picture that browsers show; from its job's start on."""
        job = self._found(self._store.get, name.lower())
        path = self._storage.before_path(job.id)
        if path is None:
            raise Refusal("before_not_found")
        return before_response(exchange.request, path, job.id, job.created_at)

    async def cancel_job(self, _: Exchange, name: str) -> Response:
        """Stop and forget a job; 204 for every well-formed id."""
        if not is_job_id(name.lower()):
            raise Refusal("job_not_found")
        try:
            await self._dispatcher.cancel(name.lower())
        except StorageError as error:
            raise unavailable(error, "The job can't be removed now. Please try later.") from None
        return Response(204)

    def _found(self, find: Callable[[str], T | None], job_id: str) -> T:
        found = self._find(find, job_id)
        if found is None:
            raise Refusal("job_not_found")
        return found

    def _find(self, find: Callable[[str], T | None], job_id: str) -> T | None:
        try:
            return find(job_id) if is_job_id(job_id) else None
        except StorageError as error:
            raise unavailable(error, "The job can't be read now. Please try later.") from None

    def _base_url(self, exchange: Exchange) -> str:
        """Where results are found: as configured, else as the client reached this server."""
        config, request = self._config, exchange.request
        if config.result_base_url:
            return config.result_base_url
        host = request.host or f"{config.url_host}:{config.port}"
        peer = parse_address(exchange.peer)
        proxied = peer is not None and any(peer in proxy for proxy in config.trusted_proxies)
        first = (request.headers.get("x-forwarded-proto") or "").partition(",")[0]
        secure = proxied and first.strip().lower() == "https"  # the client's own; proxies append
        return f"{'https' if secure else 'http'}://{host}"

    # -- /outputs/{file}, /healthz

    def get_output(self, exchange: Exchange, name: str) -> Response:
        """A result, whole or in part; only what a job that succeeded points to."""
        job = self._find(self._store.get, name.partition(".")[0])
        path = self._storage.output_path(name)
        if job is None or job.output != name or path is None:
            raise Refusal("result_not_found")
        return result_response(exchange.request, path, name, job.ended_at or 0.0)

    def get_health(self, _: Exchange, __: str) -> Response:
        """The server answers."""
        return Response(200, JSON_HEADERS, b'{"status": "ok"}')

    async def get_ready(self, _: Exchange, __: str) -> Response:
        """Whether a photo would be taken now and be kept; a full queue is no reason against it."""
        reasons = []
        if self._stopping:
            reasons.append("The server is stopping.")
        if not self._uploads.ready:
            reasons.append("The provider is still being loaded.")
        elif not self._dispatcher.has_slots:
            reasons.append("No machine of the cluster is there.")
        try:
            if self._storage.free_bytes() < self._config.min_free_disk_mb * MIB:
                reasons.append("The disk has less room than MIN_FREE_DISK_MB.")
            await self._store.check_writable()
        except StorageError as error:
            log.warning("not ready: %s", error)
            reasons.append("The storage can't be written.")
        if not reasons:
            return Response(200, JSON_HEADERS, b'{"status": "ready"}')
        said = {"error": " ".join(reasons), "code": "not_ready", "reasons": reasons}
        headers = (*JSON_HEADERS, *retry_after(limits.READY_RETRY_S))
        return Response(503, headers, json.dumps(said).encode())

    def get_description(self, _: Exchange, __: str) -> Response:
        """The contract for programs: OpenAPI 3.1."""
        return Response(200, JSON_HEADERS, description_json(__version__, self._uploads.models))

    def get_models(self, _: Exchange, __: str) -> Response:
        """What may be asked for as model_id; a mere alias is not listed."""
        if not self._uploads.ready:
            raise Refusal("starting", headers=retry_after(limits.STARTING_RETRY_S))
        return Response(200, JSON_HEADERS, models_json(self._uploads.offered))
