"""The Containerfile, instruction by instruction, in a virtual environment.

No engine builds it here; what its RUN, ENV, HEALTHCHECK and CMD say is done as it stands, with the
image's paths and port changed to the test's own.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
import venv
from pathlib import Path

from tests.support.service import ROOT, Installed

INSTALL_S = 300.0
NO_REGISTRY = re.compile("No matching distribution|Connection|Temporary failure")


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions: their names and the rest of their lines."""
    lines = (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()
    found = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in found]


class ContainerTest(unittest.TestCase):
    """One environment for all: what is tried is the recipe."""

    folder: Path
    bin: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="restore-image-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        ignored = (ROOT / ".dockerignore").read_text().split()
        names = [pattern.removeprefix("**/") for pattern in ignored]
        source = cls.folder / "src"
        shutil.copytree(
            ROOT, source, ignore=shutil.ignore_patterns(*names, ".*_cache", "*.egg-info")
        )
        venv.create(cls.folder / "venv", with_pip=True)
        cls.bin = cls.folder / "venv/bin"
        for name, rest in instructions():
            if name == "RUN":
                command = shlex.split(rest.replace("/src", str(source)))
                cls.install(command)

    @classmethod
    def install(cls, command: list[str]) -> None:
        done = subprocess.run(
            [cls.bin / command[0], *command[1:]], capture_output=True, text=True, timeout=INSTALL_S
        )
        if done.returncode and NO_REGISTRY.search(done.stderr):
            raise unittest.SkipTest("the packages can't be had: no registry is reached")
        if done.returncode:
            raise AssertionError(done.stderr)

    def test_serves_as_it_says(self) -> None:
        settings: dict[str, str] = {}
        for name, rest in instructions():
            if name == "ENV":
                settings |= dict(part.split("=", 1) for part in rest.split())
        self.assertEqual(settings.pop("STORAGE_DIR"), "/data")
        command = dict(instructions())["CMD"]
        program = self.bin / re.fullmatch(r'\["([\w-]+)"\]', command)[1]  # type: ignore[index]
        self.assertEqual(settings["HOST"], "0.0.0.0")
        with Installed([str(program)], self.folder, **settings) as service:
            job_id = service.promise((ROOT / "docs/old-photo.jpg").read_bytes())
            self.assertEqual(service.ended(job_id)["status"], "succeeded")
            self.assertEqual(self.health(service.port), 0)
            port = service.port
        self.assertNotEqual(self.health(port), 0)

    def health(self, port: int) -> int:
        """The exit status of the HEALTHCHECK."""
        command = dict(instructions())["HEALTHCHECK"].removeprefix("CMD ")
        self.assertIn(":8000/", command)
        return subprocess.run(
            command.replace(":8000/", f":{port}/"),
            shell=True,
            env=os.environ | {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"},
            stderr=subprocess.DEVNULL,
            timeout=INSTALL_S,
        ).returncode

    def test_the_tested_python_is_one_of_the_range(self) -> None:
        version = re.fullmatch(r"python:(\d+)\.(\d+)-slim", dict(instructions())["FROM"])
        assert version
        self.assertGreaterEqual((int(version[1]), int(version[2])), (3, 11))
        self.assertGreaterEqual(sys.version_info[:2], (3, 11))
