"""The unit contrib/restore.service, as systemd itself reads it."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from configparser import RawConfigParser
from pathlib import Path

from restore.config import KEYS
from tests.support.service import ROOT

UNIT = ROOT / "contrib/restore.service"
PATIENCE_S = 60.0


class UnitTest(unittest.TestCase):
    def setUp(self) -> None:
        self.unit = RawConfigParser(strict=False, comment_prefixes="#")
        self.unit.optionxform = str  # type: ignore[assignment,method-assign]
        self.unit.read(UNIT)

    def test_what_the_promise_rests_on(self) -> None:
        service = self.unit["Service"]
        self.assertEqual(service["OOMPolicy"], "continue")
        self.assertEqual(service["KillMode"], "mixed")
        self.assertEqual(service["Type"], "notify")
        grace = float(KEYS["SHUTDOWN_GRACE_S"])
        self.assertGreaterEqual(float(service["TimeoutStopSec"]), grace + 15)

    def test_children_may_lower_their_priority_and_limits(self) -> None:
        self.assertNotIn("~@resources", UNIT.read_text())
        self.assertEqual(self.unit["Service"]["SystemCallErrorNumber"], "EPERM")


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class AnalyzedTest(unittest.TestCase):
    def test_verifies_clean(self) -> None:
        """Under a command that is here: the unit's own is installed by who copies it."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / UNIT.name
            text, found = re.subn(
                r"(?m)^ExecStart=\S+$", f"ExecStart={sys.executable}", UNIT.read_text()
            )
            self.assertEqual(found, 1)
            copy.write_text(text)
            done = analyze("verify", "--man=no", str(copy))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_exposes_little(self) -> None:
        done = analyze("security", "--offline=true", "--no-pager", str(UNIT))
        match = re.search(r"Overall exposure level for restore.service: ([0-9.]+)", done.stdout)
        assert match, done.stdout + done.stderr
        self.assertLessEqual(float(match[1]), 1.5)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=PATIENCE_S
    )
