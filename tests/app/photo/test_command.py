"""The command as a process: good photos and bad, pipes, folders, names, signals, a terminal."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

from tests.support.photo_command import PATIENCE_S, QUICK, CommandCase
from tests.support.pictures import drawing, encode, opened
from tests.support.service import ROOT, wait_until

JPEG, PNG = encode(drawing(), "JPEG"), encode(drawing(), "PNG")
WEBP = encode(drawing(), "WEBP")
SCRIPTED = ("--provider", "tests.support.scripted_providers:run")


class PhotosTest(CommandCase):
    def test_good_photos_among_bad_ones(self) -> None:
        good = [self.put("a.jpg", JPEG), self.put("b.png", PNG), self.put("c.webp", WEBP)]
        bad = [
            self.put("cut.jpg", JPEG[: len(JPEG) // 2]),
            self.put("text.jpg", b"hello"),
            self.put("0", b""),
        ]
        missing = self.folder / "none.jpg"
        out, err = self.run_it(*QUICK, "-j", "2", *good, *bad, missing, status=1)
        results = {"a-restored.jpg": JPEG, "b-restored.png": PNG}
        for name, content in results.items():
            self.assertEqual((self.folder / name).read_bytes(), content)
        self.assertEqual(opened((self.folder / "c-restored.png").read_bytes()).format, "PNG")
        self.assertEqual(len(self.names()), 6 + 3)
        self.assertEqual(len(out.decode().splitlines()), 3)
        self.assertIn(f"{good[0]} -> {self.folder / 'a-restored.jpg'} (", out.decode())
        said = dict(line.split(": ", 1) for line in err.splitlines() if ": " in line)
        self.assertEqual(said[str(missing)], "It can't be read: no such file or directory.")
        self.assertIn("The file is text, not a photo.", said[str(bad[1])])
        self.assertIn("damaged", said[str(bad[0])])
        self.assertEqual(err.splitlines()[-1], "3 restored, 4 failed")

    def test_what_is_there_stays_unless_told(self) -> None:
        photo = self.put("old.jpg", JPEG)
        result = self.put("old-restored.jpg", b"mine")
        _, err = self.run_it(*QUICK, photo, status=1)
        self.assertEqual(result.read_bytes(), b"mine")
        self.assertIn("is there already; --overwrite replaces it.", err)
        self.run_it(*QUICK, "--overwrite", "-q", photo, status=0)
        self.assertEqual(result.read_bytes(), JPEG)
        self.assertEqual(photo.read_bytes(), JPEG)

    def test_a_pipe(self) -> None:
        out, err = self.run_it(*QUICK, "-", stdin=JPEG, status=0)
        self.assertEqual((out, err), (JPEG, ""))
        target = self.folder / "new.jpg"
        out, _ = self.run_it(*QUICK, "-", "-o", target, stdin=JPEG, status=0)
        self.assertEqual(target.read_bytes(), JPEG)
        out, err = self.run_it(*QUICK, "-", stdin=b"", status=1)
        self.assertEqual(out, b"")
        self.assertIn("-: The file is", err)

    def test_a_folder_keeps_its_shape_and_names_stay_apart(self) -> None:
        for name in ("x/a.jpg", "x/a.jpeg", "x/sub/A.JPG", ".hidden/h.jpg", "x/.h.jpg", "x/n.txt"):
            self.put(name, JPEG)
        better = self.folder / "better"
        self.run_it(*QUICK, "-r", self.folder / "x", "-o", better, status=0)
        made = [name for name in self.names() if name.startswith("better")]
        self.assertEqual(
            made,
            [
                "better/a-restored-2.jpg",
                "better/a-restored.jpg",
                "better/sub/A-restored.jpg",
            ],
        )
        self.run_it(*QUICK, "-r", "-q", self.folder / "x", status=0)
        before = self.names()
        _, err = self.run_it(*QUICK, "-r", self.folder / "x", status=1)
        self.assertEqual(self.names(), before, "a result was taken for a photo")
        self.assertIn("0 restored, 3 failed", err)

    def test_patterns_that_no_shell_has_read(self) -> None:
        self.put("a1.jpg", JPEG)
        self.put("a2.jpg", JPEG)
        self.run_it(*QUICK, f"{self.folder}/a*.jpg", status=0)
        self.assertEqual(len(self.names()), 4)
        self.run_it(*QUICK, f"{self.folder}/b*.jpg", status=1)

    def test_json_and_dry_run(self) -> None:
        photo, bad = self.put("old.jpg", JPEG), self.put("bad.jpg", b"bad")
        out, err = self.run_it("--dry-run", "--json", photo, bad, status=1)
        lines = {Path(line["photo"]).name: line for line in map(json.loads, out.splitlines())}
        self.assertEqual(lines["old.jpg"]["status"], "found")
        self.assertIn("steps:", lines["old.jpg"]["note"])
        found = lines["old.jpg"]["found"]
        self.assertIn("Damage by strong JPEG compression.", found)
        self.assertIsNone(lines["old.jpg"]["done"])
        out, _ = self.run_it("--dry-run", photo, status=0)
        self.assertEqual(out.decode(), f"{photo}: {' '.join(found)}\n")
        self.assertEqual(lines["bad.jpg"]["code"], "unsupported_image")
        self.assertEqual(self.names(), ["bad.jpg", "old.jpg"])
        self.assertEqual(err, "")

    def test_a_png_is_not_named_jpg(self) -> None:
        out, _ = self.run_it(*QUICK, self.put("a.png", PNG), "-o", self.folder / "b.jpg", status=0)
        self.assertIn("b.png (", out.decode())
        self.assertEqual(self.names(), ["a.png", "b.png"])

    def test_names_that_play_tricks(self) -> None:
        names = ["-r.jpg", "a\x1b[2J\n.jpg", 'sp ace\'s "q".jpg', "ü" * 100 + ".jpg"]
        photos = [self.put(name, JPEG) for name in names]
        if sys.platform == "linux":
            photos.append(Path(os.fsdecode(os.fsencode(self.folder) + b"/\xff.jpg")))
            photos[-1].write_bytes(JPEG)
        out, _ = self.run_it(*QUICK, "--", *photos, status=0)
        self.assertNotIn(b"\x1b", out)
        self.assertEqual(len(out.splitlines()), len(photos))
        self.assertEqual(len(self.names()), 2 * len(photos))

    def test_places_that_take_nothing(self) -> None:
        photo, file = self.put("old.jpg", JPEG), self.put("file", b"")
        for place in (file / "new.jpg", Path("/proc/none/new.jpg"), self.folder / ("x" * 300)):
            with self.subTest(place):
                _, err = self.run_it(*QUICK, photo, "-o", place, status=1)
                self.assertIn("can't be written", err)
        self.assertEqual(self.names(), ["file", "old.jpg"])

    def test_a_child_that_crashes_fails_its_photo_alone(self) -> None:
        photo = self.put("old.jpg", JPEG)
        for model, sentence in (
            ("bad/segfaults", "Restoring the photo failed several times."),
            ("bad/raises", "The photo couldn't be restored."),
            ("bad/changes_input", ""),
        ):
            with self.subTest(model):
                _, err = self.run_it(
                    *SCRIPTED, "--model", model, "-q", photo, status=1 if sentence else 0
                )
                self.assertIn(sentence, err)
                self.assertEqual(photo.read_bytes(), JPEG)

    def test_nobody_reads_what_it_says(self) -> None:
        photos = [self.put(f"{number}.jpg", JPEG) for number in range(3)]
        with self.start(*QUICK, *photos) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.close()
            said = process.stderr.read()
            self.assertEqual(process.wait(PATIENCE_S), 1)
        self.assertEqual(said, b"restore-photo: Broken pipe.\n")

    @unittest.skipUnless(sys.platform == "linux", "/dev/full")
    def test_no_room_for_what_it_says(self) -> None:
        photo = self.put("old.jpg", JPEG)
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            process = subprocess.run(
                [sys.executable, "-m", "restore", "photo", *QUICK, str(photo)],
                cwd=ROOT, stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False,
            )  # fmt: skip
        said = b"restore-photo: No space left on device.\n"
        self.assertEqual((process.returncode, process.stderr), (1, said))


class UsageTest(CommandCase):
    def test_wrong_use_is_status_2_and_one_sentence(self) -> None:
        photo = self.put("old.jpg", JPEG)
        for arguments in (
            (self.folder,),
            (photo, "--model", "no/such"),
            (photo, "--provider", "no.such:run"),
            (photo, "--server", "no address"),
        ):
            with self.subTest(arguments):
                out, err = self.run_it(*arguments, status=2)
                self.assertEqual((out, len(err.splitlines())), (b"", 1))
        self.assertEqual(self.names(), ["old.jpg"])


class SignalsTest(CommandCase):
    def stop(self, number: int, *, on_terminal: bool) -> tuple[int, float]:
        """Stop it in the middle of a photo; its status and how long that took."""
        with self.start(*SCRIPTED, "--model", "bad/hangs", self.put("old.jpg", JPEG)) as process:
            wait_until(lambda: list(self.scratch.glob("*/0/work")), "the photo's turn")
            began = time.monotonic()
            if on_terminal:  # which sends it to all of the group
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            try:
                _, err = process.communicate(timeout=PATIENCE_S)
            finally:
                process.kill()  # where it hasn't heard the signal nobody waits for it for ever
        self.assertNotIn(b"Traceback", err)
        return process.returncode, time.monotonic() - began

    def test_a_stop_is_quick_and_leaves_nothing(self) -> None:
        for number, on_terminal in (
            (signal.SIGINT, True),
            (signal.SIGINT, False),
            (signal.SIGTERM, False),
        ):
            with self.subTest(number, on_terminal=on_terminal):
                status, seconds = self.stop(number, on_terminal=on_terminal)
                self.assertEqual(status, 130)
                self.assertLess(seconds, 3.0)  # other tests may run beside: see docs/MEASURED.md
                self.assertEqual(self.names(), ["old.jpg"])
                self.assertEqual(list(self.scratch.iterdir()), [])


class TerminalTest(CommandCase):
    def test_bars_on_a_terminal_and_none_elsewhere(self) -> None:
        screen, inside = pty.openpty()
        self.addCleanup(os.close, screen)
        photo = self.put("old.jpg", encode(drawing(size=(900, 900)), "JPEG"))
        provider = ("--provider", "tests.support.scripted_providers:run")
        arguments = (*provider, "--model", "slow/honest", photo)
        with self.start(*arguments, stderr=inside, TERM="xterm", LANG="C.UTF-8") as process:
            os.close(inside)
            shown = bytearray()
            try:
                while chunk := os.read(screen, 65536):
                    shown += chunk
            except OSError:  # Linux says so where the other end is closed
                pass
            out, _ = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0)
        text = shown.decode()
        percents = [int(part.split()[-1]) for part in text.split("%")[:-1]]
        self.assertEqual(percents, sorted(percents))
        self.assertGreater(len(set(percents)), 3)
        self.assertIn("░", text)
        self.assertTrue(text.endswith("\x1b[1A\r\x1b[J"), "a bar was left standing")
        self.assertIn(b"old-restored.jpg (", out)
        photo.with_name("old-restored.jpg").unlink()
        _, err = self.run_it(*arguments, status=0)
        self.assertEqual(err, "")
