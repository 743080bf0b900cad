"""One job on several cores: processes forked amid it, each of which makes part after part.

Pillow holds the GIL in most of its operations, so threads gain nothing. A forked process has the
picture and the plan already, and shares their memory until it writes. It takes the number of the
next part from a pipe that all share and writes what it made into a pipe of its own; which of them
makes which part is left to chance, what comes out is not.

Rules: nothing outlives the job: the helpers are killed and waited for before `spread` ends; they
belong to the process group of the server's child, with which they are killed; and one whose child
is gone fails at its next write. A helper that dies or raises leaves its parts to the caller's own
process: where memory was short one process has enough, and where the part itself is to blame the
job ends as it would have with one.
"""

import os
import select
import signal
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple, NoReturn

_TICKET = struct.Struct("=I")  # the number of a part; a thousand of them fit into any pipe
_HEAD = struct.Struct("=II")  # in front of what was made: the part's number, its bytes


class _Helper(NamedTuple):
    pid: int
    output: int  # the descriptor that its parts are read from


def spread(count: int, make: Callable[[int], bytes], processes: int) -> Iterator[tuple[int, bytes]]:
    """Each number below `count`, once, with what `make` makes of it; in any order.

    `make` runs in up to `processes` processes beside this one, in this one if that is 1; all that
    it reaches must have been set up before. It may not count on what it changes.
    """
    missing = set(range(count))
    if min(processes, count) > 1:
        for number, made in _from_helpers(count, make, min(processes, count)):
            missing.discard(number)
            yield number, made
    for number in sorted(missing):
        yield number, make(number)


def _from_helpers(
    count: int, make: Callable[[int], bytes], processes: int
) -> Iterator[tuple[int, bytes]]:
    """What helpers make of the numbers, as it comes; without those that failed."""
    tickets, box = os.pipe()
    helpers: dict[int, _Helper] = {}
    try:
        os.write(box, b"".join(_TICKET.pack(number) for number in range(count)))
        os.close(box)  # a helper that finds no ticket is done
        for _ in range(processes):
            with suppress(OSError):  # no memory or no process left: those that are there do it
                helper = _forked(tickets, make, helpers)
                helpers[helper.output] = helper
        while helpers:
            for output in select.select(list(helpers), [], [])[0]:
                part = _read_part(output)
                if part is None:
                    _ended(helpers.pop(output))
                else:
                    yield part
    finally:
        os.close(tickets)
        for helper in helpers.values():
            _ended(helper)


def _forked(tickets: int, make: Callable[[int], bytes], others: dict[int, _Helper]) -> _Helper:
    output, entry = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(output)
        raise
    else:
        if pid == 0:
            _help(tickets, entry, make, [output, *others])
        return _Helper(pid, output)
    finally:
        os.close(entry)


def _help(tickets: int, entry: int, make: Callable[[int], bytes], foreign: list[int]) -> NoReturn:
    """The whole life of a helper.

    It closes the ends that are for others, or it would keep their pipes open beyond their end. It
    leaves without a word and without cleaning up what is its parent's.
    """
    try:
        for descriptor in foreign:
            os.close(descriptor)
        while ticket := os.read(tickets, _TICKET.size):
            (number,) = _TICKET.unpack(ticket)
            made = make(number)
            for data in (_HEAD.pack(number, len(made)), made):
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(entry, rest) :]
    finally:
        os._exit(0)


def _read_part(output: int) -> tuple[int, bytes] | None:
    """The next part of a helper; None where it ended, were it amid a part."""
    head = _read(output, _HEAD.size)
    if head is None:
        return None
    number, length = _HEAD.unpack(head)
    made = _read(output, length)
    return None if made is None else (number, made)


def _read(descriptor: int, length: int) -> bytes | None:
    chunks = []
    while length:
        chunk = os.read(descriptor, length)
        if not chunk:
            return None
        chunks.append(chunk)
        length -= len(chunk)
    return b"".join(chunks)


def _ended(helper: _Helper) -> None:
    """Kill a helper, if it still lives, and let no zombie stay."""
    os.close(helper.output)
    with suppress(ProcessLookupError):
        os.kill(helper.pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(helper.pid, 0)
