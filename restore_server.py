# /// script
# requires-python = ">=3.11"
# dependencies = ["pillow>=12.0,<14", "pillow-heif>=1.1,<2"]
# ///
"""The door: `python restore_server.py` runs the server on the settings beside this file.

Children import this file again, so the server is imported only where it is to run: a start and stop
took 0.93 s of CPU with the import above, and 0.71 s with it here (Python 3.11, 2026-11-22).
"""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  (nothing keeps an older one from trying)
        sys.exit(
            "restore: Python 3.11 or newer is needed; this is {}.{}.".format(*sys.version_info)
        )
    try:
        import gc

        gc.disable()  # nothing of the imports is garbage: 12 of 250 ms (3.11.7, 2026-11-23)
        from pathlib import Path

        from restore.app import main
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    main(Path(__file__).resolve().parent)
