# /// script
# requires-python = ">=3.11"
# dependencies = ["pillow>=12.0,<14", "pillow-heif>=1.1,<2"]
# ///
"""The door: `python restore_server.py` runs the server on the settings beside this file.

Children import this file again, so it holds one import and nothing that runs by itself.
"""

from pathlib import Path

from restore.app import main

if __name__ == "__main__":
    main(Path(__file__).resolve().parent)
