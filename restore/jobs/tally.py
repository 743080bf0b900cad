"""What became of the jobs of this server since its start, in plain numbers."""

from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

# Upper ends, in seconds: a small photo takes one, 16 megapixels at upscale 4 a few hundred.
BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Distribution(NamedTuple):
    """How many of what was observed were at most each of BOUNDS_S, or longer; and their sum."""

    counts: list[int]
    total_s: list[float]

    @classmethod
    def empty(cls) -> "Distribution":
        return cls([0] * (len(BOUNDS_S) + 1), [0.0])

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s[0] += seconds


class Tally:
    """Counted where telemetry tells of a job, so that both say the same."""

    def __init__(self) -> None:
        self.requested = 0
        self.ended: Counter[str] = Counter()  # by "succeeded" or one of contract.JOB_ERRORS
        self.durations = Distribution.empty()  # of the attempts that succeeded
        self.waits = Distribution.empty()  # from the promise to the first attempt
