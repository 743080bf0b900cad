"""A child process that is called over a pipe of its own: for short calls, many a second.

A call there and back through an executor passes four threads and three queues, each of which wakes
the next: 0.5 ms of the server's CPU. Here it is one write and one read: 0.1 ms (3.11.7,
2026-11-22). Jobs, which take seconds, have an executor each (childprocess). The rules kept here:
the loop never waits for the child, and a child that is gone ends the call that it was at.
"""

import asyncio
import os
import pickle
import select
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from typing import Any

from restore.contract import KIB
from restore.pool import limits
from restore.pool.process import Call, ChildProcess, InitArgs
from restore.storage import end
from restore.worker import HEAD, RESULT_BYTES, Reply, serve

_MOST_BYTES = 2 * RESULT_BYTES  # of a message: a result, or a failure's text
_READ_BYTES = 64 * KIB
_CONTEXT = ForkServerContext()


class DirectChild(ChildProcess):
    """One process, one call at a time."""

    def __init__(self, initargs: InitArgs) -> None:
        super().__init__(initargs)
        self._made: Any = None
        self._calls: Connection | None = None  # our ends of its two pipes
        self._replies: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # once it listens
        self._over: BrokenExecutor | None = None  # why no call will be answered any more
        self._death = select.poll()
        self._unsent = memoryview(b"")  # of the call under way
        self._received = bytearray()
        self._ended: asyncio.Future[Reply] | None = None  # of the call under way

    @property
    def _process(self) -> Any:
        return self._made

    def _begin(self) -> None:
        calls, self._calls = Pipe(duplex=False)
        self._replies, replies = Pipe(duplex=False)
        with calls, replies:  # the child's ends
            args = (calls, replies, *self._initargs)
            made: Any = _CONTEXT.Process(target=serve, args=args)
            made.start()
        self._made = made

    def _until_ready(self, bound_s: float) -> None:
        assert self._replies is not None, "_begin() comes first"
        if self._replies not in wait([self._replies, self._process.sentinel], bound_s):
            raise BrokenExecutor("died or hung at its start")
        os.read(self._replies.fileno(), 1)  # it says so by one byte
        for pipe in (self._calls, self._replies):
            assert pipe is not None, "_begin() comes first"
            os.set_blocking(pipe.fileno(), False)  # our ends only
        self._death.register(self._process.sentinel, select.POLLIN)

    def _hand_over(self, call: Call, ended: "asyncio.Future[Reply]") -> None:
        assert self._calls is not None, "start() comes first"
        message = pickle.dumps(call)
        if len(message) > limits.CALL_BYTES:
            raise ValueError(f"a call of {len(message)} bytes is too large to hand over")
        if self._death.poll(0):  # the loop hasn't been told yet
            self._on_death()
        if self._over is not None:
            raise self._over
        if self._loop is None:
            self._listen(ended.get_loop())
        self._ended = ended
        self._unsent = memoryview(HEAD.pack(len(message)) + message)
        self._send()
        if self._unsent:  # a pipe may hold less than a call; the child reads on
            ended.get_loop().add_writer(self._calls.fileno(), self._send_rest)

    def _send(self) -> None:
        assert self._calls is not None, "start() comes first"
        with suppress(BlockingIOError):
            rest = self._unsent[os.write(self._calls.fileno(), self._unsent) :]
            self._unsent = rest or memoryview(b"")  # which holds nothing

    def _send_rest(self) -> None:
        assert self._calls is not None and self._loop is not None, "_hand_over() comes first"
        try:
            self._send()
        except OSError as error:
            self._end(BrokenExecutor(f"the child takes no call: {error}"))
        if not self._unsent and self._loop is not None:
            self._loop.remove_writer(self._calls.fileno())

    def kill(self) -> None:
        super().kill()
        self._end(BrokenExecutor("killed"))

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._replies is not None, "start() comes first"
        self._loop = loop
        loop.add_reader(self._replies.fileno(), self._read)
        loop.add_reader(self._process.sentinel, self._on_death)

    def _end(self, error: BrokenExecutor) -> None:
        """Nothing more is expected of this child. On the loop, or before it listens."""
        self._over, self._unsent = error, memoryview(b"")
        loop, self._loop = self._loop, None
        if loop is not None and self._calls is not None and self._replies is not None:
            loop.remove_writer(self._calls.fileno())
            loop.remove_reader(self._replies.fileno())
            loop.remove_reader(self._process.sentinel)
        if self._ended is not None:
            end(self._ended, error)

    def _on_death(self) -> None:
        if self._loop is not None:
            self._read()  # what it said before
        self._end(BrokenExecutor("the child is gone"))
        super().kill()  # it may live on where only the fork server is gone

    def _read(self) -> None:
        assert self._replies is not None, "start() comes first"
        try:
            some = os.read(self._replies.fileno(), _READ_BYTES)
        except BlockingIOError:
            return
        if not some:
            self._end(BrokenExecutor("the child has closed its pipe"))
            return
        if self._ended is None or self._ended.done() or self._unsent:
            self._end(BrokenExecutor("the child speaks unasked"))
            return
        self._received += some
        if len(self._received) < HEAD.size:
            return
        (size,) = HEAD.unpack_from(self._received)
        if size > _MOST_BYTES:
            self._end(BrokenExecutor("a reply without measure"))
        elif len(self._received) >= HEAD.size + size:
            message = bytes(self._received[HEAD.size : HEAD.size + size])
            self._received.clear()
            end(self._ended, _reply_of(message))

    def _clean_up(self) -> None:
        for pipe in (self._calls, self._replies):
            if pipe is not None:
                pipe.close()


def _reply_of(message: bytes) -> Reply | BaseException:
    try:
        reply = pickle.loads(message)  # noqa: S301  (an executor does the same)
    except Exception as error:
        return BrokenExecutor(f"a reply that can't be read: {error!r}")
    return reply if isinstance(reply, Reply) else BrokenExecutor("a reply that is none")
