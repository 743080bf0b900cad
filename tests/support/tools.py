"""Where `.ci/install` puts what the heavier tests need, and how they say what is not there."""

import os
from pathlib import Path

TOOLS = Path(os.environ.get("RESTORE_TOOLS", Path.home() / ".cache/restore-tools"))
NODE = TOOLS / "node_modules"
PYTHON = TOOLS / "python/bin/python"  # has pex, openapi-spec-validator and schemathesis


def missing(*needed: Path) -> str:
    """Why a test of these can't run; empty where it can."""
    absent = [str(path) for path in needed if not path.exists()]
    return f"not installed (.ci/install brings it): {', '.join(absent)}" if absent else ""
