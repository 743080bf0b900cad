"""No pattern repeats a group possessively: up to Python 3.11.4 that matches what it must not."""

import re
import unittest
from pathlib import Path

import restore

PACKAGE = Path(restore.__file__).parent
POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{+[0-9,]+\}+)\+")


class PossessiveGroupTest(unittest.TestCase):
    """gh-106052, mended in 3.11.5; restore/http11/lines.py says how to see that it is gone."""

    def test_none_stands_in_the_code(self) -> None:
        for path in PACKAGE.rglob("*.py"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                with self.subTest(path=path.name, line=number):
                    code = line.partition("# ")[0]
                    self.assertNotRegex(code, POSSESSIVE_GROUP)

    def test_one_would_be_seen(self) -> None:
        for pattern in (r"(?:;a?b)*+", r"(?:a|b)++", r"(a)?+", r"(a){1,3}+", r"(a){{2}}+"):
            with self.subTest(pattern):
                self.assertRegex(pattern, POSSESSIVE_GROUP)
        for pattern in (r"[ab]*+", r"(?>(?:a|b)*)", r"(a)+"):
            with self.subTest(pattern):
                self.assertNotRegex(pattern, POSSESSIVE_GROUP)
