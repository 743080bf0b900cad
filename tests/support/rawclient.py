"""A client that sends what it is told to send, and takes apart exactly what comes back.

Unlike a library it forgives nothing: every byte that a server sends must belong to one answer.
"""

import re
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from tests.support.service import PATIENCE_S, Answer

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


class CutShortError(AssertionError):
    """The bytes end in the middle of an answer."""


def answers_in(data: bytes, methods: Iterable[str] = ()) -> list[Answer]:
    """The answers that `data` consists of; AssertionError where it is anything else.

    `methods` of the requests, in order, where one of them is HEAD; a 100 answers none.
    """
    asked, answers, start = iter(methods), [], 0
    while start < len(data):
        answer, start = _answer_at(data, start, asked)
        answers.append(answer)
    return answers


def _answer_at(data: bytes | bytearray, start: int, asked: Iterator[str]) -> tuple[Answer, int]:
    """The answer that begins there, and where it ends."""
    match = _HEAD.match(data, start)
    if match is None:
        assert b"\r\n\r\n" not in data[start:], f"no answer: {bytes(data[start : start + 200])!r}"
        raise CutShortError(bytes(data[start:]))
    status, lines = int(match[1]), match[2].decode("ascii").splitlines()
    pairs = [line.split(": ", 1) for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs), f"a header twice: {lines}"
    if status == 100:
        return Answer(status, headers, b""), match.end()
    assert ("content-length" in headers) == (status not in _NO_BODY), lines
    head_only = next(asked, "GET") == "HEAD"
    end = match.end() + (0 if head_only else int(headers.get("content-length", 0)))
    if len(data) < end:
        raise CutShortError(f"{len(data) - match.end()} of {end - match.end()} bytes")
    return Answer(status, headers, bytes(data[match.end() : end])), end


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
    received, answers, start = bytearray(), list[Answer](), 0
    while len(answers) < count:
        chunk = sock.recv(1 << 18)
        assert chunk, f"closed after {len(answers)} answers and {bytes(received[start:])!r}"
        received += chunk
        with suppress(CutShortError):
            while len(answers) < count:
                finals = sum(answer.status != 100 for answer in answers)
                answer, start = _answer_at(received, start, iter(methods[finals:]))
                answers.append(answer)
    assert start == len(received), f"more than {count} answers: {bytes(received[start:])!r}"
    return answers


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
