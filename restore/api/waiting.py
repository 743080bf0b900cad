"""Polls that wait for their job's end: `Prefer: wait=N` (RFC 7240).

A waiting poll is one future in a list of its job's; whoever ends the job wakes them all. Nobody
asks the database meanwhile, and there is no thread. The rule kept here: every wait has a bound.
"""

import asyncio
import re
from contextlib import suppress

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


class Waiting:
    """The polls that wait, by job."""

    def __init__(self) -> None:
        self._polls: dict[str, set[asyncio.Future[None]]] = {}
        self._closed = False

    async def until_ended(self, job_id: str, seconds: float) -> None:
        """Wait for the end of a job that hasn't ended yet, `seconds` at most."""
        if self._closed:
            return
        poll: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        polls = self._polls.setdefault(job_id, set())
        polls.add(poll)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await poll
        finally:
            polls.discard(poll)
            if not polls and self._polls.get(job_id) is polls:
                del self._polls[job_id]

    def wake(self, job_id: str) -> None:
        """The job has ended or is gone."""
        for poll in self._polls.pop(job_id, ()):
            if not poll.done():
                poll.set_result(None)

    def close(self) -> None:
        """The server stops: wake all; from now on nobody waits."""
        self._closed = True
        for job_id in list(self._polls):
            self.wake(job_id)

    def __len__(self) -> int:
        return sum(map(len, self._polls.values()))
