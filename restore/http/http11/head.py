"""Reads the head of a request out of the bytes as they arrive (RFC 9112 sections 2 and 3).

A head that is there whole and well-formed, which is nearly every one, is matched in one pass by one
regular expression. Any other is read line by line, only to say what is wrong with it, or because
the rest is still on its way; both ways end in the same expression, so there is one grammar. What
the head means, and whether it may mean that, is request.py's.
"""

import re

from restore.http.http11.limits import HttpLimits, ProtocolError, malformed
from restore.http.http11.lines import FIELD_LINE, TCHAR, FieldLines, LineBuffer
from restore.http.http11.request import Request, parse_head

METHOD_BYTES = 32  # UPDATEREDIRECTREF, the longest registered method, has 17
REMEMBERED_BYTES = 1024  # of a head kept for comparison with the next one of the connection

_REQUEST_LINE = rf"([{TCHAR}]{{1,{METHOD_BYTES}}}+) ([!-~]++) HTTP/"
_HEAD = re.compile(rf"{_REQUEST_LINE}1\.([0-9])\r\n((?>(?:{FIELD_LINE}\r\n)*))\r\n")
_ANY_VERSION = re.compile(rf"{_REQUEST_LINE}([0-9])\.[0-9]".encode())
_NOT_IN_REQUEST_LINE = re.compile(rb"[^ -~]")
_METHOD_CHARS = bytes(code for code in range(128) if re.match(rf"[{TCHAR}]", chr(code)))
_TLS_HANDSHAKE = b"\x16"  # the type of a TLS record (RFC 8446, 5.1)


class HeadReader:
    """Reads one head after the other out of a LineBuffer."""

    __slots__ = (
        "_empty_lines",
        "_fields",
        "_limits",
        "_never_too_large",
        "_remembered",
        "_request_line",
    )

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._never_too_large = min(  # a field line has 4 bytes at least
            limits.request_line_bytes, limits.header_bytes, 4 * limits.header_count
        )
        self._remembered: tuple[bytes, Request | None] = (b"", None)
        self._begin()

    def _begin(self) -> None:
        self._empty_lines = 0
        self._request_line = b""  # empty: not there yet
        self._fields: FieldLines | None = None

    @property
    def held(self) -> int:
        """Bytes of an unfinished head that have left the buffer."""
        return 0 if self._fields is None else len(self._request_line) + 2 + self._fields.size

    def read(self, buffer: LineBuffer) -> Request | None:
        """Take one head, or return None while it isn't whole.

        Raises ProtocolError as soon as what is there can't become a head that is accepted.
        """
        if not buffer:
            return None
        if self._fields is None:
            request = self._read_whole(buffer)
            if request is not None:
                return request
            self._fields = self._read_request_line(buffer)
        if self._fields is None or not self._fields.read(buffer):
            return None
        head = b"\r\n".join([self._request_line, *self._fields.lines, b"", b""])
        self._begin()
        match = _HEAD.fullmatch(head.decode("latin-1"))
        assert match is not None, "each of its lines was found well-formed"
        return parse_head(match)

    def _read_whole(self, buffer: LineBuffer) -> Request | None:
        """Take a head that is there whole, within its limits and well-formed, in one pass.

        Clients that poll send the same head over and over on one connection: the last one is
        remembered with its request.
        """
        limits = self._limits
        head = buffer.peek_head(limits.request_line_bytes + limits.header_bytes + 4)
        if head is None:
            return None
        known, request = self._remembered
        if head != known:
            match = _HEAD.fullmatch(head.decode("latin-1"))
            if match is None or not self._within_limits(match):
                return None
            request = parse_head(match)
            if len(head) <= REMEMBERED_BYTES:
                self._remembered = (head, request)
        buffer.skip(len(head))
        self._empty_lines = 0
        return request

    def _within_limits(self, head: re.Match[str]) -> bool:
        limits, text = self._limits, head.string
        if len(text) <= self._never_too_large:
            return True
        first_field = head.start(4)
        return (
            first_field - 2 <= limits.request_line_bytes
            and len(text) - 2 - first_field <= limits.header_bytes
            and text.count("\n") - 2 <= limits.header_count
        )

    def _read_request_line(self, buffer: LineBuffer) -> FieldLines | None:
        """Take the request line and the empty lines before it; None while it isn't whole."""
        limits = self._limits
        while not self._request_line:
            check_method(buffer.peek(min(METHOD_BYTES + 1, limits.request_line_bytes)))
            line = buffer.take_line(limits.request_line_bytes, _uri_too_long, _NOT_IN_REQUEST_LINE)
            if line is None:
                return None
            if line:
                check_request_line(line)
                self._request_line = line
            elif self._empty_lines == limits.empty_lines:
                raise malformed("empty lines where a request should be")
            else:
                self._empty_lines += 1
        return FieldLines(limits.header_bytes, limits.header_count, "header")


def _uri_too_long() -> ProtocolError:
    return ProtocolError(414, "uri_too_long", "a request line longer than is accepted")


def check_method(first_bytes: bytes) -> None:
    """Refuse what can't become a method followed by a space, such as the start of a TLS handshake.

    A method too long to be known is a 501 (RFC 9112 section 3).
    """
    end = len(first_bytes) - len(first_bytes.lstrip(_METHOD_CHARS))
    if first_bytes[:1] == _TLS_HANDSHAKE:
        raise malformed("a TLS handshake (https://), where plain HTTP is spoken")
    if end > METHOD_BYTES:
        raise ProtocolError(501, "not_implemented", "a method longer than any")
    if first_bytes[end : end + 1] not in ((b"", b" ") if end else (b"", b"\r")):
        raise malformed("bytes that are no method")


def check_request_line(line: bytes) -> None:
    """Refuse a line that isn't `method target HTTP/1.x` with single spaces.

    A later major version is a 505, an earlier one (which had no such line) a 400. A later minor
    version is served as 1.1 (RFC 9110 section 2.5).
    """
    match = _ANY_VERSION.fullmatch(line)
    if match is None or match[3] == b"0":
        raise malformed("a request line that isn't one")
    if match[3] != b"1":
        raise ProtocolError(505, "http_version_not_supported", "a major version other than 1")
