"""The units in contrib, as systemd itself reads them."""

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
UNITS = {UNIT: 1.5, ROOT / "contrib/restore-worker.service": 2.0}  # and how exposed they may be
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
        for unit in UNITS:
            with self.subTest(unit.name):
                self.assertNotIn("~@resources", unit.read_text())
                self.assertRegex(unit.read_text(), r"(?m)^SystemCallErrorNumber=EPERM$")


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class AnalyzedTest(unittest.TestCase):
    def test_verifies_clean(self) -> None:
        """Under a command that is here: the unit's own is installed by who copies it."""
        for unit in UNITS:
            with self.subTest(unit.name), tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / unit.name
                text, found = re.subn(
                    r"(?m)^ExecStart=\S+$", f"ExecStart={sys.executable}", unit.read_text()
                )
                self.assertEqual(found, 1)
                copy.write_text(text)
                done = analyze("verify", "--man=no", str(copy))
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_exposes_little(self) -> None:
        for unit, most in UNITS.items():
            done = analyze("security", "--offline=true", "--no-pager", str(unit))
            match = re.search(rf"Overall exposure level for {unit.name}: ([0-9.]+)", done.stdout)
            assert match, done.stdout + done.stderr
            with self.subTest(unit.name):
                self.assertLessEqual(float(match[1]), most)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=PATIENCE_S
    )
