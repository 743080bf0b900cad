"""Runs the command `restore-photo` as people do: as a process, in a folder of the test's own."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import IO

from tests.support.service import ROOT

PATIENCE_S = 60.0
QUICK = ("--provider", "tests.support.bad_providers:returns_input")  # hands each photo back


class CommandCase(unittest.TestCase):
    """`folder` holds the photos; what the command keeps for a moment goes to `scratch`."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.scratch = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def start(
        self, *arguments: str | Path, stderr: int | IO[bytes] = subprocess.PIPE, **env: str
    ) -> "subprocess.Popen[bytes]":
        """The process, in a group of its own as a shell would start it."""
        return subprocess.Popen(
            [sys.executable, "-m", "restore", "photo", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(self.scratch), **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )

    def run_it(self, *arguments: str | Path, status: int, stdin: bytes = b"") -> tuple[bytes, str]:
        """Run it to its end, which must be `status`; what it wrote to stdout and stderr."""
        with self.start(*arguments, TERM="xterm") as process:
            out, err = process.communicate(stdin, PATIENCE_S)
        said = err.decode("utf-8", "backslashreplace")
        self.assertEqual(process.returncode, status, said)
        self.assertNotIn("Traceback", said)
        self.assertEqual(list(self.scratch.iterdir()), [], "something was left behind")
        return out, said

    def names(self) -> list[str]:
        """All files under `folder`, as seen from there."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.folder)) for path in files)
