"""What crosses from the sockets to whoever answers: a request, its body, and the answer.

Values and one protocol only; reading bytes is the body's, deciding the handlers'.
"""

import os
import re
from collections.abc import Awaitable
from itertools import count
from typing import NamedTuple, Protocol

from restore.http.http11 import Request
from restore.http.responses import Response

REQUEST_ID = "x-request-id"
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_START = os.urandom(4).hex()  # tells the ids of one start from those of the next
_numbers = count(1)


class Body(Protocol):
    """A request's body as it arrives."""

    async def read(self) -> bytes | memoryview:
        """The next bytes; empty at the end."""


class Exchange(NamedTuple):
    """One request with the body behind it, the address at the other end of the socket, and its id.

    The id is the client's X-Request-Id or one of our own; see `request_id_of`.
    """

    request: Request
    body: Body
    peer: str
    request_id: str = ""


Answer = Response | Awaitable[Response]


def request_id_of(given: str | None) -> str:
    """The X-Request-Id that a client or proxy gave, if it is fit for a log; else a new one."""
    if given is not None and _SANE_ID.fullmatch(given):
        return given
    return f"{_START}-{next(_numbers):x}"
