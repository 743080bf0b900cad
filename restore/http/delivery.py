"""A Response onto a transport: its head as bytes, its file by sendfile.

It decides how an answer is framed and how fast a reader must be; never what the answer says.
"""

import asyncio
import os
import socket
from functools import lru_cache
from typing import cast

from restore.contract import KIB, MIB
from restore.http import http11
from restore.http.body import ClientGone
from restore.http.limits import DEFAULT_CONNECTION_LIMITS, ConnectionLimits
from restore.http.responses import FileSlice, Headers, Response

_PIECE_BYTES = MIB  # of a file at once; between two of them the others have their turn
_UNSENT_BYTES = 128 * KIB  # in the kernel and not on their way: how finely a reader is seen
_NO_LENGTH = frozenset({204, 304})  # RFC 9110, 8.6


def head_of(
    response: Response, date: str, more: Headers = (), *, keep: bool, old: bool = False
) -> bytes:
    """Status line and headers, with `more` of them.

    `date` is an HTTP date, `old` says that the client speaks 1.0.
    """
    length = response.file.length if response.file else len(response.body)
    return _head(response.status, response.headers + more, length, date, keep, old)


@lru_cache(maxsize=256)  # the answers of one second have few heads: 5 us each otherwise
def _head(status: int, headers: Headers, length: int, date: str, keep: bool, old: bool) -> bytes:
    framing: Headers = (("Date", date),)
    if status not in _NO_LENGTH:
        framing += (("Content-Length", str(length)),)
    if not keep:
        framing += (("Connection", "close"),)
    elif old:
        framing += (("Connection", "keep-alive"),)
    return http11.response_head(status, headers + framing)


async def send_file(
    transport: asyncio.Transport,
    part: FileSlice,
    limits: ConnectionLimits = DEFAULT_CONNECTION_LIMITS,
) -> None:
    """Send a part of a file behind what has been written to `transport`.

    Raises ClientGone where the client is gone, takes no byte for `limits.write_stall_s` or fewer
    than `limits.write_min_bytes_per_s` after that, and where the file is shorter than it was.

    `loop.sendfile` has no time-out of its own, and after a cancel nobody knows how much it has sent
    (and asyncio logs an InvalidStateError, 3.11.7): in pieces small enough to tell a slow client
    from one that is gone it costs six times as much (15 MB over loopback: 36 ms of CPU in pieces of
    64 KiB, this 6 ms; 2026-11-22).
    """
    try:
        with _duplicate(transport) as sock:
            await _send(transport, sock, part, limits)
    except OSError:  # TimeoutError is one
        raise ClientGone from None


def _duplicate(transport: asyncio.Transport) -> socket.socket:
    """The transport's socket under a descriptor of our own: nobody else may wait for asyncio's.

    Without the option Linux calls a socket writable only once a third of its buffer is free, which
    may be 1.3 MB: a client that takes 40 KB a second would seem to take nothing for 30 seconds.
    """
    sock = cast(socket.socket, transport.get_extra_info("socket"))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    return sock.dup()


async def _send(
    transport: asyncio.Transport, sock: socket.socket, part: FileSlice, limits: ConnectionLimits
) -> None:
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    while sent < part.length:
        await _until_writable(loop, sock.fileno(), limits.write_stall_s)
        if transport.is_closing():
            raise ClientGone
        if transport.get_write_buffer_size():  # goes first, as soon as the socket is writable
            continue
        try:
            most = min(_PIECE_BYTES, part.length - sent)
            count = os.sendfile(sock.fileno(), part.file.fileno(), part.offset + sent, most)
        except BlockingIOError:
            continue
        sent += count
        late_s = loop.time() - began - limits.write_stall_s
        if not count or sent < late_s * limits.write_min_bytes_per_s:
            raise ClientGone


async def _until_writable(loop: asyncio.AbstractEventLoop, descriptor: int, stall_s: float) -> None:
    """Wait until a socket takes bytes. Raises TimeoutError after `stall_s` seconds.

    By its number: the selector puts its repr into a KeyError, for a socket four calls.
    """
    writable = asyncio.Event()
    loop.add_writer(descriptor, writable.set)
    try:
        async with asyncio.timeout(stall_s):
            await writable.wait()
    finally:
        loop.remove_writer(descriptor)
