"""logs: whole lines, never a wait, nothing written into what isn't ours."""

import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

from restore.app import logs
from restore.app.logs import Log


class LogTest(unittest.TestCase):
    def setUp(self) -> None:
        self.reader, writer = os.pipe()
        self.stream = os.fdopen(writer, "w")
        self.addCleanup(self.stream.close)
        root = logging.getLogger()
        before, level = root.handlers[:], root.level
        self.addCleanup(root.setLevel, level)
        self.addCleanup(setattr, root, "handlers", before)
        self.log = Log(self.stream)
        self.log.start()

    def text(self) -> str:
        self.log.close()
        self.stream.close()
        with os.fdopen(self.reader, encoding="utf-8") as reader:
            return reader.read()

    def test_a_message_begins_with_the_time_and_its_level(self) -> None:
        logging.getLogger("restore").warning("%d jobs wait", 3)
        self.assertRegex(self.text(), r"^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z WARNING 3 jobs wait\n$")

    def test_an_event_is_the_line_and_nothing_else(self) -> None:
        self.log.write('{"event": "restore.started", "at": "100 %s"}')
        self.assertEqual(self.text(), '{"event": "restore.started", "at": "100 %s"}\n')

    def test_a_traceback_stands_behind_its_message(self) -> None:
        try:
            raise ValueError("of ours")
        except ValueError:
            logging.getLogger("restore").exception("a fault")
        text = self.text()
        self.assertRegex(text, r"^\S+ ERROR a fault\nTraceback")
        self.assertTrue(text.endswith("ValueError: of ours\n"), text)

    def test_what_is_no_text_is_escaped(self) -> None:
        self.log.write("\udc80")
        self.assertEqual(self.text(), "\\udc80\n")

    def test_a_reader_that_reads_nothing_holds_nobody_up(self) -> None:
        with mock.patch.object(self.log._handler, "queue", self.log._queue):
            self.log._queue.maxsize = 50
            for number in range(5000):
                self.log.write(f"{number} {'x' * 200}")
        read: list[str] = []
        reading = threading.Thread(target=lambda: read.append(self.drained()))
        reading.start()
        self.log.close()
        self.stream.close()
        reading.join(20)
        lines = read[0].splitlines()
        self.assertTrue(lines[0].startswith("0 x"))
        dropped = sum(int(m[1]) for line in lines if (m := re.match(r"\((\d+) lines", line)))
        kept = [line for line in lines if not line.startswith("(")]
        self.assertGreater(dropped, 0)
        self.assertLessEqual(len(kept) + dropped, 5000)

    def drained(self) -> str:
        with os.fdopen(self.reader, encoding="utf-8") as reader:
            return reader.read()

    def test_a_reader_that_has_gone_takes_nothing_down(self) -> None:
        os.close(self.reader)
        self.log.write("to nobody")
        self.log.close()
        self.assertFalse(self.log._thread.is_alive())


class DescriptorsTest(unittest.TestCase):
    def test_a_closed_stderr_is_taken_by_nothing_of_ours(self) -> None:
        code = (
            "from restore.app import logs; import os\n"
            "logs.ensure_descriptors()\n"
            "opened = os.open('own', os.O_CREAT | os.O_WRONLY)\n"
            "log = logs.Log(); log.start(); log.write('a line'); log.close()\n"
            "raise SystemExit(0 if opened > 2 else 1)\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            script = 'cd "$1" && PYTHONPATH="$2" exec "$3" -c "$4" 0<&- 1>&- 2>&-'
            root = str(Path(logs.__file__).parents[2])
            command = ["sh", "-c", script, "sh", folder, root, sys.executable, code]
            done = subprocess.run(command, timeout=60, check=False)
            self.assertEqual(0, done.returncode)
            self.assertEqual(b"", Path(folder, "own").read_bytes())

    def test_open_ones_stay(self) -> None:
        before = [os.fstat(number).st_ino for number in range(3)]
        logs.ensure_descriptors()
        self.assertEqual(before, [os.fstat(number).st_ino for number in range(3)])
