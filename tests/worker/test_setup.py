"""What of a child can be looked at without being in one; test_pool has the rest."""

import os
import tempfile
import unittest
from pathlib import Path

from restore.worker import setup
from restore.worker.calls import FAILURE_CHARS, describe, in_folder
from restore.worker.setup import ChildSettings


class InFolderTest(unittest.TestCase):
    def test_the_folder_is_where_everything_temporary_goes(self) -> None:
        before = Path.cwd(), tempfile.gettempdir()
        with tempfile.TemporaryDirectory() as folder, in_folder(folder):
            with tempfile.NamedTemporaryFile() as file:
                self.assertEqual(Path(file.name).parent, Path(folder))
            self.assertEqual(Path.cwd(), Path(folder).resolve())
            with os.popen("echo $TMPDIR") as told:  # a program that a provider starts
                self.assertEqual(told.read().strip(), folder)
        self.assertEqual((Path.cwd(), tempfile.gettempdir()), before)

    def test_put_back_after_an_exception(self) -> None:
        before = Path.cwd()
        with (
            tempfile.TemporaryDirectory() as folder,
            self.assertRaises(ValueError),
            in_folder(folder),
        ):
            raise ValueError
        self.assertEqual(Path.cwd(), before)


class DescribeTest(unittest.TestCase):
    def test_the_causes_are_told(self) -> None:
        try:
            try:
                raise KeyError("inner")
            except KeyError as error:
                raise ValueError("outer") from error
        except ValueError as error:
            text = describe(error)
        self.assertIn("KeyError: 'inner'", text)
        self.assertTrue(text.endswith("ValueError: outer\n"))

    def test_bounded_with_beginning_and_end(self) -> None:
        text = describe(ValueError("a" + "x" * 1_000_000 + "z"))
        self.assertLess(len(text), FAILURE_CHARS + 10)
        self.assertTrue(text.startswith("ValueError: ax"))
        self.assertTrue(text.endswith("xz\n"))

    def test_an_exception_that_cannot_be_described(self) -> None:
        class WorseError(Exception):
            def __str__(self) -> str:
                raise KeyboardInterrupt

        self.assertIn("Worse", describe(WorseError()))


class OutsideTest(unittest.TestCase):
    def test_settings_are_the_defaults_outside_of_a_child(self) -> None:
        self.assertEqual(setup.settings(), ChildSettings())
