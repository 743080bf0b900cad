"""`python -m restore` and the `restore-server` command: the settings of the current folder.

Children import this again, as they do restore_server.py, so nothing heavy is imported above `main`.
"""

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the server until it is told to stop."""
    gc.disable()  # as in restore_server.py
    try:
        from restore.app import main as run
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    run()


if __name__ == "__main__":
    main()
