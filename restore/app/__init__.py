"""Start and stop: builds each part once, wires them, runs them, takes them down.

It is the only package that knows all the others, the environment and the signals.

    service   the command of the server, and one running server
    photo     the command restore-photo
    init      process 1 of a container
    logs      the log
    machine   what this machine has
    notify    messages to the service manager
"""

from restore.app.service import main


def restore_photos() -> int:
    """The command `restore-photo`, which the server doesn't load; the exit status."""
    from restore.app.photo import main as run

    return run()


__all__ = [
    "main",
    "restore_photos",
]
