"""Builds each room once, wires them, runs them, takes them down; the only one that knows all.

`main()` is the command. A start that can't succeed ends with one sentence on stderr and status 2 (a
setting) or 1 (port, folder, provider). Rule: no promise before everything is ready to keep it, and
a stop within a bound.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from restore import config as configuration
from restore.api import Handlers, Metrics, MetricsMissing, Offered, Sources, Uploads
from restore.app import machine
from restore.app.init import leave_first_process
from restore.app.logs import Log, ensure_descriptors
from restore.app.notify import READY, STOPPING, notify
from restore.app.start import (
    WITHOUT_DASK,
    StartError,
    facts_of,
    load_provider,
    local_pool,
    scheduler_of,
    status_of,
)
from restore.config import Config
from restore.contract import MIB
from restore.http import AccessLog, Server, bind
from restore.jobs import Dispatcher, Telemetry
from restore.pool import ClusterPool, Inspector, LocalPool, Pool
from restore.storage import FileThreads, JobStore, Storage

log = logging.getLogger("restore")

_FILE_THREADS = 8  # file operations at once; each upload has one at a time
_LARGEST_JOB_MIB = 1300  # resident, 4096 x 4096 at upscale 4: see worker/setup.py
_LARGEST_MAPPED_MIB = 1400  # the same, as RLIMIT_AS counts
_LEAST_MAPPED_MIB = 1000  # with less the server's own threads can't be had (at 700, 3.11.7)
_LOCK_MARGIN_S = 5.0  # a predecessor takes its grace and a little more


def main(base: Path | None = None) -> NoReturn:
    """Run the server until it is told to stop.

    `base` is where config.env lies and relative folders start: the current folder by default.
    """
    leave_first_process()
    ensure_descriptors()
    gc.freeze()  # what was imported stays; the doors have disabled the collector until here
    gc.enable()
    sys.exit(status_of(partial(_main, base or Path.cwd())))


def _main(base: Path) -> int:
    return _run(
        *configuration.load(
            *(base, os.environ), cores=machine.usable_cores(), memory_mib=machine.memory_mib()
        )
    )


def _run(config: Config, folder: Path) -> int:
    mapped = machine.address_space_mib()
    if mapped is not None and mapped < _LEAST_MAPPED_MIB:
        raise StartError(
            f"Each process may map {mapped} MB (RLIMIT_AS, ulimit -v), and {_LEAST_MAPPED_MIB} MB"
            " are the least that the server can work with."
        )
    os.umask(0o077)  # all that is made here is private
    lines = Log(level=config.log_level, as_json=config.log_format == "json")
    lines.start()
    storage = Storage(folder)
    storage.open(config.shutdown_grace_s + _LOCK_MARGIN_S)
    try:
        asyncio.run(App(config, storage, lines).run())
    finally:
        storage.close()
        lines.close()
    return 0


class App:
    """One running server."""

    def __init__(self, config: Config, storage: Storage, lines: Log) -> None:
        self._config = config
        self._storage = storage
        self._log = lines
        self._stop = asyncio.Event()
        self._threads = FileThreads(_FILE_THREADS)

    async def run(self) -> None:
        """Serve until SIGTERM, SIGINT or, with its terminal, SIGHUP. Raises StartError."""
        config, loop = self._config, asyncio.get_running_loop()
        self._listen_for_signals(loop)
        sockets = _bind(config)
        files = self._storage
        store = JobStore(files.database, files.sync_uploads, files.rescue_upload)
        cluster = _cluster(config) if config.workers_at else None
        pool = local_pool(config, 0 if cluster else config.workers, files.root)
        workers: Pool = cluster or pool
        telemetry = Telemetry(self._log.write, config.provider)
        dispatcher = Dispatcher(
            *(store, files, workers, telemetry),
            provider=config.provider,
            job_timeout_s=config.job_timeout_s,
            retention_hours=config.retention_hours,
        )
        uploads = Uploads(
            *(store, files, Inspector(pool.inspector), self._threads),
            max_image_bytes=config.max_image_bytes,
            model_default=config.model_default,
        )
        access = _access_log(config, self._log)
        numbers = (dispatcher.stats, workers.stats, uploads.stats, files.stats)
        answers = (lambda: listening.stats(), access.stats, telemetry.tally)
        metrics = _metrics(Sources(*numbers, *answers)) if config.metrics else None
        handlers = Handlers(config, store, files, uploads, dispatcher, telemetry, metrics)
        more = handlers.doors.headers
        listening: Server = Server(sockets, handlers, handlers.client, access, headers=more)
        started = False
        try:
            await pool.start()
            await dispatcher.recover()
            await listening.start()
            if await self._unless_stopped(self._load(pool, uploads, dispatcher, cluster)):
                started = True
                dispatcher.start()
                port = sockets[0].getsockname()[1]
                _announce(config, self._storage, store, port)
                if not (uploads.arriving or store.waiting or store.running()):
                    await pool.stop_idle()  # the provider loads; until the first upload that is all
                notify(READY)
                gc.freeze()  # what lives now lives for ever: no collection looks at it again
                await self._stop.wait()
        finally:
            notify(STOPPING)
            handlers.stop()
            until = loop.time() + config.shutdown_grace_s  # clients and jobs share one grace
            dispatcher.pause()
            await listening.stop(config.shutdown_grace_s)
            await dispatcher.stop(max(0.0, until - loop.time()))
            await workers.close()
            await pool.close()
            if started:
                unfinished = store.waiting + len(store.running())
                log.info("Stopped; %d jobs wait for the next start.", unfinished)
            store.close()
            self._threads.close()

    async def _load(
        self,
        pool: LocalPool,
        uploads: Uploads,
        dispatcher: Dispatcher,
        cluster: ClusterPool | None,
    ) -> None:
        """Load the provider in a child; without it there is nothing to promise."""
        loaded = await load_provider(pool, self._config.provider)
        default = self._config.model_default
        model_bytes = {name: said["memory_bytes"] for name, said in loaded.details.items()}
        for name, needed in model_bytes.items():
            if self._config.models_dir and needed > self._config.memory_budget_mb * MIB:
                raise StartError(
                    f"{name} needs about {needed // MIB} MB of memory, and MEMORY_BUDGET_MB is"
                    f" {self._config.memory_budget_mb}."
                )
        if loaded.default in model_bytes:
            model_bytes.setdefault(default, model_bytes[loaded.default])
        dispatcher.expect(model_bytes)
        if cluster:
            cluster.start(facts_of(self._config, loaded))
        offered = [
            Offered(name, about, name in (default, loaded.default), loaded.details.get(name, {}))
            for name, about in loaded.models.items()
        ]
        uploads.offer({*loaded.models, default}, offered)
        if loaded.default:
            named = default if default in loaded.models else f"{default} (alias {loaded.default})"
            log.info("Models: %s; the default is %s", ", ".join(loaded.models), named)

    async def _unless_stopped(self, work: Awaitable[None]) -> bool:
        """Await `work`; False when the stop came first."""
        working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
            return True
        working.cancel()
        await asyncio.wait({working})
        return False

    def _listen_for_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        ends = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            ends.append(signal.SIGHUP)
        for number in ends:
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stop.is_set() and number is signal.SIGINT:
            os._exit(130)  # the second Ctrl-C; children end with us, recovery does the rest
        self._stop.set()


def _metrics(sources: Sources) -> Metrics:
    try:
        return Metrics(sources)
    except MetricsMissing:
        raise StartError(
            "METRICS is true, but prometheus_client isn't installed: pip install 'restore[metrics]'"
            " brings it."
        ) from None


def _access_log(config: Config, lines: Log) -> AccessLog:
    write = _nowhere if config.log_level in ("warning", "error") else lines.write
    return AccessLog(write, as_json=config.log_format == "json")


def _nowhere(_: str) -> None:
    """Where request lines go that nobody wants."""


def _bind(config: Config) -> list[Any]:
    try:
        return bind(config.host, config.port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "not possible"
        raise StartError(
            f"Can't listen on {config.host}, port {config.port}: {reason}. Is another server"
            " running there? HOST and PORT say where to listen."
        ) from None


def _cluster(config: Config) -> ClusterPool:
    address, tls = scheduler_of(config)
    try:
        shared = Path(config.shared_dir) if config.shared_dir else None
        return ClusterPool(address, tls, shared)
    except ImportError:
        raise StartError(f"WORKERS_AT is set, but {WITHOUT_DASK}") from None


def _announce(config: Config, storage: Storage, store: JobStore, port: int) -> None:
    """Say where it listens, what runs, where files go."""
    log.info("Listening on http://%s:%d", config.url_host, port)
    if config.host in ("127.0.0.1", "localhost", "0.0.0.0", "::"):  # noqa: S104
        log.info("From the Android emulator: http://%s:%d", configuration.EMULATOR_HOST, port)
    log.info("Provider: %s, workers: %s", config.provider, config.workers_at or config.workers)
    found = store.found
    count = found.waiting + found.running + found.ended
    log.info("Files: %s (%d jobs found)", storage.root, count)
    _warn(config, port)
    _warn_of_want(config, storage)


def _warn_of_want(config: Config, storage: Storage) -> None:
    """Say what the machine lacks before somebody's photo does."""
    free, memory = storage.free_bytes() // MIB, machine.memory_mib()
    if free < config.min_free_disk_mb:
        log.warning(
            "MIN_FREE_DISK_MB is %d, but %d MB are free in %s: uploads are refused.",
            *(config.min_free_disk_mb, free, storage.root),
        )
    if memory < _LARGEST_JOB_MIB:
        log.warning(
            "There are %d MB of memory: a photo of the largest size takes up to %d MB, and its job"
            " may be killed.",
            *(memory, _LARGEST_JOB_MIB),
        )
    mapped = machine.address_space_mib()
    if mapped is not None and mapped < _LARGEST_MAPPED_MIB:
        log.warning(
            "Each process may map %d MB (RLIMIT_AS, ulimit -v): a photo of the largest size takes"
            " up to %d MB, and its job may fail.",
            *(mapped, _LARGEST_MAPPED_MIB),
        )
    if memory < config.memory_budget_mb:
        log.warning(
            "MEMORY_BUDGET_MB is %d, but there are %d MB of memory.",
            *(config.memory_budget_mb, memory),
        )


def _warn(config: Config, port: int) -> None:
    if config.result_base_url and configuration.port_of(config.result_base_url) != port:
        log.warning(
            "RESULT_BASE_URL is %s, but the port is %d: clients may not find their results.",
            config.result_base_url,
            port,
        )
    if not config.listens_on_loopback and not config.api_tokens:
        log.warning(
            "Everybody who reaches %s can use this server: there is no password.", config.host
        )
    if not config.restore_enabled:
        log.warning("RESTORE_ENABLED is false: uploads are refused.")
