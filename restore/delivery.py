"""A Response onto a transport: its head as bytes, its file by sendfile.

It decides how an answer is framed and how fast a reader must be; never what the answer says.
"""

import asyncio
import os
import socket
from functools import lru_cache
from typing import cast

from restore import http11, limits
from restore.requestbody import ClientGone
from restore.responses import FileSlice, Headers, Response

_PIECE_BYTES = limits.MIB  # of a file at once; between two of them the others have their turn
_UNSENT_BYTES = 128 * limits.KIB  # in the kernel and not on their way: how finely a reader is seen
_NO_LENGTH = frozenset({204, 304})  # RFC 9110, 8.6


def head_of(response: Response, date: str, *, keep: bool, old: bool = False) -> bytes:
    """Status line and headers. `date` is an HTTP date, `old` says that the client speaks 1.0."""
    framing = f"Date: {date}\r\n"
    if response.status not in _NO_LENGTH:
        length = response.file.count if response.file else len(response.body)
        framing += f"Content-Length: {length}\r\n"
    if not keep:
        framing += "Connection: close\r\n"
    elif old:
        framing += "Connection: keep-alive\r\n"
    return b"%b%b\r\n" % (_fixed_head(response.status, response.headers), framing.encode())


@lru_cache(maxsize=256)  # most answers begin with one of a few heads
def _fixed_head(status: int, headers: Headers) -> bytes:
    """Status line and the response's own headers, checked, without the empty line at the end."""
    return http11.response_head(status, headers)[:-2]


async def send_file(transport: asyncio.Transport, part: FileSlice) -> None:
    """Send a part of a file behind what has been written to `transport`.

    Raises ClientGone where the client is gone, takes no byte for limits.WRITE_STALL_S or fewer than
    limits.WRITE_MIN_BYTES_PER_S after that, and where the file is shorter than it was.

    `loop.sendfile` has no time-out of its own and can't be resumed after one, so how much a slow
    client took in time can't be told; in pieces small enough for that it costs six times as much
    (15 MB over loopback: 36 ms of CPU in pieces of 64 KiB, this 6 ms; 3.11.7, 2026-11-22). It
    sends the first few bytes, because it waits for what stands before them.
    """
    loop = asyncio.get_running_loop()
    first = min(part.count, 4 * limits.KIB)
    try:
        async with asyncio.timeout(limits.WRITE_STALL_S):
            sent = await loop.sendfile(transport, part.file, part.offset, first)
        if sent < part.count:
            fd = _duplicate(transport)
            try:
                await _send_rest(fd, part, sent)
            finally:
                os.close(fd)
    except (OSError, RuntimeError):  # TimeoutError is an OSError; RuntimeError: closed under us
        raise ClientGone from None


def _duplicate(transport: asyncio.Transport) -> int:
    """The transport's socket as a descriptor of our own: asyncio lets nobody wait for its own.

    Without the option Linux calls a socket writable only once a third of its buffer is free, which
    may be 1.3 MB: a client that takes 40 KB a second would seem to take nothing for 30 seconds.
    """
    sock = cast(socket.socket, transport.get_extra_info("socket"))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    return os.dup(sock.fileno())


async def _send_rest(fd: int, part: FileSlice, sent: int) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while sent < part.count:
        await _until_writable(loop, fd)
        most = min(_PIECE_BYTES, part.count - sent)
        try:
            count = os.sendfile(fd, part.file.fileno(), part.offset + sent, most)
        except BlockingIOError:
            continue
        sent += count
        late_s = loop.time() - began - limits.WRITE_STALL_S
        if not count or sent < late_s * limits.WRITE_MIN_BYTES_PER_S:
            raise ClientGone


async def _until_writable(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    """Wait until `fd` takes bytes. Raises TimeoutError after limits.WRITE_STALL_S."""
    writable = asyncio.Event()
    loop.add_writer(fd, writable.set)
    try:
        async with asyncio.timeout(limits.WRITE_STALL_S):
            await writable.wait()
    finally:
        loop.remove_writer(fd)
