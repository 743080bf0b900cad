import asyncio
import os
import threading
import time
import unittest

from restore.pool.output import FULL_PAUSE_S, READ_BYTES, ChildLog, ChildPipe
from tests.support.pools import until


class ChildPipeTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.lines: list[str] = []

    def pipe(self, limit_bytes: int) -> ChildPipe:
        pipe = ChildPipe(ChildLog(lambda _, line: self.lines.append(line), "slot", limit_bytes))
        self.addCleanup(pipe.close)
        return pipe

    async def test_lines_come_while_the_job_runs(self) -> None:
        pipe = self.pipe(1000)
        os.write(pipe.writer.fileno(), b"one\ntwo\n")
        await asyncio.wait_for(until(lambda: self.lines == ["one", "two"]), 5)

    async def test_what_was_printed_last_is_there_at_the_jobs_end(self) -> None:
        pipe = self.pipe(1000)
        pipe.begin("job")
        os.write(pipe.writer.fileno(), b"last words")
        pipe.end()
        self.assertEqual(self.lines, ["last words"])

    async def test_endless_output_blocks_neither_side(self) -> None:
        pipe = self.pipe(100)
        written = 0
        done = threading.Event()

        def write_on() -> None:
            nonlocal written
            while not done.is_set():
                written += os.write(pipe.writer.fileno(), b"x" * READ_BYTES)

        writing = threading.Thread(target=write_on)
        writing.start()
        cpu = time.thread_time()
        await asyncio.wait_for(until(lambda: written > 20 * READ_BYTES), 20)
        self.assertLess(time.thread_time() - cpu, 1.0)
        started = asyncio.get_running_loop().time()
        await asyncio.sleep(FULL_PAUSE_S)
        self.assertLess(asyncio.get_running_loop().time() - started, 1.0)
        done.set()
        while writing.is_alive():
            pipe.end()  # makes room for its last write
            await asyncio.sleep(0)
        self.assertEqual(self.lines[0], "x" * 100)

    async def test_closed_while_it_holds_back(self) -> None:
        pipe = ChildPipe(ChildLog(lambda _, line: None, "slot", 10))
        os.write(pipe.writer.fileno(), b"x" * 100)
        await asyncio.sleep(FULL_PAUSE_S / 2)
        pipe.close()
        await asyncio.sleep(2 * FULL_PAUSE_S)  # the timer would raise in the loop
