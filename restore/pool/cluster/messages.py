"""What crosses between the front and the machines of a cluster, and how it is locked.

Rule: whoever reaches the scheduler runs code on every machine, for Dask's messages are pickles; TLS
both ways is the only lock there is.
"""

import logging
import sys
from pathlib import Path
from typing import Any, NamedTuple

from restore import __version__
from restore.pool import limits
from restore.pool.protocol import Machine
from restore.worker import Outcome

TOPIC = "restore-progress"  # of the events that machines send: a call's name, and its progress


class Tls(NamedTuple):
    """Paths of PEM files: whom to trust, and what to show. Every part of a cluster has its own."""

    ca: str
    cert: str
    key: str


class Facts(NamedTuple):
    """What must be the same on both ends."""

    provider: str
    models: str = ""  # their names, with commas between
    version: str = __version__
    python: str = f"{sys.version_info[0]}.{sys.version_info[1]}"

    def unlike(self, front: "Facts") -> str:
        """Why a machine of these facts can't serve `front`, in a sentence; "" where it can."""
        names = ("PROVIDER", "the models", "restore", "Python")
        for what, mine, its in zip(names, self, front, strict=True):
            if mine != its:
                return f"It has {what} {mine}, and the server has {what} {its}."
        return ""


class Offer(NamedTuple):
    """What a machine has. `shared` is its folder in a shared one, "" without."""

    facts: Facts
    machine: Machine
    slots: int
    shared: str = ""


class Reply(NamedTuple):
    """How a call ended: the name of an error of ours, or "".

    `files`: what it made, by paths inside the machine's folder, with sizes and SHA-256.
    """

    error: str
    detail: str
    outcome: Outcome | None = None
    files: dict[str, tuple[int, str]] = {}


def read_piece(path: Path, offset: int) -> bytes:
    """At most limits.PIECE_BYTES of a file."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(limits.PIECE_BYTES)


def security(tls: Tls | None) -> Any:
    """What distributed wants to know of TLS; None for plain connections."""
    from distributed import Security

    if tls is None:
        return None
    shown = {
        f"tls_{end}_{what}": path
        for end in ("client", "worker", "scheduler")
        for what, path in (("cert", tls.cert), ("key", tls.key))
    }
    return Security(tls_ca_file=tls.ca, require_encryption=True, **shown)


def prepare() -> None:
    """Set up Dask in this process. Raises ImportError without the extra.

    By its defaults a pulled cable shows after minutes. What matters we say ourselves, in our log.
    """
    import dask
    import distributed

    lost = f"{limits.LOST_S}s"
    dask.config.set(
        {
            "distributed.comm.timeouts.tcp": lost,
            "distributed.comm.timeouts.connect": f"{limits.CONNECT_S}s",
            "distributed.scheduler.worker-ttl": lost,
        }
    )
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] == distributed.__name__:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
