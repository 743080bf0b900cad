"""What the server and a machine of a cluster start with, and the sentence where they can't."""

import logging
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from restore.app import machine
from restore.config import Config, ConfigError
from restore.pool import ChildError, ChildNotStarted, Facts, LocalPool, Machine, Tls
from restore.storage import StorageError
from restore.worker import ChildSettings, Models, load_models

log = logging.getLogger("restore")

LOAD_S = 60.0  # for the provider to be imported
WITHOUT_DASK = "distributed isn't installed: pip install 'restore[dask]' brings it."
_WRITABLE = "The temporary folder (TMPDIR names one) and /dev/shm must be writable."


class StartError(Exception):
    """It can't start; its text is one sentence for the person who starts it."""


def status_of(run: Callable[[], int]) -> int:
    """What `run` returns, or the exit status of what it raises, which is told in one sentence."""
    try:
        return run()
    except ConfigError as error:
        return _say(2, str(error))
    except (StartError, StorageError) as error:
        return _say(1, str(error))
    except KeyboardInterrupt:
        return _say(130, "Stopped before it had started.")


def _say(status: int, sentence: str) -> int:
    print(f"restore: {sentence}", file=sys.stderr)
    return status


def local_pool(config: Config, workers: int, spare: Path, name: str = "") -> LocalPool:
    """The pool of this machine, not started yet. Raises StartError."""
    settings = ChildSettings(config.provider, config.dummy_delay_s, models_dir=config.models_dir)
    here = Machine(name, config.memory_budget_mb, machine.usable_cores())
    try:
        return LocalPool(workers, settings, here, spare=spare, oom_kills=machine.oom_kills)
    except OSError as error:
        raise StartError(f"There is no shared memory to be had: {error}. {_WRITABLE}") from None


async def load_provider(pool: LocalPool, provider: str) -> Models:
    """What the provider offers; a child loads it. Raises StartError."""
    try:
        loaded = await pool.inspector.run(load_models, provider, stall_s=None, bound_s=LOAD_S)
    except ChildNotStarted as error:
        raise StartError(f"No process can be started: {error}. {_WRITABLE}") from None
    except ChildError as error:
        log.error("loading the provider: %s", error)
        raise StartError(f"PROVIDER {provider} can't be loaded: its process died.") from None
    if loaded.problem is not None:
        if loaded.detail:
            log.error("loading the provider: %s", loaded.detail)
        raise StartError(loaded.problem)
    return loaded


def facts_of(config: Config, loaded: Models) -> Facts:
    """What the machines of a cluster must have in common with its server."""
    return Facts(config.provider, ", ".join(sorted(loaded.models)))


def scheduler_of(config: Config) -> tuple[str, Tls | None]:
    """The address of the cluster's scheduler, and how it is spoken to. Raises ConfigError.

    Whoever reaches a scheduler runs code on every machine of its cluster, so what isn't locked by
    TLS must stay on a private network.
    """
    parts = urlsplit(config.workers_at)
    files = (config.workers_tls_ca, config.workers_tls_cert, config.workers_tls_key)
    if any(files) and not all(files):
        raise ConfigError("WORKERS_TLS_CA, WORKERS_TLS_CERT and WORKERS_TLS_KEY go together.")
    if all(files):
        for file in files:
            if not Path(file).is_file():
                raise ConfigError(f"{file}, which a setting of TLS names, is no file.")
        return f"tls://{parts.netloc}", Tls(*files)
    if parts.scheme == "tls":
        raise ConfigError(f"{config.workers_at} needs WORKERS_TLS_CA, _CERT and _KEY.")
    if not config.workers_plaintext and not _is_private(parts.hostname or ""):
        raise ConfigError(
            f"{config.workers_at} is no private address, and whoever reaches it runs code on every"
            " machine: set WORKERS_TLS_CA, _CERT and _KEY, or WORKERS_PLAINTEXT=true."
        )
    return config.workers_at, None


def _is_private(host: str) -> bool:
    """Whether every address of `host` is a loopback or private one (RFC 1918, 4193)."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ip_address(each.partition("%")[0]).is_private for each in found)
