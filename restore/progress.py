"""How far a provider is, reported to whoever runs it; and how many cores it may use.

`run(image_path, model_id, strength, upscale)` has no argument for progress, and keeps its
signature; so a provider calls `report()` and `note()` here, and whoever runs it listens inside
`listening()`. Called bare, outside the server, both do nothing, and `cores()` is 1. A thread that a
provider starts is heard only where it runs in a copy of the context
(`contextvars.copy_context().run`). These ContextVars are the one exception to the rule "no
module state but constants".
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Listener(NamedTuple):
    """Who listens: `report` gets a fraction 0.0..1.0, `note` one line for the job's log."""

    report: Callable[[float], None]
    note: Callable[[str], None]


_listener: ContextVar[Listener | None] = ContextVar("restore_progress_listener", default=None)
_cores: ContextVar[int] = ContextVar("restore_progress_cores", default=1)


def report(fraction: float) -> None:
    """Say that `fraction` (0.0..1.0, clamped; NaN counts as 0.0) of the provider's work is done."""
    listener = _listener.get()
    if listener is not None:
        listener.report(min(max(0.0, fraction), 1.0))


def note(line: str) -> None:
    """Say in one line what was found and done; it stands in the log beside the job's end."""
    listener = _listener.get()
    if listener is not None:
        listener.note(line)


def cores() -> int:
    """How many processes this call may keep busy at once, at least 1: the rest is other jobs'."""
    return _cores.get()


@contextmanager
def allowing(count: int) -> Iterator[None]:
    """Let `cores()` be `count` inside the block."""
    token = _cores.set(count)
    try:
        yield
    finally:
        _cores.reset(token)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `listener` hear every `report()` and `note()` made inside the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
