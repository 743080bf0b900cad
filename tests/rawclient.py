"""A client that sends what it is told to send, and takes apart exactly what comes back.

Unlike a library it forgives nothing: every byte that a server sends must belong to one answer.
"""

import re
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from tests.service import PATIENCE_S, Answer

_HEAD = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [A-Za-z ]+\r\n((?:[A-Za-z-]+: [ -~]*\r\n)*)\r\n")
_NO_BODY = frozenset({100, 204, 304})


def connect(port: int, host: str = "127.0.0.1", receive_buffer: int = 0) -> socket.socket:
    """A connected socket that gives up after PATIENCE_S and sends each piece at once."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if receive_buffer:  # before it connects: the window is agreed on there
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(PATIENCE_S)
        sock.connect((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def answers_in(data: bytes, methods: Iterable[str] = ()) -> list[Answer]:
    """The answers that `data` consists of; AssertionError where it is anything else.

    `methods` of the requests, in order, where one of them is HEAD; a 100 answers none.
    """
    asked, answers = iter(methods), []
    while data:
        answer, data = _first_answer(data, asked)
        answers.append(answer)
    return answers


def _first_answer(data: bytes, asked: Iterable[str]) -> tuple[Answer, bytes]:
    match = _HEAD.match(data)
    assert match is not None, f"no answer: {data[:200]!r}"
    status, rest = int(match[1]), data[match.end() :]
    lines = match[2].decode("ascii").splitlines()
    pairs = [line.split(": ", 1) for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs), f"a header twice: {lines}"
    if status == 100:
        return Answer(status, headers, b""), rest
    assert ("content-length" in headers) == (status not in _NO_BODY), lines
    head_only = next(iter(asked), "GET") == "HEAD"
    length = 0 if head_only else int(headers.get("content-length", 0))
    assert len(rest) >= length, f"cut short: {len(rest)} of {length} bytes"
    return Answer(status, headers, rest[:length]), rest[length:]


def read_to_end(sock: socket.socket) -> bytes:
    """All bytes until the other end closes or resets; AssertionError where it does neither."""
    received = bytearray()
    try:
        while chunk := sock.recv(1 << 16):
            received += chunk
    except ConnectionError:
        pass
    except TimeoutError:
        raise AssertionError(f"not closed after {bytes(received)!r}") from None
    return bytes(received)


def read_answers(sock: socket.socket, count: int, methods: Sequence[str] = ()) -> list[Answer]:
    """The next `count` answers and no byte more, on a connection that stays open."""
    received = b""
    while True:
        with suppress(AssertionError):
            answers = answers_in(received, methods)
            if len(answers) >= count:
                return answers
        chunk = sock.recv(1 << 16)
        assert chunk, f"closed after {received!r}"
        received += chunk


def talk(port: int, *pieces: bytes, half_close: bool = False, host: str = "127.0.0.1") -> bytes:
    """Send the pieces one by one, read until the server closes."""
    with connect(port, host) as sock:
        with suppress(ConnectionError):  # refused and closed before it was all sent
            for piece in pieces:
                sock.sendall(piece)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
        return read_to_end(sock)


def closes_within(sock: socket.socket, seconds: float) -> float:
    """Wait for the other end to close; after how many seconds it did."""
    began = time.monotonic()
    sock.settimeout(seconds)
    read_to_end(sock)
    return time.monotonic() - began
