"""inspector: whose fault it is that an image's header can't be looked at."""

import asyncio
import unittest
from typing import cast

from restore.pool.errors import ChildDied, ChildNotStarted
from restore.pool.inspector import Inspector, InspectorBusy
from restore.pool.slot import LocalSlot
from restore.worker import job


class ScriptedSlot:
    """A slot whose calls end as a test says, one after the other."""

    def __init__(self, *endings: Exception | None) -> None:
        self._endings = list(endings)
        self.calls: list[str] = []

    async def run(self, _: object, path: str, __: str, **___: object) -> job.Inspection:
        self.calls.append(path)
        ending = self._endings.pop(0)
        if ending is not None:
            raise ending
        return job.Inspection(4, 3)


class FaultTest(unittest.IsolatedAsyncioTestCase):
    def inspector(self, *endings: Exception | None) -> Inspector:
        self.slot = ScriptedSlot(*endings)
        return Inspector(cast(LocalSlot, self.slot))

    async def test_a_file_over_which_the_child_dies_twice_is_unreadable(self) -> None:
        inspector = self.inspector(ChildDied("killed by SIGSEGV"), ChildDied("killed by SIGSEGV"))
        with self.assertLogs("restore", "WARNING"):
            seen = await inspector.inspect("a", "jpeg")
        self.assertEqual(seen.problem, "image_unreadable")
        self.assertEqual(self.slot.calls, ["a", "a"])

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
            with self.subTest(endings), self.assertRaises(InspectorBusy):
                await self.inspector(*endings).inspect("a", "jpeg")

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
