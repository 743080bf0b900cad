"""The command `restore-worker`: this machine as a member of a cluster (docs/CLUSTER.md).

Its settings are the server's as far as they concern a machine: PROVIDER, MODELS_DIR, WORKERS and
MEMORY_BUDGET_MB, those of a cluster and of the log. Photos are here only while they are worked on,
in a temporary folder.
"""

import argparse
import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from restore import config as configuration
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
from restore.config import Config, ConfigError
from restore.pool import Member, Offer, SchedulerFailed, Tls, join

log = logging.getLogger("restore")

_PREFIX = f"restore-worker-{socket.gethostname()}-"  # of folders; a process id follows

HELP = """\
usage: restore-worker [--scheduler ADDRESS] [--with-scheduler]

Lets this machine work for a restore server: as many photos at once as WORKERS says.

      --scheduler ADDRESS   of the cluster, such as tcp://192.168.1.5:8786
                            (default: the setting WORKERS_AT)
      --with-scheduler      run the scheduler too, listening at that address
  -h, --help
"""


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        return HELP

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message[:1].upper()}{message[1:]}. See restore-worker --help.")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Serve a cluster until SIGTERM or SIGINT."""
    leave_first_process()
    ensure_descriptors()
    sys.exit(status_of(partial(_main, sys.argv[1:] if arguments is None else arguments)))


def _main(arguments: Sequence[str]) -> int:
    parser = _Parser()
    parser.add_argument("--scheduler", metavar="ADDRESS")
    parser.add_argument("--with-scheduler", action="store_true")
    asked = parser.parse_args(arguments)
    environ = dict(os.environ)
    if asked.scheduler:
        environ["WORKERS_AT"] = asked.scheduler
    config, _ = configuration.load(
        *(Path.cwd(), environ), cores=machine.usable_cores(), memory_mib=machine.memory_mib()
    )
    if not config.workers_at:
        raise ConfigError("Which cluster? --scheduler or WORKERS_AT names its scheduler.")
    address, tls = scheduler_of(config)
    os.umask(0o077)  # photos are private
    lines = Log(level=config.log_level, as_json=config.log_format == "json")
    lines.start()
    try:
        base = Path(config.shared_dir or tempfile.gettempdir())
        _remove_what_the_dead_left(base)
        prefix = f"{_PREFIX}{os.getpid()}-"
        with tempfile.TemporaryDirectory(prefix=prefix, dir=base) as folder:
            asyncio.run(_run(config, Path(folder), address, tls, asked.with_scheduler))
    finally:
        lines.close()
    return 0


def _remove_what_the_dead_left(base: Path) -> None:
    """Photos of workers of this host that were killed."""
    for path in base.glob(f"{_PREFIX}*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except (ValueError, OSError):
            continue


async def _run(
    config: Config, folder: Path, address: str, tls: Tls | None, with_scheduler: bool
) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    pool = local_pool(config, config.workers, folder, socket.gethostname())
    try:
        await pool.start()
        facts = facts_of(config, await load_provider(pool, config.provider))
        shared = folder.name if config.shared_dir else ""
        offer = Offer(facts, pool.inspector.machine, config.workers, shared)
        member = Member(pool, folder, offer)
        serving = asyncio.create_task(join(member, address, tls, with_scheduler=with_scheduler))
        stopping = asyncio.create_task(stop.wait())
        notify(READY)
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not serving.done():
            notify(STOPPING)
            serving.cancel()
            await asyncio.wait({serving})
        elif isinstance(serving.exception(), ImportError):
            raise StartError(WITHOUT_DASK)
        elif isinstance(error := serving.exception(), SchedulerFailed):
            raise StartError(f"The scheduler can't be started at {error}")
        else:
            serving.result()
    finally:
        await pool.close()
