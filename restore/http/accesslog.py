"""The access log: one line for each request.

It makes the lines and gathers those of a tenth of a second; `write`, which must not wait, brings
them out. Waking whoever writes the log costs more than a poll, so that isn't done for each.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

FLUSH_S = 0.1  # a request's line may wait this long
PATH_CHARS = 512  # of a request's path; the rest of a longer one is left out


class AccessLog:
    """One line a request: client, method, path, status, milliseconds, a refusal's code and an id.

    The id is the request's own X-Request-Id; with `as_json` each line is a JSON object. It runs on
    the loop only.
    """

    def __init__(self, write: Callable[[str], None], *, as_json: bool = False) -> None:
        self._write = write
        self._as_json = as_json
        self._lines: list[str] = []
        self._second = 0
        self._stamp = ""
        self._answers: Counter[int] = Counter()
        self._refusals: Counter[str] = Counter()

    def stats(self) -> dict[str, Mapping[Any, int]]:
        """How many answers there were by status, and how many refusals by their code."""
        return {"answers": self._answers, "refusals": self._refusals}

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
        """`method` and `path` are printable ASCII: the parser lets nothing else through.

        Behind the `code` of a refusal its reason may stand, after a colon; it isn't counted by.
        """
        self._answers[status] += 1
        if code:
            self._refusals[code.partition(":")[0]] += 1
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
            entry: dict[str, object] = line | {"status": status, "ms": round(seconds * 1000, 1)}
            entry |= {"code": code} if code else {}
            entry |= {"request_id": request_id} if request_id else {}
            self._keep(json.dumps(entry, ensure_ascii=False))
            return
        tail = f" {code}" if code else ""
        tail += f" id={request_id}" if request_id else ""
        self._keep(
            f"{self._stamp}.{millis:03d}Z {client} {method} {path} {status} "
            f"{seconds * 1000:.1f}ms{tail}"
        )

    def _keep(self, line: str) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        self._lines.append(line)

    def flush(self) -> None:
        """Write what has gathered."""
        lines, self._lines = self._lines, []
        if lines:
            self._write("\n".join(lines))
