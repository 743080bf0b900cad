"""inspector: whose fault it is that an image's header can't be looked at."""

import asyncio
import unittest
from collections.abc import Sequence
from typing import cast

from restore.contract.http import Refusal
from restore.pool.inspector import Inspector
from restore.pool.local import ChildDied, ChildNotStarted, Slot
from restore.worker import job


class ScriptedSlot:
    """A slot whose calls end as a test says, one after the other."""

    def __init__(self, *endings: Exception | None) -> None:
        self._endings = list(endings)
        self.calls: list[list[str | bytes]] = []
        self.called = asyncio.Event()
        self.held: asyncio.Event | None = None  # a call waits for it

    async def run(
        self, _: object, images: Sequence[tuple[str | bytes, str]], **__: object
    ) -> list[job.Inspection]:
        self.calls.append([image for image, _ in images])
        self.called.set()
        if self.held is not None:
            await self.held.wait()
        ending = self._endings.pop(0)
        if ending is not None:
            raise ending
        return [job.Inspection(4, 3) for _ in images]


class FaultTest(unittest.IsolatedAsyncioTestCase):
    def inspector(self, *endings: Exception | None) -> Inspector:
        self.slot = ScriptedSlot(*endings)
        return Inspector(cast(Slot, self.slot))

    async def test_a_file_over_which_the_child_dies_twice_is_unreadable(self) -> None:
        inspector = self.inspector(ChildDied("killed by SIGSEGV"), ChildDied("killed by SIGSEGV"))
        with self.assertLogs("restore", "WARNING"):
            seen = await inspector.inspect("a", "jpeg")
        self.assertEqual(seen.problem, "image_unreadable")
        self.assertEqual(self.slot.calls, [["a"], ["a"]])

    async def test_a_death_that_does_not_come_again_is_nobodys(self) -> None:
        inspector = self.inspector(ChildDied("killed by SIGKILL"), None)
        with self.assertLogs("restore", "WARNING"):
            seen = await inspector.inspect("a", "jpeg")
        self.assertEqual((seen.width, seen.height, seen.problem), (4, 3, None))

    async def test_where_no_child_can_be_had_the_photo_is_not_to_blame(self) -> None:
        for endings in (
            [ChildNotStarted("out of processes")],
            [ChildDied("killed by SIGKILL"), ChildNotStarted("out of processes")],
        ):
            with self.subTest(endings), self.assertRaises(Refusal) as caught:
                await self.inspector(*endings).inspect("a", "jpeg")
            self.assertEqual((caught.exception.status, caught.exception.code), (503, "too_busy"))
            self.assertEqual(caught.exception.headers, (("Retry-After", "5"),))
            self.assertNotIn("processes", caught.exception.sentence)

    async def test_an_error_of_any_kind_at_the_second_look_leaves_nobody_waiting(self) -> None:
        inspector = self.inspector(ChildDied("killed by SIGKILL"), OSError("whatever"), None)
        with self.assertLogs("restore", "WARNING"):
            answers = await asyncio.wait_for(
                asyncio.gather(
                    *(inspector.inspect(name, "png") for name in "ab"), return_exceptions=True
                ),
                10,
            )
        self.assertIsInstance(answers[0], OSError)
        self.assertEqual(job.Inspection(4, 3), answers[1])

    async def test_whoever_gives_up_leaves_no_image_behind(self) -> None:
        inspector = self.inspector()
        self.slot.held = asyncio.Event()
        asked = [asyncio.ensure_future(inspector.inspect(b"photo", "png")) for _ in range(20)]
        await self.slot.called.wait()
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        self.assertEqual(0, len(inspector._waiting))
