"""What leaves on a connection, how fast its client must take it, and whether more is read.

A writer never knows what an answer says. Rules: nobody else touches the transport; bytes leave in
the order in which they were given; a client that takes too little is gone.
"""

import asyncio
import math
import os
import socket
from contextlib import suppress
from typing import cast

from restore.contract import KIB, MIB
from restore.http.limits import ConnectionLimits
from restore.http.responses import FileSlice

_PIECE_BYTES = MIB  # of a file at once; between two of them the others have their turn
_UNSENT_BYTES = 128 * KIB  # in the kernel and not on their way: how finely a reader is seen


class ClientGone(Exception):  # noqa: N818  (it is what happened, not a fault)
    """The client closed its end before its request was whole or its answer out."""


class Batch:
    """What one turn of the event loop writes, for all connections: sent together at its end.

    Sending wakes the client, and waking a client that sleeps costs more than all else about a poll.
    Of answers sent in a row only the first finds it asleep; sent one by one, with another request's
    work between them, each of them does (docs/MEASURED.md).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []  # b"" is the end
        self.sent_bytes = 0  # of all there was, heads and files too

    def put(self, transport: asyncio.Transport, data: bytes) -> None:
        """Write `data`, or with b"" half-close, once all that is ready now has had its turn."""
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append((transport, data))

    def flush(self) -> None:
        """Write what waits now."""
        waiting, self._waiting = self._waiting, []
        for transport, data in waiting:
            if transport.is_closing():  # an earlier write found the client gone
                continue
            if data:
                transport.write(data)
                self.sent_bytes += len(data)
            else:
                with suppress(OSError):  # reset by the client since the last write
                    transport.write_eof()


class Writer:
    """Of one connection; `deadline` (loop time) is when a client that lags must have taken more."""

    def __init__(
        self, transport: asyncio.Transport, batch: Batch, limits: ConnectionLimits
    ) -> None:
        self._transport = transport
        self._batch = batch
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._unsent = 0  # bytes in the write buffer at the last look; 0: the client keeps up
        self.deadline = math.inf

    @property
    def lags(self) -> bool:
        """Whether more has been written than the client takes: now nothing more is answered."""
        return self._unsent > 0

    @property
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @property
    def reads_from(self) -> int | None:
        """The descriptor from which the next bytes come; None while reading is paused."""
        if not self._transport.is_reading():
            return None
        return cast(int, self._transport.get_extra_info("socket").fileno())

    # -- the transport's own calls, passed on by the connection

    def on_full(self) -> None:
        """The write buffer is full."""
        self._unsent = max(1, self._transport.get_write_buffer_size())
        self.deadline = self._loop.time() + self._limits.write_stall_s

    def on_drained(self) -> None:
        """The client has taken nearly all of it."""
        self._unsent, self.deadline = 0, math.inf

    def on_deadline(self) -> None:
        """See whether a client that lags still takes its answer fast enough."""
        limits, unsent = self._limits, self._transport.get_write_buffer_size()
        if self._unsent - unsent < limits.write_stall_s * limits.write_min_bytes_per_s:
            self.abort()
        else:
            self._unsent, self.deadline = unsent, self._loop.time() + limits.write_stall_s

    # -- reading

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    # -- writing

    def write(self, data: bytes) -> None:
        """Send `data`, never empty, at the end of this turn of the loop."""
        self._batch.put(self._transport, data)

    def write_eof(self) -> None:
        """Half-close behind what was written."""
        self._batch.put(self._transport, b"")

    def close(self) -> None:
        """Close once all that was written is out."""
        self._batch.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close now; what the kernel doesn't take at once is lost."""
        self._batch.flush()
        self._transport.abort()

    async def send_file(self, part: FileSlice) -> None:
        """Send a part of a file behind what was written.

        Raises ClientGone where the client is gone, takes no byte for `write_stall_s` or fewer than
        `write_min_bytes_per_s` after that, and where the file is shorter than it was.

        `loop.sendfile` has no time-out of its own, and after a cancel nobody knows how much it has
        sent (and asyncio logs an InvalidStateError, 3.11.7); in pieces small enough to tell a slow
        client from one that is gone it costs six times as much (docs/MEASURED.md).
        """
        self._batch.flush()
        try:
            with self._duplicate() as sock:
                await self._send(sock, part)
        except OSError:  # TimeoutError is one
            raise ClientGone from None

    def _duplicate(self) -> socket.socket:
        """The socket under a descriptor of our own: nobody else may wait for asyncio's.

        Without the option Linux calls a socket writable only once a third of its buffer is free,
        which may be 1.3 MB: a client that takes 40 KB a second would seem to take nothing for 30
        seconds.
        """
        sock = cast(socket.socket, self._transport.get_extra_info("socket"))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        return sock.dup()

    async def _send(self, sock: socket.socket, part: FileSlice) -> None:
        began, limits, sent = self._loop.time(), self._limits, 0
        while sent < part.length:
            await self._until_writable(sock.fileno())
            if self._transport.is_closing():
                raise ClientGone
            if self._transport.get_write_buffer_size():  # goes first, as soon as it can
                continue
            try:
                most = min(_PIECE_BYTES, part.length - sent)
                count = os.sendfile(sock.fileno(), part.file.fileno(), part.offset + sent, most)
            except BlockingIOError:
                continue
            sent += count
            self._batch.sent_bytes += count
            late_s = self._loop.time() - began - limits.write_stall_s
            if not count or sent < late_s * limits.write_min_bytes_per_s:
                raise ClientGone

    async def _until_writable(self, descriptor: int) -> None:
        """Wait until a socket takes bytes. Raises TimeoutError after `write_stall_s`.

        By its number: the selector puts its repr into a KeyError, for a socket four calls.
        """
        writable = asyncio.Event()
        self._loop.add_writer(descriptor, writable.set)
        try:
            async with asyncio.timeout(self._limits.write_stall_s):
                await writable.wait()
        finally:
            self._loop.remove_writer(descriptor)
