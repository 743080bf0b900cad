"""A real server process for tests, and a client that writes what it is told to write.

`Service` runs `restore_server.py` in a folder of its own on a port of its own, and gathers its log.
Every wait has a bound and fails with the log's end.
"""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0  # for anything a test waits for
LAST_LINES_S = 5.0  # for what an ended server still has in its pipe
_LISTENING = re.compile(r"Listening on http://(\S+):(\d+)")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Ask `condition` until it holds, and return what it said."""
    end = time.monotonic() + patience_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience_s} s in vain: {what}")
        time.sleep(0.005)  # between two looks; what is waited for is the condition
    return value


def form(
    image: bytes | None,
    fields: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    file_name: str = "photo.jpg",
) -> tuple[bytes, str]:
    """A multipart/form-data body and its Content-Type."""
    boundary = secrets.token_hex(12)
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in pairs
    ]
    if image is not None:
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="image";'
            f' filename="{file_name}"\r\nContent-Type: image/*\r\n\r\n'
        )
        parts.append(head.encode() + image + b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


class Service:
    """A running server. Unless given, its settings suit a test: dummy, no wait, no rate limit.

    `command`, in the folder `place`, is this checkout's; an Installed runs another one.
    """

    command: Sequence[str] = (sys.executable, str(ROOT / "restore_server.py"))
    place: Path | None = None

    def __init__(self, storage: Path | None = None, **settings: str | int | float) -> None:
        self._own_folder = Path(tempfile.mkdtemp(prefix="restore-test-"))
        self.storage = storage or self._own_folder / "data"
        self.settings = {
            "PORT": "0",
            "PROVIDER": "dummy",
            "DUMMY_DELAY_S": "0",
            "RATE_LIMIT_PER_MIN": "0",
            "RESULT_BASE_URL": "",
            "WORKERS": "2",
            "MIN_FREE_DISK_MB": "0",
            "STORAGE_DIR": str(self.storage),
        } | {key: str(value) for key, value in settings.items()}
        self.lines: list[str] = []
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self, prefix: Sequence[str] = ()) -> Self:
        """Start and wait until it listens and its provider is loaded."""
        self.launch(prefix)
        wait_until(lambda: self.log_has("Files:") or self._exited(), "the server's start")
        if self._exited():
            raise AssertionError(f"the server didn't start:\n{self.log}")
        match = next(filter(None, map(_LISTENING.search, self.lines)))
        self.port = int(match.group(2))
        return self

    def launch(self, prefix: Sequence[str] = ()) -> None:
        """Start the process in a group of its own, by the command `prefix`; don't wait."""
        environment = {k: v for k, v in os.environ.items() if k not in ("HOST", "PORT")}
        self.process = subprocess.Popen(
            [*prefix, *self.command],
            cwd=self.place,
            env=environment | self.settings,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.lines = []
        gather = (self.process, self.lines)
        self._gathering = threading.Thread(target=self._gather, args=gather, daemon=True)
        self._gathering.start()

    @staticmethod
    def _gather(process: subprocess.Popen[str], lines: list[str]) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            lines.extend(iter(stream.readline, ""))

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return "".join(self.lines)

    def log_has(self, text: str) -> bool:
        return any(text in line for line in list(self.lines))

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The telemetry so far, in order."""
        lines = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [event for event in lines if not name or event["event"] == name]

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill_group(self) -> None:
        """SIGKILL for the server and all that it started."""
        os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        """Wait for the end and for the last line of the log; the status."""
        assert self.process is not None
        status = self.process.wait(patience_s)
        self._gathering.join(LAST_LINES_S)  # a fork server that lingers has stderr too
        return status

    def stop(self) -> int:
        """A polite stop; the status."""
        if not self._exited():
            self.signal(signal.SIGTERM)
        return self.wait()

    def _exited(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        try:
            if not self._exited():
                self.stop()
        finally:
            if not self._exited():
                self.kill_group()
            shutil.rmtree(self._own_folder, ignore_errors=True)

    # -- the client

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def upload(
        self,
        image: bytes | None,
        fields: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        body, content_type = form(image, fields)
        named = {"Content-Type": content_type, **(headers or {})}
        return self.request("POST", "/v1/restore", body, named)

    def promise(self, image: bytes, **fields: str) -> str:
        """Upload an image that must be taken; its job's id."""
        answer = self.upload(image, fields)
        assert answer.status == 201, (answer.status, answer.body)
        job_id: str = answer.json["job_id"]
        return job_id

    def poll(self, job_id: str) -> dict[str, Any]:
        answer = self.request("GET", f"/v1/jobs/{job_id}")
        assert answer.status == 200, (answer.status, answer.body)
        job: dict[str, Any] = answer.json
        return job

    def ended(self, job_id: str) -> dict[str, Any]:
        """Poll until the job has ended; its last state."""

        def end() -> dict[str, Any] | None:
            job = self.poll(job_id)
            return job if job["status"] in ("succeeded", "failed") else None

        job: dict[str, Any] = wait_until(end, f"the end of job {job_id}")
        return job

    def result(self, job: Mapping[str, Any]) -> Answer:
        """Download a job's result by the URL it names."""
        return self.request("GET", "/" + str(job["result_url"]).split("/", 3)[3])

    def raw(self, data: bytes, *, half_close: bool = False) -> bytes:
        """Send these bytes and return all that comes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as sock:
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            return receive_all(sock)


def receive_all(sock: socket.socket) -> bytes:
    """All bytes until the other end closes or resets."""
    received = bytearray()
    try:
        while chunk := sock.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return bytes(received)


class Installed(Service):
    """A server that was installed somewhere: its command, and the folder it runs in."""

    def __init__(self, command: Sequence[str], place: Path, **settings: str | int | float) -> None:
        super().__init__(None, **settings)
        self.command, self.place = command, place
