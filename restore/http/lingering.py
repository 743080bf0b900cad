"""What a client still sends behind the last answer: read and thrown away, within bounds.

Closed at once, the connection would be reset and the answer lost on its way (RFC 9112, 9.6). The
clock and the connection are the caller's. The rule kept here: a client that only wants to go on
sending holds a connection for a bounded time and a bounded number of bytes.
"""

from restore.http.limits import ConnectionLimits


class Lingering:
    """Of one connection. Times are of one clock, in seconds."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._until = 0.0
        self._bytes = 0

    def begin(self, until: float) -> None:
        """The last answer is out; from `until` on the mean of what comes counts."""
        self._until = until

    def take(self, count: int, now: float) -> float | None:
        """`count` more bytes came: how long to wait for the next, or None where it is enough."""
        limits = self._limits
        self._bytes += count
        if self._bytes > limits.linger_bytes:
            return None
        until = self._until + self._bytes / limits.linger_min_bytes_per_s
        return min(until, now + limits.linger_stall_s)
