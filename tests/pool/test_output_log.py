import unittest

from restore.pool.output import ChildLog


class ChildLogTest(unittest.TestCase):
    def setUp(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.log = ChildLog(lambda name, line: self.lines.append((name, line)), "slot", 100)

    def printed(self, *pieces: bytes) -> list[str]:
        self.log.begin("job")
        for piece in pieces:
            self.log.feed(piece)
        self.log.end()
        return [line for _, line in self.lines]

    def test_whole_lines_wherever_the_bytes_are_cut(self) -> None:
        text = "first\nzweite Zeile äöü\r\nthird\rno end".encode()
        whole = self.printed(text)
        self.assertEqual(whole, ["first", "zweite Zeile äöü", "third", "no end"])
        for cut in range(len(text)):
            self.lines.clear()
            self.assertEqual(self.printed(text[:cut], text[cut:]), whole, f"cut at {cut}")

    def test_each_line_names_slot_and_job(self) -> None:
        self.log.feed(b"before\n")
        self.log.begin("job")
        self.log.feed(b"in\n")
        self.log.begin("")
        self.log.feed(b"after\n")
        self.assertEqual(self.lines, [("slot", "before"), ("slot job", "in"), ("slot", "after")])

    def test_a_line_without_end_belongs_to_the_job_that_began_it(self) -> None:
        self.log.begin("one")
        self.log.feed(b"half")
        self.log.begin("two")
        self.log.feed(b"other\n")
        self.assertEqual(self.lines, [("slot one", "half"), ("slot two", "other")])

    def test_nothing_reaches_a_terminal_that_it_would_obey(self) -> None:
        self.assertEqual(
            self.printed(b"\x1b[2J \x00\x7f\xff \xe2\x80\xae reversed \xc2\x9b\n"),
            [r"\x1b[2J \x00\x7f\xff \u202e reversed \x9b"],
        )

    def test_empty_lines_are_left_out(self) -> None:
        self.assertEqual(self.printed(b"\n\n  \na\n\n"), ["a"])

    def test_no_more_than_the_limit_is_kept_and_the_rest_is_counted(self) -> None:
        self.assertEqual(
            self.printed(b"x" * 60 + b"\n", b"y" * 60 + b"\n", b"z" * 60),
            ["x" * 60, "y" * 39, "(82 more bytes of output were not kept)"],
        )
        self.assertTrue(self.log.full)

    def test_each_job_has_the_limit_for_itself(self) -> None:
        self.printed(b"x" * 1000)
        self.lines.clear()
        self.assertEqual(self.printed(b"y\n"), ["y"])
        self.assertFalse(self.log.full)
