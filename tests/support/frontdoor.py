"""A reverse proxy before a server under test: below a path of its own, and disobedient on request.

What real ones do to a page: `answer` may take a request's place with an answer that no server of
ours gives, such as a proxy's own page for a file that is too large, or hang up (ConnectionError).
"""

import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tests.support.service import PATIENCE_S, Answer, Service

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server"}

Rule = Callable[[str, str, Mapping[str, str]], Answer | None]


def nothing(_: str, __: str, ___: Mapping[str, str]) -> Answer | None:
    """The rule that lets every request through."""
    return None


class FrontDoor:
    """Serves `service` below `prefix`, which ends with a slash; `rule` may answer in its stead."""

    def __init__(self, service: Service, prefix: str = "/") -> None:
        self.rule: Rule = nothing
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing on stderr."""

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = dict(self.headers.items())
                try:
                    answer = door.rule(self.command, self.path, headers)
                except ConnectionError:
                    self.close_connection = True
                    return
                if answer is None and self.path.startswith(prefix):
                    path = "/" + self.path.removeprefix(prefix)
                    answer = forward(service, self.command, path, body, headers)
                self.reply(answer or Answer(404, {}, b"not below the prefix"))

            def reply(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in (*_HOP_BY_HOP, "content-length"):
                        self.send_header(name, value)
                if answer.status not in (204, 304):
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_DELETE = handle_one  # noqa: N815  (named by the base class)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{prefix}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def forward(
    service: Service, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> Answer:
    """The server's own answer; a proxy's 502 where there is no server."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE_S)
    try:
        kept = {k: v for k, v in headers.items() if k.lower() not in _HOP_BY_HOP}
        connection.request(method, path, body or None, kept)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    except (OSError, HTTPException):
        return Answer(502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>")
    finally:
        connection.close()
