"""A token bucket for each client address.

A bucket holds `per_minute` tokens and refills evenly, also between two whole seconds. The clock is
passed in. The table forgets buckets that are full again, and is bounded whatever addresses appear.
It decides; the answer and its Retry-After are the handler's.
"""

import math
from collections import OrderedDict

MAX_ADDRESSES = 10_000  # about 3 MB; the least recently seen gives way
_MINUTE_S = 60.0
_ROUNDING = 1e-6  # of a token, so that waiting exactly as long as was said is enough


class RateLimiter:
    """At most `per_minute` requests at once and on average from one address; 0 turns it off."""

    def __init__(self, per_minute: int, max_addresses: int = MAX_ADDRESSES) -> None:
        self._capacity = float(per_minute)
        self._refill_per_s = per_minute / _MINUTE_S
        self._max_addresses = max_addresses
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float) -> int:
        """Take a token: 0 when there was one, else the whole seconds (>= 1) until there is.

        `now` is a monotonic clock in seconds.
        """
        if not self._capacity:
            return 0
        tokens, since = self._buckets.pop(address, (self._capacity, now))
        self._forget(now)
        tokens = min(self._capacity, tokens + max(0.0, now - since) * self._refill_per_s)
        missing = 1.0 - _ROUNDING - tokens
        if missing > 0.0:
            self._buckets[address] = (tokens, now)
            return math.ceil(missing / self._refill_per_s)
        self._buckets[address] = (max(0.0, tokens - 1.0), now)
        return 0

    def headers(self, address: str, now: float) -> tuple[tuple[str, str], ...]:
        """What is allowed and what is left of it, none where it is off.

        `r` whole tokens are there, all of them in `t` seconds
        (draft-ietf-httpapi-ratelimit-headers-10).
        """
        if not self._capacity:
            return ()
        tokens, since = self._buckets.get(address, (self._capacity, now))
        tokens = min(self._capacity, tokens + max(0.0, now - since) * self._refill_per_s)
        full_s = math.ceil((self._capacity - tokens) / self._refill_per_s)
        policy = f'"uploads";q={self._capacity:.0f};w={_MINUTE_S:.0f}'
        left = f'"uploads";r={int(tokens + _ROUNDING)};t={full_s}'
        return (("RateLimit-Policy", policy), ("RateLimit", left))

    def __len__(self) -> int:
        return len(self._buckets)

    def _forget(self, now: float) -> None:
        """Make room for one: drop what is full again by now, else the least recently used."""
        while self._buckets:
            address, (_, since) = next(iter(self._buckets.items()))
            if now - since < _MINUTE_S and len(self._buckets) < self._max_addresses:
                return
            del self._buckets[address]
