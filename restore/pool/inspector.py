"""Looks at the headers of uploads in a child, those that wait together in one call.

A call there and back wakes two processes, which costs as much as looking at a header: so while one
call is under way the next ones gather. The rule kept here: one upload's end never tells
on another's. Where a call dies or takes too long, each of its images is looked at once more, alone.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from restore.contract import Refusal
from restore.http import retry_after
from restore.pool import limits
from restore.pool.local import ChildError, ChildNotStarted, Slot
from restore.storage import end
from restore.worker import Inspection, inspect_all

log = logging.getLogger("restore")

_BATCH = 8  # uploads in one call; limits.CALL_BYTES has room for them
_TURN_S = 30.0  # an upload waits this long for its turn
_BUSY_S = 5  # Retry-After, seconds


_Answer: TypeAlias = "asyncio.Future[Inspection]"
_Upload: TypeAlias = tuple[str | bytes, str]  # a path or a small file's bytes, and its sniffed kind


class Inspector:
    """Inspections on `slot`, one call at a time."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._waiting: dict[_Answer, _Upload] = {}
        self._task: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None

    def warm(self) -> None:
        """An upload has begun: have the child up by the time its image is here."""
        if self._slot.cold:
            self._warming = asyncio.create_task(self._slot.warm())

    async def inspect(self, image: str | bytes, kind: str) -> Inspection:
        """What the header of `image` says: a path or a small file's bytes, of the sniffed `kind`.

        An image over which the child dies or thinks for more than limits.INSPECT_S is unreadable.
        Raises Refusal (503) where its turn doesn't come, or no child can be had to look.
        """
        answer: _Answer = asyncio.get_running_loop().create_future()
        self._waiting[answer] = (image, kind)
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        try:
            async with asyncio.timeout(_TURN_S):
                return await answer
        except TimeoutError:
            raise _busy("no turn") from None
        finally:
            self._waiting.pop(answer, None)  # whoever gives up leaves no image behind

    async def _work(self) -> None:
        """Answer what waits, until nothing does."""
        try:
            while self._waiting:
                first = list(self._waiting)[:_BATCH]
                await self._look({answer: self._waiting.pop(answer) for answer in first})
        finally:
            self._task = None

    async def _look(self, batch: Mapping[_Answer, _Upload]) -> None:
        try:
            seen = await self._call(list(batch.values()))
        except ChildNotStarted as error:
            for answer in batch:
                end(answer, _busy(str(error)))
        except ChildError as error:
            for answer, upload in batch.items():
                end(answer, await self._look_alone(answer, upload, error))
        except Exception as error:  # whatever it is, nobody is left waiting
            for answer in batch:
                end(answer, error)
        else:
            for answer, inspection in zip(batch, seen, strict=True):
                end(answer, inspection)

    async def _look_alone(
        self, answer: _Answer, upload: _Upload, error: ChildError
    ) -> Inspection | Exception:
        """Once more: it may have been another's file, or want of memory."""
        if answer.done():
            return _unreadable(error)
        log.warning("the inspector is asked again: %s", error)
        try:
            return (await self._call([upload]))[0]
        except ChildNotStarted as again:
            return _busy(str(again))
        except ChildError as again:
            return _unreadable(again)
        except Exception as again:
            return again

    async def _call(self, uploads: Sequence[_Upload]) -> list[Inspection]:
        bound_s = limits.INSPECT_S
        return await self._slot.run(inspect_all, uploads, stall_s=None, bound_s=bound_s)


def _busy(detail: str) -> Refusal:
    """No verdict on the photo: it may be sent again."""
    sentence = "The server is too busy to look at the photo. Please try later."
    return Refusal(
        "too_busy", sentence, headers=retry_after(_BUSY_S), detail=f"inspector: {detail}"
    )


def _unreadable(error: ChildError) -> Inspection:
    return Inspection(0, 0, "image_unreadable", f"inspector: {error}")
