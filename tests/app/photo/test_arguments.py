"""What may be typed, and the help that says so."""

import contextlib
import io
import re
import unittest
from unittest import mock

from restore.app.photo.arguments import HELP, Options, UsageError, parse


class ParseTest(unittest.TestCase):
    def test_defaults_are_a_jobs(self) -> None:
        spec = parse(["old.jpg"]).spec()
        self.assertEqual((spec.strength, spec.upscale), (0.6, 1))

    def test_everything_at_once(self) -> None:
        line = "-r -o out/ --strength .5 --upscale 4 --model m --provider a.b:c -j 3 --overwrite"
        options = parse(f"{line} --json -q --server http://x a b".split())
        expected = Options(
            ["a", "b"],
            "out/",
            True,
            ".5",
            "4",
            "m",
            "a.b:c",
            3,
            True,
            False,
            True,
            True,
            "http://x",
        )
        self.assertEqual(options, expected)

    def test_wrong_use(self) -> None:
        for line in (
            "",
            "--strength 2 a",
            "--strength 1e-1 a",
            "--upscale 3 a",
            "-j 0 a",
            "-j 65 a",
            "-j ٣ a",
            "- -",
            "-o - a b",
            "--json -",
            "--dry-run --server http://x a",
            "--stren 0.5 a",
            "--no-such a",
        ):
            with self.subTest(line), self.assertRaises(UsageError) as caught:
                parse(line.split())
            self.assertRegex(str(caught.exception), r"^[A-Za-z].*\.$")

    def test_a_model_that_is_not_offered(self) -> None:
        with self.assertRaises(UsageError) as caught:
            parse(["--model", "x", "a"]).spec({"restoration/classic"})
        self.assertIn("restoration/classic", str(caught.exception))

    def test_where_a_single_result_goes(self) -> None:
        self.assertTrue(parse(["-"]).to_stdout)
        self.assertTrue(parse(["a", "-o", "-"]).to_stdout)
        self.assertFalse(parse(["-", "-o", "new.jpg"]).to_stdout)
        self.assertFalse(parse(["a", "-o", "new.jpg"]).into_folder)
        self.assertTrue(parse(["a", "b", "-o", "new.jpg"]).into_folder)
        self.assertTrue(parse(["a", "-o", "new/"]).into_folder)


class HelpTest(unittest.TestCase):
    def test_it_fits_a_screen_and_names_every_option(self) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), self.assertRaises(SystemExit) as ended:
            parse(["--help"])
        self.assertEqual((ended.exception.code, printed.getvalue()), (0, HELP))
        lines = HELP.splitlines()
        self.assertLessEqual(len(lines), 23)
        self.assertLess(max(map(len, lines)), 80)
        self.assertEqual(len([line for line in lines if "restore-photo " in line]), 4)
        with mock.patch("argparse.ArgumentParser.parse_args", autospec=True) as parsing:
            parsing.side_effect = KeyboardInterrupt
            with self.assertRaises(KeyboardInterrupt):
                parse(["a"])
        known = set(parsing.call_args[0][0]._option_string_actions)
        self.assertEqual(set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", HELP)), known)
