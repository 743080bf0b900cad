"""The load: small clients, each run in a process of its own so that no server shares its GIL.

    python -m bench.load polls '{"port": 8000, "path": "/v1/jobs/...", ...}'

prints one line of JSON. The clients do no more than HTTP/1.1 with a Content-Length needs: a poll
costs this side about 15 us, so that on two cores the server is what is measured. `ask()` is how the
benchmark starts them.
"""

import json
import math
import re
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.tether import tethered

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATIENCE_S = 60.0
_PIECE_BYTES = 256 * 1024  # of a download, read at once


def ask(client: str, **arguments: Any) -> Any:
    """Run one client to its end; what it measured."""
    with asking(client, **arguments) as answer:
        return answer()


@contextmanager
def asking(client: str, **arguments: Any) -> Iterator[Callable[[], Any]]:
    """A client that runs beside the block; call what is given to wait for what it measured."""
    command = [sys.executable, "-m", "bench.load", client, json.dumps(arguments)]
    process = tethered(command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True)

    def answer() -> Any:
        out, _ = process.communicate(timeout=10 * _PATIENCE_S)
        return json.loads(out)

    try:
        yield answer
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


class Client:
    """One connection that stays open as long as the server lets it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sock: socket.socket | None = None

    def get(self, path: str) -> tuple[int, bytes]:
        return self._request(_get(path))

    def post(self, body: bytes, content_type: str) -> tuple[int, bytes]:
        head = (
            "POST /v1/restore HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return self._request(head.encode(), body)

    def download(self, path: str) -> int:
        """Read an answer and keep nothing of it; its bytes."""
        sock = self._connected()
        sock.sendall(_get(path))
        received, length = self._read_head(sock)
        count, piece = len(received), bytearray(_PIECE_BYTES)
        while count < length and (more := sock.recv_into(piece)):
            count += more
        return count

    def _request(self, head: bytes, body: bytes = b"") -> tuple[int, bytes]:
        sock = self._connected()
        sock.sendall(head)
        sock.sendall(body)
        received, length = self._read_head(sock)
        while len(received) < length:
            received += _more(sock)
        return self._status, received

    def _connected(self) -> socket.socket:
        if self._sock is None:
            self._sock = socket.create_connection(("127.0.0.1", self._port), _PATIENCE_S)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._sock

    def _read_head(self, sock: socket.socket) -> tuple[bytes, int]:
        """Bytes of the body that came along, and how long it is."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += _more(sock)
        head, _, rest = received.partition(b"\r\n\r\n")
        self._status = int(head[9:12])
        match = _LENGTH.search(head)
        return rest, int(match[1]) if match else 0


def _more(sock: socket.socket) -> bytes:
    received = sock.recv(_PIECE_BYTES)
    if not received:
        raise ConnectionError("the server hung up")
    return received


def _get(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()


# -- the clients


def polls(port: int, path: str, connections: int, seconds: float, fresh: bool) -> dict[str, float]:
    """`connections` requests under way all the time; with `fresh` each on a new connection."""
    request = _get(path, "Connection: close\r\n" if fresh else "")
    selector = selectors.DefaultSelector()
    begin, count = time.perf_counter(), 0
    end = begin + seconds

    def send(sock: socket.socket | None) -> None:
        if sock is None:
            sock = socket.create_connection(("127.0.0.1", port), _PATIENCE_S)
            selector.register(sock, selectors.EVENT_READ, bytearray())
        sock.sendall(request)

    for _ in range(connections):
        send(None)
    while time.perf_counter() < end:
        for key, _ in selector.select(_PATIENCE_S):
            sock, received = key.fileobj, key.data
            assert isinstance(sock, socket.socket)
            more = sock.recv(65536)
            received += more
            if more and not _whole(received):
                continue
            _expect(bytes(received[9:12]), b"200")
            count += 1
            received.clear()
            if fresh:
                selector.unregister(sock)
                sock.close()
            send(None if fresh else sock)
    return {"count": count, "seconds": time.perf_counter() - begin}


def _whole(received: bytearray) -> bool:
    end = received.find(b"\r\n\r\n")
    match = _LENGTH.search(received, 0, end + 2) if end >= 0 else None
    return match is not None and len(received) >= end + 4 + int(match[1])


def _expect(status: object, wanted: object) -> None:
    if status != wanted:
        raise ValueError(f"the server answered {status!r}, not {wanted!r}")


def paced(port: int, path: str, seconds: float, pause_s: float) -> dict[str, float]:
    """A poll every `pause_s`, or as soon as the last one is answered; milliseconds each took."""
    client, took = Client(port), []
    end = due = time.perf_counter()
    end += seconds
    while due < end:
        time.sleep(max(0.0, due - time.perf_counter()))
        began = time.perf_counter()
        _expect(client.get(path)[0], 200)
        took.append((time.perf_counter() - began) * 1000)
        due = max(due + pause_s, time.perf_counter())
    took.sort()
    return {"p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)]}


def uploads(
    port: int,
    body: str,
    content_type: str,
    connections: int,
    count: int = sys.maxsize,
    seconds: float = math.inf,
) -> dict[str, Any]:
    """POSTs of the file `body`, so many at a time, `count` or for `seconds`; the jobs' ids."""
    data, ids = Path(body).read_bytes(), list[str]()

    def upload(client: Client) -> None:
        status, answer = client.post(data, content_type)
        _expect(status, 201)
        ids.append(json.loads(answer)["job_id"])

    return {"seconds": _shared(port, connections, count, upload, seconds), "ids": ids}


def downloads(port: int, path: str, connections: int, count: int, size: int) -> dict[str, float]:
    """`count` GETs of a file of `size` bytes, so many at a time."""

    def download(client: Client) -> None:
        _expect(client.download(path), size)

    return {"seconds": _shared(port, connections, count, download)}


def _shared(
    port: int,
    connections: int,
    count: int,
    once: Callable[[Client], None],
    seconds: float = math.inf,
) -> float:
    """Do `once` `count` times over that many connections, a thread each; the seconds it took.

    None is begun after `seconds`.
    """
    turns, failures = iter(range(count)), list[BaseException]()

    def work() -> None:
        client = Client(port)
        try:
            for _ in turns:  # next() on a range holds the GIL: no turn is given twice
                if time.perf_counter() - began > seconds:
                    break
                once(client)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(connections)]
    began = time.perf_counter()  # before any thread looks at it
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - began


if __name__ == "__main__":
    clients = {one.__name__: one for one in (polls, paced, uploads, downloads)}
    print(json.dumps(clients[sys.argv[1]](**json.loads(sys.argv[2]))))
