"""What crosses from the sockets to whoever answers: a request, its body, and the answer.

Values and one protocol only; reading bytes is the body's, deciding the handlers'.
"""

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

from restore.http.http11 import Request
from restore.http.responses import Response


class Body(Protocol):
    """A request's body as it arrives."""

    async def read(self) -> bytes | memoryview:
        """The next bytes; empty at the end."""


class Exchange(NamedTuple):
    """One request with the body behind it, the address at the other end of the socket, and its id.

    The id is the client's X-Request-Id or, of a POST, one of our own; see `request_id_of`.
    """

    request: Request
    body: Body
    peer: str
    request_id: str = ""


Answer = Response | Awaitable[Response]
