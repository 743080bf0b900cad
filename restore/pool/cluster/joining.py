"""A member of a cluster for as long as there is a scheduler: the Dask worker around a Member.

It comes back by itself when the scheduler does. Dask's own tasks, nannies, dashboards and memory
limits aren't used.
"""

import asyncio
import contextlib
import logging
from typing import Any
from urllib.parse import urlsplit

from restore.pool import limits
from restore.pool.cluster.machine import PLUGIN, Member
from restore.pool.cluster.messages import TOPIC, Tls, prepare, security

_log = logging.getLogger("restore")


class SchedulerFailed(Exception):  # noqa: N818  (says what happened)
    """The scheduler that this process was to run can't be started; the text says why."""


async def join(member: Member, address: str, tls: Tls | None, *, with_scheduler: bool) -> None:
    """Serve whoever leads the cluster at `address`, until this is cancelled.

    With `with_scheduler` the scheduler of the cluster is this process too, and listens there.
    Raises ImportError without the extra, SchedulerFailed.
    """
    prepare()
    async with contextlib.AsyncExitStack() as stack:
        if with_scheduler:
            try:
                await stack.enter_async_context(_scheduler(address, tls))
            except (OSError, RuntimeError) as error:
                raise SchedulerFailed(f"{address}: {error}") from None
        said = ""
        while True:
            try:
                await _serve(member, address, tls)
                reason, detail = "gone", "it has gone"
            except (OSError, RuntimeError, TimeoutError) as error:
                reason, detail = type(error).__name__, str(error)
            if reason != said:  # the detail names another port each time
                _log.warning("The scheduler %s can't be reached: %s", address, detail or reason)
            said = reason
            await asyncio.sleep(limits.LOOK_S)


async def _serve(member: Member, address: str, tls: Tls | None) -> None:
    """Be a member until the scheduler is gone. Raises what distributed raises where none is."""
    from distributed import Worker, WorkerPlugin

    class Plugin(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
        name = PLUGIN

        def __init__(self) -> None:
            self.member = member

        def setup(self, worker: Any) -> None:
            member.tell = lambda name, fraction: worker.log_event(TOPIC, (name, fraction))

    worker = Worker(
        address,
        nthreads=1,
        memory_limit=0,
        dashboard_address="127.0.0.1:0",  # of pages that nobody needs; they can't be turned off
        plugins=(Plugin(),),
        security=security(tls),
    )
    try:
        async with asyncio.timeout(limits.ANSWER_S):
            await worker
        _log.info("Joined the cluster at %s.", address)
        await worker.finished()
    finally:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(limits.KILL_WAIT_S):
                await worker.close()


def _scheduler(address: str, tls: Tls | None) -> Any:
    from distributed import Scheduler

    parts = urlsplit(address)
    return Scheduler(
        host=parts.hostname,
        port=parts.port,
        protocol=parts.scheme,
        dashboard_address="127.0.0.1:0",
        security=security(tls),
    )
