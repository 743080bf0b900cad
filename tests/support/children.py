"""What tests call in children."""

import sys

from restore.pool.forkserver import PRELOAD


def loaded() -> dict[str, bool]:
    """Which modules a fresh child has without importing them."""
    return {name: name in sys.modules for name in PRELOAD}
