"""A front before a real server that misbehaves on purpose, as networks and proxies do.

It forwards whole requests and answers, under the sub-path /restore/, notes the uploads, and can be
told to refuse the next one or to lose its answer after the server has given it.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_PATIENCE_S = 30.0
_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}
_PREFIX = "/restore"


@dataclass(frozen=True, slots=True)
class Upload:
    """One POST as it came: when (monotonic seconds), and its headers, names in lower case."""

    at: float
    headers: Mapping[str, str]


class Front:
    """Use as a context manager; `url` is what clients are told."""

    def __init__(self, port: int) -> None:
        self.uploads: list[Upload] = []
        self._port = port
        self._mischief: deque[tuple[int, Mapping[str, str]] | None] = deque()
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                front._pass(self)

            def log_message(self, *_: Any) -> None:
                """Silent: it speaks to a test."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{_PREFIX}"

    def refuse(self, status: int, headers: Mapping[str, str]) -> None:
        """Answer an upload to come by this, without the server."""
        self._mischief.append((status, headers))

    def lose_answer(self) -> None:
        """Close the connection of an upload to come once the server has answered it."""
        self._mischief.append(None)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_PATIENCE_S)

    def _pass(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = _read_body(handler, headers)
        lose = False
        if handler.command == "POST":
            self.uploads.append(Upload(time.monotonic(), headers))
            if self._mischief:
                mischief = self._mischief.popleft()
                if mischief is not None:
                    _send(handler, mischief[0], mischief[1], b"<h1>Not now</h1>")
                    return
                lose = True
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)
        try:
            kept = {name: value for name, value in headers.items() if name not in _HOP}
            path = handler.path.removeprefix(_PREFIX)
            connection.request(handler.command, path, body, kept)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if lose:
            handler.close_connection = True
            return
        passed = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
        _send(handler, answer.status, passed, content)


def _read_body(handler: BaseHTTPRequestHandler, headers: Mapping[str, str]) -> bytes | None:
    if "content-length" in headers:
        return handler.rfile.read(int(headers["content-length"]))
    if "transfer-encoding" not in headers:
        return None
    body = bytearray()
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return bytes(body)


def _send(
    handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    handler.send_response_only(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    if status != 204:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
