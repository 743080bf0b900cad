"""Start and stop: builds each part once, wires them, runs them, takes them down.

It is the only package that knows all the others, the environment and the signals.

    service   the command of the server, and one running server
    photo     the command restore-photo
    worker    the command restore-worker, a machine of a cluster
    start     what both start with, and the sentence where they can't
    init      process 1 of a container
    logs      the log
    machine   what this machine has
    notify    messages to the service manager
"""

from typing import NoReturn

from restore.app.service import main


def restore_photos() -> int:
    """The command `restore-photo`, which the server doesn't load; the exit status."""
    from restore.app.photo import main as run

    return run()


def work_for_a_cluster() -> NoReturn:
    """The command `restore-worker`."""
    from restore.app.worker import main as run

    run()


__all__ = [
    "main",
    "restore_photos",
    "work_for_a_cluster",
]
