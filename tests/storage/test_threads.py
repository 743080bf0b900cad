"""Calls on threads: their ends come to the loop, and to nobody where nobody waits."""

import asyncio
import gc
import threading
import unittest
import weakref

from restore.storage.threads import FileThreads

PATIENCE_S = 10.0


def fail() -> None:
    raise OSError("disk full")


class FileThreadsTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.threads = FileThreads(1)
        self.addCleanup(self.threads.close)

    async def test_results_and_errors_come_back(self) -> None:
        self.assertEqual(7, await self.threads.run(max, 3, 7))
        self.assertNotEqual(threading.get_ident(), await self.threads.run(threading.get_ident))
        with self.assertRaisesRegex(OSError, "disk full"):
            await self.threads.run(fail)

    async def test_a_call_that_nobody_waits_for_goes_on_and_harms_nobody(self) -> None:
        faults: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: faults.append(what))
        begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

        def work() -> None:
            begun.set()
            go_on.wait(PATIENCE_S)
            ended.set()
            raise OSError("disk full")

        future = self.threads.run(work)
        await asyncio.to_thread(begun.wait, PATIENCE_S)
        future.cancel()
        go_on.set()
        await self.threads.run(len, "")  # the only thread: the other call is over
        self.assertTrue(ended.is_set())
        self.assertTrue(future.cancelled())
        self.assertEqual([], faults)

    async def test_an_error_holds_on_to_no_argument(self) -> None:
        class Piece:
            pass

        def fail(_: Piece) -> None:
            raise OSError("disk full")

        piece = Piece()
        gone = weakref.ref(piece)
        gc.disable()
        self.addCleanup(gc.enable)
        with self.assertRaises(OSError):
            await self.threads.run(fail, piece)
        del piece
        await self.threads.run(len, "")  # the thread has let go of the call before
        self.assertIsNone(gone())

    async def test_an_end_after_the_loop_has_closed_is_nobodys(self) -> None:
        go_on = threading.Event()

        async def leave() -> None:
            self.threads.run(go_on.wait, PATIENCE_S)

        await asyncio.to_thread(asyncio.run, leave())
        go_on.set()
        self.assertEqual(7, await self.threads.run(max, 3, 7))


if __name__ == "__main__":
    unittest.main()
