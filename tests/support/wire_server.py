"""A server of sockets that does on each connection what a test tells it, for tests of clients.

Each connection takes the next step of `steps`; the last one is repeated. It runs in a thread and
remembers what it was sent.
"""

import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Self

PATIENCE_S = 10.0
JOB_ID = "12345678-1234-1234-1234-123456789abc"


class Asked(NamedTuple):
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Step = Callable[["WireServer", socket.socket], None]


class WireServer:
    """Serves on a port of its own while it is entered."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.asked: list[Asked] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with socket.socket() as last:  # wakes the thread up
            last.connect_ex(("127.0.0.1", self.port))
        self._thread.join(PATIENCE_S)
        self._listener.close()

    def asked_for(self, method: str, path: str) -> list[Asked]:
        return [each for each in self.asked if (each.method, each.path) == (method, path)]

    def _serve(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._ended.is_set():
                sock.close()
                return
            step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
            sock.settimeout(PATIENCE_S)
            with sock:
                try:
                    step(self, sock)
                except OSError:
                    continue  # the client has hung up

    def receive(self, sock: socket.socket) -> Asked:
        """Read one whole request and remember it."""
        data = bytearray()
        while b"\r\n\r\n" not in data:
            if not (chunk := sock.recv(65536)):
                raise ConnectionResetError
            data += chunk
        head, _, rest = bytes(data).partition(b"\r\n\r\n")
        body = bytearray(rest)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            if not (chunk := sock.recv(65536)):
                raise ConnectionResetError
            body += chunk
        method, path, _ = first.split(" ")
        self.asked.append(Asked(method, path, headers, bytes(body)))
        return self.asked[-1]


def raw(answer: bytes) -> Step:
    """Take the request, send these bytes, hang up."""

    def step(server: WireServer, sock: socket.socket) -> None:
        server.receive(sock)
        sock.sendall(answer)

    return step


def answer(status: int, body: bytes | object, **headers: str) -> Step:
    """Take the request and answer it whole; underscores in header names stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def refuse_early(status: int, body: object, **headers: str) -> Step:
    """Answer after the head, read on until the client stops sending."""

    def step(server: WireServer, sock: socket.socket) -> None:
        head = sock.recv(65536)
        server.asked.append(Asked("POST", "early", {}, head))
        content = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} No", f"Content-Length: {len(content)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        sock.shutdown(socket.SHUT_WR)
        received = len(head)
        with suppress(ConnectionError):
            while chunk := sock.recv(65536):
                received += len(chunk)
        server.asked[-1] = Asked("POST", "early", {"received": str(received)}, b"")

    return step


def drop(server: WireServer, sock: socket.socket) -> None:
    """Take the request and hang up without an answer."""
    server.receive(sock)


def reset(server: WireServer, sock: socket.socket) -> None:
    """Read the first bytes only, then reset the connection."""
    sock.recv(1024)
    server.asked.append(Asked("?", "reset", {}, b""))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def created() -> Step:
    return answer(201, {"job_id": JOB_ID, "status": "queued"})


def job(status: str, progress: float = 0.0, **more: str | None) -> Step:
    """A poll's answer; `headers` may be given as `Name_Like=value` in `more`."""
    headers = {name: str(more.pop(name)) for name in list(more) if name[0].isupper()}
    body = {"job_id": JOB_ID, "status": status, "progress": progress}
    return answer(200, {"result_url": None, "error": None, **body, **more}, **headers)


def done(name: str = f"{JOB_ID}.jpg") -> Step:
    return job("succeeded", 1.0, result_url=f"http://10.0.2.2:8000/outputs/{name}")


def image_of(asked: Asked) -> bytes:
    """The image part of an uploaded form."""
    boundary = re.findall(r"boundary=(\S+)", asked.headers["content-type"])[0].encode()
    part = asked.body.split(b"--" + boundary)[-2]
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
