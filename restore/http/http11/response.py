"""The head of an answer, as bytes (RFC 9112 section 4, RFC 9110 section 15)."""

import re
from collections.abc import Iterable

from restore.http.http11.lines import FIELD_LINE

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    206: "Partial Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    417: "Expectation Failed",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}

_FIELDS = re.compile(rf"(?>(?:{FIELD_LINE}\r\n)*)")


def response_head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """The status line, the header fields in order and the empty line.

    Raises ValueError for a status outside 200..599, for a name that is no token and for a value
    with CR, LF, NUL, another control byte or a character beyond latin-1.
    """
    if not 200 <= status <= 599:
        raise ValueError("a final status is 200..599")
    pairs = list(headers)
    text = "".join([f"{name}: {value}\r\n" for name, value in pairs])
    # One pass over all; the count tells a line end within a value, which would match as two.
    well_formed = _FIELDS.fullmatch(text) and text.count("\n") == len(pairs)
    if not well_formed or any(":" in name for name, _ in pairs):
        raise ValueError("a header field that can't be sent")
    return f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n{text}\r\n".encode("latin-1")
