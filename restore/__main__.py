"""`python -m restore` and the `restore-server` command: the settings of the current folder.

`python -m restore photo` and the `restore-photo` command restore photos without a server.

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


if __name__ == "__main__":
    if sys.argv[1:2] == ["photo"]:
        del sys.argv[1]
        photo()
    main()
