"""Answers as values, and how each is framed.

Pure: it opens nothing and sends nothing; the connection sends a Response and closes its file.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from restore.contract import Refusal, error_json
from restore.http import http11

Headers = tuple[tuple[str, str], ...]

JSON_HEADERS: Headers = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)
_NO_LENGTH = frozenset({204, 304})  # RFC 9110, 8.6


class FileSlice(NamedTuple):
    """`length` bytes of an open file from `offset` on; whoever sends it closes the file."""

    file: BinaryIO
    offset: int
    length: int


class Response(NamedTuple):
    """One final answer. `body` or `file`, never both; `code` says in the log why it was refused."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    file: FileSlice | None = None
    code: str = ""


def refused(refusal: Refusal) -> Response:
    """The answer to a request that is refused."""
    return Response(
        refusal.status,
        (*JSON_HEADERS, *refusal.headers),
        error_json(refusal.code, refusal.sentence),
        code=refusal.code,
    )


def retry_after(seconds: int) -> Headers:
    """Never 0: OkHttp sends a 503 with `Retry-After: 0` again at once (seen 2026)."""
    return (("Retry-After", str(max(1, seconds))),)


def allow(methods: Sequence[str]) -> Headers:
    """The Allow header: HEAD wherever GET, OPTIONS everywhere."""
    also = ["HEAD"] if "GET" in methods else []
    return (("Allow", ", ".join([*methods, *also, "OPTIONS"])),)


def head_of(
    response: Response,
    date: str,
    request_id: str,
    more: Headers = (),
    *,
    keep: bool,
    old: bool = False,
) -> bytes:
    """Status line and headers, with `more` of them.

    `date` is an HTTP date, `request_id` fit for a header, `old` says that the client speaks 1.0.
    """
    length = response.file.length if response.file else len(response.body)
    head = _head(response.status, response.headers + more, length, date, keep, old)
    return b"%bX-Request-Id: %b\r\n\r\n" % (head, request_id.encode())


@lru_cache(maxsize=256)  # the answers of one second have few different heads
def _head(status: int, headers: Headers, length: int, date: str, keep: bool, old: bool) -> bytes:
    framing: Headers = (("Date", date),)
    if status not in _NO_LENGTH:
        framing += (("Content-Length", str(length)),)
    if not keep:
        framing += (("Connection", "close"),)
    elif old:
        framing += (("Connection", "keep-alive"),)
    return http11.response_head(status, headers + framing)[:-2]  # its empty line comes behind more
