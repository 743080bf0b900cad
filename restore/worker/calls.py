"""What runs around each call into a child.

Rule: nothing of one job is handed on to the next, and whatever a call does short of ending the
process comes back as a Reply.
"""

import os
import pickle
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, suppress
from ctypes import c_double
from typing import NamedTuple

from restore.contract import KIB
from restore.progress import Listener, listening
from restore.worker import limits
from restore.worker.setup import Child, current, ignore_signals, resident_mib, restore_output

RESULT_BYTES = 32 * KIB  # pickled; below a pipe's 64 KiB, so a kill can't cut it in two
FAILURE_CHARS = 8 * KIB  # of a traceback, for the log


class Reply(NamedTuple):
    """What comes back from a call: the pickled result, or what went wrong.

    `spent`: the child has grown too much and should be replaced.
    """

    payload: bytes | None
    failure: str
    spent: bool


def call(function: Callable[..., object], args: tuple[object, ...]) -> Reply:
    """Call `function(*args)` with what a former call changed put right. Never raises."""
    child = current.get()
    assert child is not None, "only a child that was begun may be called"
    try:
        _put_right(child)
        with listening(Listener(report=_moves(child.progress), note=print)):
            payload, failure = _pickled(function(*args)), ""
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: the child lives on
        payload, failure = None, describe(error)
    for name in ("stdout", "stderr"):
        with suppress(Exception):  # by now it may be anything, or nothing
            getattr(sys, name).flush()
    return Reply(payload, failure, spent=_has_grown(child))


@contextmanager
def in_folder(folder: str) -> Iterator[None]:
    """Make `folder` the current folder and the one for temporary files, for the block."""
    before = tempfile.tempdir
    with chdir(folder):
        tempfile.tempdir = folder
        os.putenv("TMPDIR", folder)  # for C code and for programs that a provider starts
        try:
            yield
        finally:
            os.unsetenv("TMPDIR")
            tempfile.tempdir = before


def describe(error: BaseException) -> str:
    """The traceback as bounded text: its beginning and, longer, its end, where the cause stands."""
    try:
        text = "".join(traceback.format_exception(error, limit=-40))
    except BaseException:  # an exception may do anything in its __str__
        text = f"{type(error).__name__} that can't be described"
    if len(text) <= FAILURE_CHARS:
        return text
    head = FAILURE_CHARS // 4
    return f"{text[:head]}\n...\n{text[head - FAILURE_CHARS :]}"


def _has_grown(child: Child) -> bool:
    now = resident_mib()
    if child.resident_mib is None:
        current.set(child._replace(resident_mib=now))
        return False
    return now - child.resident_mib > limits.CHILD_GROWTH_MIB


def _put_right(child: Child) -> None:
    """Undo what a provider may have done to the process that it shares with the next job."""
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)  # an alarm would kill the next job for the last one
    restore_output(child.output)
    ignore_signals()
    os.umask(0o077)
    os.chdir("/")
    child.progress.value = 0.0


def _moves(progress: c_double) -> Callable[[float], None]:
    def report(fraction: float) -> None:
        progress.value = max(progress.value, fraction)

    return report


def _pickled(result: object) -> bytes:
    payload = pickle.dumps(result)
    if len(payload) > RESULT_BYTES:
        raise ValueError(f"a result of {len(payload)} bytes is too large to hand over")
    return payload
