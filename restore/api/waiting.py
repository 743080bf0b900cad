"""Polls that wait for their job's end: `Prefer: wait=N` (RFC 7240).

A waiting poll is one future in a list of its job's; whoever ends the job wakes them all. Nobody
asks the database meanwhile, all ask it once at the end, and there is no thread.

Rule: every wait has a bound.
"""

import asyncio
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Generic, TypeVar

T = TypeVar("T")

LONGEST_WAIT_S = 60
_DIGITS = 9  # of a number that is larger anyway, none more is read

# One preference: a token, and what follows it up to a comma outside quotes (RFC 7240, section 2).
_PREFERENCE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])+', re.ASCII)
_WAIT = re.compile(r'\s*wait\s*=\s*"?0*([0-9]+)"?\s*(?:;.*)?', re.ASCII | re.IGNORECASE)


def wait_asked_for(prefer: str) -> int:
    """Seconds that a Prefer header asks to wait, at most LONGEST_WAIT_S; 0 where it doesn't.

    The first `wait` counts (RFC 7240, section 2); what isn't understood is ignored.
    """
    found = next(filter(None, map(_WAIT.fullmatch, _PREFERENCE.findall(prefer))), None)
    return min(int(found[1][:_DIGITS]), LONGEST_WAIT_S) if found else 0


class Waiting(Generic[T]):
    """The polls that wait, by job; `look` says how a job stands, and may raise."""

    def __init__(self, look: Callable[[str], T]) -> None:
        self._look = look
        self._polls: dict[str, set[asyncio.Future[Callable[[], T]]]] = {}
        self._closed = False

    async def until_ended(self, job_id: str, seconds: float) -> T:
        """How a job stands that hadn't ended yet: at its end, after `seconds` at most."""
        if self._closed:
            return self._look(job_id)
        poll: asyncio.Future[Callable[[], T]] = asyncio.get_running_loop().create_future()
        polls = self._polls.setdefault(job_id, set())
        polls.add(poll)
        try:
            async with asyncio.timeout(seconds):
                look = await poll
            return look()
        except TimeoutError:
            return self._look(job_id)
        finally:
            polls.discard(poll)
            if not polls and self._polls.get(job_id) is polls:
                del self._polls[job_id]

    def wake(self, job_id: str) -> None:
        """The job has ended or is gone; who waited for it is told by one look at it."""
        look = cache(partial(self._look, job_id))
        for poll in self._polls.pop(job_id, ()):
            if not poll.done():
                poll.set_result(look)

    def close(self) -> None:
        """The server stops: wake all; from now on nobody waits."""
        self._closed = True
        for job_id in list(self._polls):
            self.wake(job_id)

    def __len__(self) -> int:
        return sum(map(len, self._polls.values()))
