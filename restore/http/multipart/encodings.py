"""Content-Transfer-Encoding of a part (RFC 2045, section 6): its data as they were before.

Mail libraries encode parts even in HTTP, where RFC 7578 (4.7) has deprecated it. Rule: what comes
out doesn't depend on how the data were cut, what can't be decoded is damage, and no more is held
than one line.
"""

import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from restore.http.multipart.headers import FormError

_LINE_BYTES = 1000  # RFC 5322, 2.1.1, with its line end; RFC 2045 allows 76
_BLANKS = b" \t\r\n"
_NOT_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+\r?(?:\n|\Z))")


class Decoder(Protocol):
    """Takes the data of one part in pieces."""

    @property
    def held(self) -> int:
        """Bytes that were taken and not given out yet."""

    def decode(self, data: bytes | memoryview) -> bytes:
        """What is certain by now. Raises FormError."""

    def finish(self) -> bytes:
        """The rest, at the part's end. Raises FormError."""


class _Base64:
    def __init__(self) -> None:
        self._rest = b""
        self._padded = False

    @property
    def held(self) -> int:
        return len(self._rest)

    def decode(self, data: bytes | memoryview) -> bytes:
        text = self._rest + bytes(data).translate(None, _BLANKS)
        if not text:
            return b""
        whole = len(text) & ~3
        self._rest = text[whole:]
        if self._padded:
            raise FormError("a part in base64 goes on behind its end")
        self._padded = text[:whole].endswith(b"=")
        try:
            return a2b_base64(text[:whole], strict_mode=True)
        except Error:
            raise FormError("a part that is declared as base64 isn't base64") from None

    def finish(self) -> bytes:
        if self._rest:
            raise FormError("a part in base64 is cut off")
        return b""


class _QuotedPrintable:
    def __init__(self) -> None:
        self._rest = b""

    @property
    def held(self) -> int:
        return len(self._rest)

    def decode(self, data: bytes | memoryview) -> bytes:
        text = self._rest + bytes(data)
        end = text.rfind(b"\n") + 1
        self._rest = text[end:]
        if max(map(len, text.split(b"\n"))) > _LINE_BYTES:
            raise FormError("a part in quoted-printable has too long a line")
        return _unquoted(text[:end])

    def finish(self) -> bytes:
        rest, self._rest = self._rest, b""
        return _unquoted(rest)


def _unquoted(text: bytes) -> bytes:
    if _NOT_QUOTED.search(text):
        raise FormError("a part that is declared as quoted-printable isn't that")
    return a2b_qp(text)


DECODERS: Final[Mapping[str, Callable[[], Decoder]]] = {
    "base64": _Base64,
    "quoted-printable": _QuotedPrintable,
}
