"""Feeds any sans-IO parser bytes in given pieces and writes down what it said.

Both parsers have one face: `receive_data(bytes)` (b"" is the end of input) and `next_event()`. What
comes out must depend on the bytes alone, never on where the network happened to cut them: whole,
byte by byte, cut once at every place. `assert_same_however_cut` holds exactly that.

How events are told apart, for both parsers alike: a member of an Enum is a signal that nothing more
can be said of the bytes so far (NEED_DATA, CONNECTION_CLOSED and the like), everything else is an
event and the parser is asked again. Signals other than NEED_DATA are written down once; the body
data of neighbouring events (those with an attribute `data`) is merged into one plain `bytes`; an
error with `status` and `code` becomes `Refused(status, code)`, and nothing is fed after it.
"""

import unittest
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Protocol, TypeVar

EVENTS_PER_BYTE = 4  # a parser that gives more than this, and a few, is going round in circles


class Parser(Protocol):
    """What the parsers of HTTP/1.1 and of multipart/form-data have in common."""

    def receive_data(self, data: bytes, /) -> None:
        """Take more bytes; b"" says that no more will come."""

    def next_event(self) -> object:
        """Say what the bytes so far mean, or raise an error with `status` and `code`."""


P = TypeVar("P", bound=Parser)


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal, reduced to what a client sees of it."""

    status: int
    code: str


def events_of(
    make_parser: Callable[[], P], data: bytes, cuts: Iterable[int] = (), eof: bool = False
) -> list[object]:
    """Feed `data`, cut at the offsets `cuts`, to a new parser; return its normalised events."""
    parser = make_parser()
    events: list[object] = []
    for piece in pieces_of(data, cuts, eof):
        parser.receive_data(piece)
        if not _drain(parser, events, EVENTS_PER_BYTE * len(data) + 64):
            break
    return events


def pieces_of(data: bytes, cuts: Iterable[int], eof: bool = False) -> list[bytes]:
    """Cut `data` at the given offsets; no piece is empty but the last, which is b"" for `eof`."""
    edges = [0, *sorted(cut for cut in set(cuts) if 0 < cut < len(data)), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges) if end > start]
    return [*pieces, b""] if eof else pieces


def _drain(parser: Parser, events: list[object], most: int) -> bool:
    """Ask until there is nothing more to say; False after a refusal."""
    for _ in range(most):
        try:
            event = parser.next_event()
        except Exception as error:
            events.append(_refusal(error))
            return False
        if isinstance(event, Enum):
            if event.name != "NEED_DATA" and event not in events[-1:]:
                events.append(event)
            return True
        _record(event, events)
    raise AssertionError(f"more than {most} events: {events[-3:]!r}")


def _refusal(error: Exception) -> Refused:
    """Reduce a documented error; anything else is a bug of the parser and goes on up."""
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    if isinstance(status, int) and isinstance(code, str):
        return Refused(status, code)
    raise error


def _record(event: object, events: list[object]) -> None:
    """Append `event`, or merge its data into the body bytes that stand last."""
    data = getattr(event, "data", None)
    if not isinstance(data, bytes | bytearray | memoryview):
        events.append(event)
    elif data:
        merged = events.pop() if events and isinstance(events[-1], bytes) else b""
        assert isinstance(merged, bytes)
        events.append(merged + bytes(data))


def assert_same_however_cut(
    case: unittest.TestCase,
    make_parser: Callable[[], P],
    data: bytes,
    eof: bool = False,
) -> list[object]:
    """Assert the same events whole, byte by byte and cut once at every byte; return them."""
    whole = events_of(make_parser, data, (), eof)
    case.assertEqual(events_of(make_parser, data, range(len(data)), eof), whole, "byte by byte")
    for cut in range(1, len(data)):
        case.assertEqual(events_of(make_parser, data, (cut,), eof), whole, f"cut at byte {cut}")
    return whole
