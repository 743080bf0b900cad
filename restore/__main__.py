"""`python -m restore` and the `restore-server` command: the settings of the current folder.

`python -m restore photo` and the `restore-photo` command restore photos without a server, `python
-m restore worker` and `restore-worker` let this machine work for a server elsewhere.

Children import this again, as they do restore_server.py, so nothing heavy is imported above `main`.
"""

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the server until it is told to stop."""
    if sys.version_info < (3, 11):  # noqa: UP036  (as in restore_server.py)
        sys.exit(
            "restore: Python 3.11 or newer is needed; this is {}.{}.".format(*sys.version_info)
        )
    gc.disable()  # as in restore_server.py
    try:
        from restore.app import main as run
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    run()


def photo() -> NoReturn:
    """Run the command `restore-photo`."""
    try:
        from restore.app import restore_photos

        status = restore_photos()
    except KeyboardInterrupt:  # amid the imports
        status = 130
    raise SystemExit(status)


def worker() -> NoReturn:
    """Run the command `restore-worker`."""
    from restore.app import work_for_a_cluster

    work_for_a_cluster()


if __name__ == "__main__":
    if sys.argv[1:2] == ["photo"]:
        del sys.argv[1]
        photo()
    if sys.argv[1:2] == ["worker"]:
        del sys.argv[1]
        worker()
    main()
