"""File operations on threads, awaited on the event loop.

A call is one turn of a thread and one turn of the loop; `loop.run_in_executor` takes two turns more
to copy one future into another. What is called, and what must not run at the same time, is the
caller's to decide.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class FileThreads:
    """At most `most` calls at once; further ones wait in turn."""

    def __init__(self, most: int) -> None:
        self._executor = ThreadPoolExecutor(most, thread_name_prefix="files")

    def run(self, function: Callable[..., T], *args: object) -> "asyncio.Future[T]":
        """Begin `function(*args)`; what it returns or raises is the future's.

        Cancelling the future doesn't stop the call: it only says that nobody waits for its end.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._executor.submit(_call, loop, future, function, args)
        return future

    def close(self) -> None:
        """Begin no more calls; those under way go on, and the others never happen."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _call(
    loop: asyncio.AbstractEventLoop,
    future: "asyncio.Future[Any]",
    function: Callable[..., object],
    args: tuple[object, ...],
) -> None:
    with suppress(RuntimeError):  # the loop has closed: nobody is waiting any more
        loop.call_soon_threadsafe(end, future, _attempt(function, args))


def _attempt(function: Callable[..., object], args: tuple[object, ...]) -> object | BaseException:
    """Result or error, in a frame that lets go of the error.

    Error, traceback and frame would be a ring otherwise, and hold `args`, a piece of an upload,
    until the garbage collector comes by.
    """
    try:
        return function(*args)
    except BaseException as error:
        return error


def end(future: "asyncio.Future[T]", outcome: T | BaseException) -> None:
    """End `future` with a result or an error, unless it has ended: the first end counts."""
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
        future.exception()  # Marked as seen, or asyncio would complain that nobody looked.
    else:
        future.set_result(outcome)
