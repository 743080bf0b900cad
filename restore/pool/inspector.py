"""Looks at the headers of uploads in a child, where a crash harms nobody.

Rule: one upload's end never shows in another's. Where a call dies, its image is looked at once
more: it may have been want of memory, or another's leftover.
"""

import asyncio
import logging

from restore.pool import limits
from restore.pool.errors import ChildError, ChildNotStarted
from restore.pool.slot import LocalSlot
from restore.worker import Inspection, inspect

log = logging.getLogger("restore")


class InspectorBusy(Exception):  # noqa: N818  (says what happened)
    """No verdict on the photo: it may be sent again. The text is for the log."""


class Inspector:
    """Inspections on `slot`, one at a time."""

    def __init__(self, slot: LocalSlot) -> None:
        self._slot = slot
        self._warming: asyncio.Task[None] | None = None

    def warm(self) -> None:
        """An upload has begun: have the child up by the time its image is here."""
        if self._slot.cold:
            self._warming = asyncio.create_task(self._slot.warm())

    async def inspect(self, path: str, kind: str) -> Inspection:
        """What the header of the image at `path`, of the sniffed `kind`, says.

        An image over which the child dies or thinks for more than limits.INSPECT_S is unreadable.
        Raises InspectorBusy where its turn doesn't come, or no child can be had to look.
        """
        try:
            async with asyncio.timeout(limits.INSPECT_TURN_S):
                try:
                    return await self._look(path, kind)
                except ChildNotStarted:
                    raise
                except ChildError as error:
                    log.warning("the inspector is asked again: %s", error)
                return await self._look(path, kind)
        except TimeoutError:
            raise InspectorBusy("no turn") from None
        except ChildNotStarted as error:
            raise InspectorBusy(str(error)) from None
        except ChildError as error:
            return Inspection(0, 0, "image_unreadable", f"inspector: {error}")

    async def _look(self, path: str, kind: str) -> Inspection:
        return await self._slot.run(inspect, path, kind, stall_s=None, bound_s=limits.INSPECT_S)
