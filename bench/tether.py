"""Processes that end with the benchmark, however it ends."""

import ctypes
import signal
import subprocess
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1  # Linux, prctl(2): the signal that a process gets when its parent has ended


def tethered(command: list[str], **options: Any) -> "subprocess.Popen[Any]":
    """Start `command`; on Linux it is told to stop even where the benchmark is killed."""
    if sys.platform == "linux":
        options["preexec_fn"] = _tether
    return subprocess.Popen(command, **options)


def _tether() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
