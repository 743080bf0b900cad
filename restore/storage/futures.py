"""Ending a future that somebody may have stopped waiting for.

The rule kept here: the first end counts; a later one, and an error that nobody waits for, is no
news.
"""

import asyncio
from typing import TypeVar

T = TypeVar("T")


def end(future: "asyncio.Future[T]", outcome: T | BaseException) -> None:
    """End `future` with a result or an error, unless it has ended. On its loop."""
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
        future.exception()  # or asyncio would complain that nobody did
    else:
        future.set_result(outcome)
