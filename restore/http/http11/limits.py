"""What one HTTP/1.1 client may cost, and the error it gets when it asks for more or for nonsense.

Every limit is an int, counted in bytes on the wire or in lines, so what is refused depends on what
was sent alone: on no clock, no memory figure, no setting of the socket.
"""

from typing import NamedTuple


class HttpLimits(NamedTuple):
    """How much of each part of a request is accepted, and which cost each number bounds.

    Together they bound what a connection holds while a head or a trailer arrives: at most
    `request_line_bytes + header_bytes`, and about twice that while it is taken apart.
    """

    request_line_bytes: int = 8 * 1024  # memory and log; RFC 9112 section 3 asks for 8000 at least
    header_bytes: int = 32 * 1024  # memory and one pass of a regex; browsers' cookies fit
    header_count: int = 100  # dictionary entries; of trailer lines the same
    empty_lines: int = 2  # before a request line; old clients send one after a body
    chunk_line_bytes: int = 1024  # a chunk's size with its extensions, which nobody reads
    chunk_overhead_bytes: int = 512 * 1024  # by which chunk framing may outweigh the data:
    # bodies of one-byte chunks, or of extensions, are read and thrown away at our expense
    trailer_bytes: int = 8 * 1024  # held until they are checked, then dropped


class ProtocolError(Exception):
    """A request that isn't answered but refused, and after which the connection ends.

    `status` and `code` are the client's (400 malformed_request, 413 payload_too_large,
    414 uri_too_long, 417 expectation_failed, 431 headers_too_large, 501 not_implemented,
    505 http_version_not_supported); `reason` is for the log: one of this package's own ASCII
    sentences, never a byte of what was received.
    """

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(f"{status} {code}: {reason}")
        self.status = status
        self.code = code
        self.reason = reason


def malformed(reason: str) -> ProtocolError:
    """The error for what is no HTTP/1.1 at all."""
    return ProtocolError(400, "malformed_request", reason)


def headers_too_large(reason: str) -> ProtocolError:
    """The error for more header, trailer or chunk-extension bytes or lines than are accepted."""
    return ProtocolError(431, "headers_too_large", reason)
