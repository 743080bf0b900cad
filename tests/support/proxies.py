"""A real nginx or Caddy before a running server, on the sample settings of contrib/.

Only what a test must is changed in the sample: the two addresses, the name, and what only root may.
"""

import shutil
import socket
import subprocess
import tempfile
from http.client import HTTPConnection
from pathlib import Path
from typing import Self

from tests.support.service import PATIENCE_S, ROOT, wait_until

_STOP_S = 10.0


def free_port() -> int:
    """A port that nobody had a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def changed(sample: Path, changes: dict[str, str]) -> str:
    """The sample's text; each change must be for a line that is there."""
    text = sample.read_text(encoding="utf-8")
    for before, after in changes.items():
        if before not in text:
            raise AssertionError(f"{sample.name} has no {before!r}")
        text = text.replace(before, after)
    return text


class Proxy:
    """`port` is known before the start, as the server behind it is told of it; then `start`."""

    name = ""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="restore-proxy-"))
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def is_here(cls) -> bool:
        return shutil.which(cls.name) is not None

    def start(self, server_port: int) -> Self:
        """Start it before the server on `server_port`; wait until it listens."""
        log = self._folder / "log"
        with log.open("wb") as output:
            command = self._prepare(self._folder, server_port)
            environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self._folder)}
            self._process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        wait_until(lambda: self._listens() or self._process_ended(), f"{self.name}'s start")
        if self._process_ended():
            raise AssertionError(f"{self.name} didn't start:\n{log.read_text()}")
        return self

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(PATIENCE_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _prepare(self, folder: Path, server_port: int) -> list[str]:
        """Write its settings into `folder`; the command that runs it in the foreground."""
        raise NotImplementedError

    def _process_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _listens(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", "/nothing-here")
            connection.getresponse().read()
        except ConnectionError:
            return False
        finally:
            connection.close()
        return True


class Nginx(Proxy):
    name = "nginx"

    def _prepare(self, folder: Path, server_port: int) -> list[str]:
        changes = {
            "127.0.0.1:8000": f"127.0.0.1:{server_port}",
            "listen 80;": f"listen 127.0.0.1:{self.port};",
        }
        (folder / "restore.conf").write_text(changed(ROOT / "contrib/nginx.conf", changes))
        places = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\n"
            f"events {{}}\nhttp {{ access_log off;\n{places}include {folder}/restore.conf;\n}}\n"
        )
        return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


class Caddy(Proxy):
    name = "caddy"

    def _prepare(self, folder: Path, server_port: int) -> list[str]:
        changes = {
            "127.0.0.1:8000": f"127.0.0.1:{server_port}",
            "photos.example.com {": f"http://127.0.0.1:{self.port} {{",
        }
        settings = changed(ROOT / "contrib/Caddyfile", changes)
        own = "{\n\tadmin off\n}\n"
        (folder / "Caddyfile").write_text(own + settings)
        return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
