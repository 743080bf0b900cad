"""Start and stop: builds each part once, wires them, runs them, takes them down.

It is the only package that knows all the others, the environment and the signals.

    service   the command, and one running server
    logs      the log
    machine   what this machine has
    notify    what the service manager is told
"""

from restore.app.service import main

__all__ = [
    "main",
]
