"""Bars that never wrap, and names that can't play tricks on a terminal."""

import contextlib
import io
import os
import unittest
from pathlib import Path
from unittest import mock

from restore.app.photo.arguments import parse
from restore.app.photo.screen import Screen, _width, safe
from restore.app.photo.sources import Photo


class BarTest(unittest.TestCase):
    def draw(self, name: str, columns: int, encoding: str = "utf-8") -> list[str]:
        with (
            mock.patch.dict(os.environ, TERM="xterm", COLUMNS=str(columns), LINES="24"),
            contextlib.redirect_stderr(io.TextIOWrapper(io.BytesIO(), encoding)) as err,
            mock.patch.object(err, "isatty", lambda: True),
        ):
            screen = Screen(parse(["a"]), 9)
            screen.teller(Photo(name, Path(name)))("queued", 0.5)
            screen.draw()
            assert isinstance(err, io.TextIOWrapper) and isinstance(err.buffer, io.BytesIO)
            return err.buffer.getvalue().decode(encoding).splitlines()

    def test_no_line_is_wider_than_the_terminal(self) -> None:
        for name in ("a.jpg", "a" * 300, "写真" * 40, "e\u0301" * 60, "a\n\x1b[2Jb"):
            for columns in (20, 40, 80, 300):
                with self.subTest(name, columns=columns):
                    bar, count = self.draw(name, columns)
                    self.assertLess(sum(map(_width, bar)), columns)
                    self.assertEqual(count, "0 of 9 done")
                    self.assertTrue(bar.isprintable())

    def test_the_bar_says_how_far(self) -> None:
        bar, _ = self.draw("a.jpg", 80)
        self.assertIn("█" * 12 + "░" * 12 + "  50% waiting", bar)
        bar, _ = self.draw("a.jpg", 80, "ascii")
        self.assertIn("#" * 12 + "." * 12 + "  50%", bar)

    def test_what_is_not_printable_is_written_out(self) -> None:
        self.assertEqual(safe("a\x1b\n\udcff\u202eé"), "a\\x1b\\n\\udcff\\u202eé")
