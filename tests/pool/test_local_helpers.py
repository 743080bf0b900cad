"""pool: the processes that a job works on tiles with end with it, whoever dies first."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from restore import progress
from restore.pool import ChildDied
from restore.providers.generic import run
from tests.support.pools import PoolCase, children_of, living, until

HELPERS = 3
GONE_S = 1.0


def restored(path: str) -> str:
    with progress.allowing(HELPERS):
        return run(path, "any/id", 1.0, 1)


class HelperTests(PoolCase):
    """A photo of many tiles, on several processes, of which some are killed amid the work."""

    def setUp(self) -> None:
        holder = TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.photo = Path(holder.name, "photo.png")
        Image.effect_noise((1390, 950), 40).save(self.photo)
        self.child = self.call(os.getpid)

    async def begun(self) -> tuple["asyncio.Task[str]", list[int]]:
        """The call under way, and the helpers it has."""
        work = asyncio.create_task(self.slot.run(restored, str(self.photo), stall_s=60.0))
        await until(lambda: work.done() or len(children_of(self.child)) == HELPERS)
        return work, children_of(self.child)

    def test_a_cancelled_job_leaves_none(self) -> None:
        async def cancel() -> list[int]:
            work, helpers = await self.begun()
            work.cancel()
            await asyncio.wait([work])
            return helpers

        helpers = self.wait(cancel())
        self.assertEqual(len(helpers), HELPERS)
        self.assertEqual(living([self.child, *helpers], GONE_S), [])

    def test_a_child_that_dies_leaves_none(self) -> None:
        async def kill() -> list[int]:
            work, helpers = await self.begun()
            os.kill(self.child, signal.SIGKILL)
            with self.assertRaises(ChildDied):
                await work
            return helpers

        self.assertEqual(living(self.wait(kill()), GONE_S), [])

    def test_a_helper_that_dies_costs_the_job_nothing(self) -> None:
        async def kill() -> str:
            work, helpers = await self.begun()
            os.kill(helpers[0], signal.SIGKILL)
            return await work

        found = Path(self.wait(kill())).read_bytes()
        self.assertEqual(found, Path(run(str(self.photo), "any/id", 1.0, 1)).read_bytes())
        listing = ["ps", "-A", "-o", "ppid="]
        parents = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
        self.assertNotIn(str(self.child), parents, "a zombie is left")
        self.assertEqual(self.call(os.getpid), self.child)
