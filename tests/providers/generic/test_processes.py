"""Parts made by forked processes: the same parts, whatever becomes of a process, and none left."""

import os
import signal
import struct
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from PIL import Image

from bench.quality import noisy, scene
from restore import progress
from restore.providers.generic import processes, run
from restore.providers.generic.processes import _forked, _read_part, spread

COUNT = 40
LARGE = 300_000  # bytes: more than a pipe holds


def part(number: int) -> bytes:
    return bytes([number]) * (LARGE if number % 7 == 0 else number)


class SpreadTest(unittest.TestCase):
    def setUp(self) -> None:
        self.open_before = set(Path("/dev/fd").iterdir())
        self.helpers: list[int] = []
        forking = mock.patch.object(processes, "_forked", self.forked)
        forking.start()
        self.addCleanup(self.assert_nothing_left)
        self.addCleanup(forking.stop)

    def forked(self, *arguments: Any) -> Any:
        helper = _forked(*arguments)
        self.helpers.append(helper.pid)
        return helper

    def assert_nothing_left(self) -> None:
        """Asked of these helpers alone: other tests of this process may have children that live."""
        for pid in self.helpers:
            with self.assertRaises(ChildProcessError, msg="a process is left"):
                os.waitpid(pid, os.WNOHANG)
        self.assertEqual(set(Path("/dev/fd").iterdir()), self.open_before, "a pipe is left")

    def test_every_part_comes_once_and_whole(self) -> None:
        for count in (0, 1, 2, 5, COUNT + 3):
            with self.subTest(processes=count):
                made = list(spread(COUNT, part, count))
                self.assertEqual(sorted(made), [(n, part(n)) for n in range(COUNT)])

    def test_nothing_to_do_is_fine(self) -> None:
        self.assertEqual(list(spread(0, part, 4)), [])

    def test_helpers_work_and_the_caller_does_not(self) -> None:
        own = os.getpid()
        pids = {int(made) for _, made in spread(COUNT, lambda n: b"%d" % os.getpid(), 2)}
        self.assertNotIn(own, pids)
        self.assertLessEqual(len(pids), 2)

    def test_a_killed_helper_leaves_its_parts_to_the_caller(self) -> None:
        own = os.getpid()

        def deadly(number: int) -> bytes:
            if number % 3 == 0 and os.getpid() != own:
                os.kill(os.getpid(), signal.SIGKILL)
            return part(number)

        made = list(spread(COUNT, deadly, 3))
        self.assertEqual(sorted(made), [(n, part(n)) for n in range(COUNT)])

    def test_a_part_that_was_cut_off_counts_as_none(self) -> None:
        for length in (0, 3, 20, 20 + LARGE):
            with self.subTest(length=length):
                whole = struct.pack("=II", 7, 100) + bytes(100)
                output, entry = os.pipe()
                os.write(entry, whole[:length])
                os.close(entry)
                expected = (7, bytes(100)) if length >= len(whole) else None
                self.assertEqual(_read_part(output), expected)
                os.close(output)

    def test_what_a_part_raises_is_raised_in_the_caller(self) -> None:
        def bad(number: int) -> bytes:
            if number == 3:
                raise ValueError("part three")
            return b""

        with self.assertRaisesRegex(ValueError, "part three"):
            list(spread(COUNT, bad, 2))

    def test_helpers_are_gone_when_the_caller_gives_up(self) -> None:
        made = spread(COUNT, part, 3)
        next(made)
        made.close()  # type: ignore[attr-defined]


class RestoredTest(unittest.TestCase):
    def test_the_result_is_the_same_to_the_byte_and_progress_moves_with_tiles(self) -> None:
        picture = noisy(scene(3, (480, 480)), 15)
        for upscale in (1, 2):
            with self.subTest(upscale=upscale), TemporaryDirectory() as folder:
                path, results = Path(folder, "input.png"), []
                picture.save(path)
                for cores in (1, 3):
                    told: list[float] = []
                    listener = progress.Listener(told.append, lambda line: None)
                    with progress.listening(listener), progress.allowing(cores):
                        results.append(Path(run(str(path), "any/id", 0.6, upscale)).read_bytes())
                    self.assertEqual(told, sorted(told))
                    self.assertGreaterEqual(len({value for value in told if value > 0.15}), 3)
                self.assertEqual(results[0], results[1])

    def test_sixteen_bits_and_transparency_cross_unchanged(self) -> None:
        grey = noisy(scene(3, (560, 470)).convert("L"), 12)
        deep = grey.convert("I").point(lambda value: value * 257).convert("I;16")
        clear = grey.convert("LA")
        for image in (deep, clear):
            with self.subTest(mode=image.mode), TemporaryDirectory() as folder:
                path, results = Path(folder, "input.png"), []
                image.save(path)
                for cores in (1, 2):
                    with progress.allowing(cores):
                        results.append(Path(run(str(path), "any/id", 1.0, 1)).read_bytes())
                self.assertEqual(results[0], results[1])
                with Image.open(path.with_name("restored.png")) as result:
                    self.assertEqual(result.mode, image.mode)


if __name__ == "__main__":
    unittest.main()
