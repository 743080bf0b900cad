"""HTTP over asyncio: bytes in, requests to a handler, answers out.

It knows no photo, no job and no SQL; what a request means is its handler's business.

    http11/      the protocol without sockets: bytes in, events out (RFC 9112)
    multipart/   forms without sockets: bytes in, events out (RFC 7578)
    server       listening sockets, the cap on connections, deadlines, the graceful stop
    connection   one client's connection
    body         a request's body as its handler reads it
    writer       what leaves on a connection; the only one that touches a transport
    exchange     what crosses to a handler and back
    responses    responses and how they are framed
    conditional  files by their validators: conditions and ranges
    static       files that are part of the program
    errors       whatever a handler raises, as an answer
    access       who is asking, and may they
    accesslog    one line for each request
    limits       what connections may cost
"""

from restore.http.access import (
    Network,
    client_of,
    host_allowed,
    parse_address,
    rate_key,
    same_origin,
)
from restore.http.accesslog import AccessLog
from restore.http.conditional import (
    Validators,
    file_headers,
    not_modified,
    precondition_failed,
    select_range,
)
from restore.http.exchange import Answer, Body, Exchange
from restore.http.http11 import Request
from restore.http.multipart import (
    Data,
    EndOfPart,
    FormError,
    MultipartParser,
    Part,
    boundary_of,
    essence_of,
)
from restore.http.responses import (
    JSON_HEADERS,
    FileSlice,
    Headers,
    Response,
    allow,
    retry_after,
)
from restore.http.server import Server, bind
from restore.http.static import StaticFile, StaticFiles, static_file

__all__ = [
    "JSON_HEADERS",
    "AccessLog",
    "Answer",
    "Body",
    "Data",
    "EndOfPart",
    "Exchange",
    "FileSlice",
    "FormError",
    "Headers",
    "MultipartParser",
    "Network",
    "Part",
    "Request",
    "Response",
    "Server",
    "StaticFile",
    "StaticFiles",
    "Validators",
    "allow",
    "bind",
    "boundary_of",
    "client_of",
    "essence_of",
    "file_headers",
    "host_allowed",
    "not_modified",
    "parse_address",
    "precondition_failed",
    "rate_key",
    "retry_after",
    "same_origin",
    "select_range",
    "static_file",
]
