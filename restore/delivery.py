"""A Response onto a transport: its head as bytes, its file in pieces.

It decides how an answer is framed and how fast a reader must be; never what the answer says.
"""

import asyncio

from restore import http11, limits
from restore.requestbody import ClientGone
from restore.responses import FileSlice, Response

_FIRST_PIECE, _LARGEST_PIECE = 256 * limits.KIB, 4 * limits.MIB  # of a file, in one sendfile
_QUICK_S = 1.0  # a piece that is taken this fast is followed by one twice its size
_NO_LENGTH = frozenset({204, 304})  # RFC 9110, 8.6


def head_of(response: Response, date: str, *, keep: bool, old: bool = False) -> bytes:
    """Status line and headers. `date` is an HTTP date, `old` says that the client speaks 1.0."""
    headers = [*response.headers, ("Date", date)]
    if response.status not in _NO_LENGTH:
        length = response.file.count if response.file else len(response.body)
        headers.append(("Content-Length", str(length)))
    if not keep:
        headers.append(("Connection", "close"))
    elif old:
        headers.append(("Connection", "keep-alive"))
    return http11.response_head(response.status, headers)


async def send_file(transport: asyncio.Transport, part: FileSlice) -> None:
    """Send a part of a file, in pieces as large as the client is quick.

    Raises ClientGone where the client is gone or takes too long for a piece.
    """
    loop = asyncio.get_running_loop()
    offset, end, piece = part.offset, part.offset + part.count, _FIRST_PIECE
    try:
        while offset < end:
            began = loop.time()
            async with asyncio.timeout(limits.WRITE_STALL_S):
                sent = await loop.sendfile(transport, part.file, offset, min(piece, end - offset))
            if not sent:  # the file is shorter than it was
                raise ClientGone
            offset += sent
            if loop.time() - began < _QUICK_S:
                piece = min(2 * piece, _LARGEST_PIECE)
    except (OSError, RuntimeError):  # TimeoutError is an OSError; RuntimeError: closed under us
        raise ClientGone from None
