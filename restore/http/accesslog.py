"""The access log: one line for each request.

It makes the line; `write`, which must not wait, brings it out.
"""

import time
from collections.abc import Callable

PATH_CHARS = 512  # of a request's path; the rest of a longer one is left out


class AccessLog:
    """One line a request: client, method, path, status, milliseconds, and a refusal's code."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._second = 0
        self._stamp = ""

    def record(
        self, client: str, method: str, path: str, status: int, seconds: float, code: str = ""
    ) -> None:
        """`method` and `path` are printable ASCII: the parser lets nothing else through."""
        if len(path) > PATH_CHARS:
            path = f"{path[:PATH_CHARS]}..."
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        millis = int(now * 1000) % 1000
        tail = f" {code}" if code else ""
        self._write(
            f"{self._stamp}.{millis:03d}Z {client} {method} {path} {status} "
            f"{seconds * 1000:.1f}ms{tail}"
        )
