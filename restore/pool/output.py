"""The pipe that a slot's children print into, read without ever waiting.

What the log doesn't keep is read too, or the child would block on a full pipe; but slowly, so that
a child which prints without end costs the server next to nothing. What becomes of the bytes is
childlog's.
"""

import asyncio
import os
from contextlib import suppress
from multiprocessing import Pipe

from restore.contract import KIB
from restore.pool.childlog import ChildLog

READ_BYTES = 64 * KIB  # all that a pipe holds
FULL_PAUSE_S = 0.005  # between two reads of what isn't kept: at most 13 MB/s


class ChildPipe:
    """The pipe that a slot's children print into, read on the loop without ever waiting.

    Needs a running loop. `writer` is the end for the children; the server keeps it open, so that
    the pipe outlives each of them.
    """

    def __init__(self, log: ChildLog) -> None:
        self._reader, self.writer = Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._listen()

    def begin(self, job: str) -> None:
        self._log.begin(job)

    def end(self) -> None:
        """Take what was printed up to here, so that it stands in the log with its own job."""
        self._take()
        self._log.end()

    def close(self) -> None:
        self._pause()
        self._reader.close()
        self.writer.close()

    def _listen(self) -> None:
        self._timer = None
        self._loop.add_reader(self._reader.fileno(), self._readable)

    def _readable(self) -> None:
        self._take()
        if self._log.full:
            self._pause()
            self._timer = self._loop.call_later(FULL_PAUSE_S, self._listen)

    def _pause(self) -> None:
        self._loop.remove_reader(self._reader.fileno())
        if self._timer:
            self._timer.cancel()

    def _take(self) -> None:
        with suppress(BlockingIOError):
            self._log.feed(os.read(self._reader.fileno(), READ_BYTES))
