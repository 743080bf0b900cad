"""The access log: one line for each request.

It makes the line; `write`, which must not wait, brings it out.
"""

import json
import time
from collections.abc import Callable

PATH_CHARS = 512  # of a request's path; the rest of a longer one is left out


class AccessLog:
    """One line a request: client, method, path, status, milliseconds, a refusal's code and an id.

    The id is the request's own X-Request-Id; with `as_json` each line is a JSON object.
    """

    def __init__(self, write: Callable[[str], None], *, as_json: bool = False) -> None:
        self._write = write
        self._as_json = as_json
        self._second = 0
        self._stamp = ""

    def record(
        self,
        client: str,
        method: str,
        path: str,
        status: int,
        seconds: float,
        code: str = "",
        request_id: str = "",
    ) -> None:
        """`method` and `path` are printable ASCII: the parser lets nothing else through."""
        if len(path) > PATH_CHARS:
            path = f"{path[:PATH_CHARS]}..."
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        millis = int(now * 1000) % 1000
        if self._as_json:
            line = {"time": f"{self._stamp}.{millis:03d}Z", "level": "INFO", "client": client}
            line |= {"method": method, "path": path}
            told: dict[str, object] = line | {"status": status, "ms": round(seconds * 1000, 1)}
            told |= {"code": code} if code else {}
            told |= {"request_id": request_id} if request_id else {}
            self._write(json.dumps(told, ensure_ascii=False))
            return
        tail = f" {code}" if code else ""
        tail += f" id={request_id}" if request_id else ""
        self._write(
            f"{self._stamp}.{millis:03d}Z {client} {method} {path} {status} "
            f"{seconds * 1000:.1f}ms{tail}"
        )
