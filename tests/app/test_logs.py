"""logs: every line once and whole, and nobody waits for whoever reads them."""

import asyncio
import fcntl
import io
import logging
import os
import re
import tempfile
import threading
import unittest
from unittest import mock

from restore.app import logs
from restore.app.logs import LogHandler, LogWriter
from restore.http.accesslog import AccessLog


class PipeTestCase(unittest.IsolatedAsyncioTestCase):
    """A LogWriter on a pipe, of which the test reads the other end when it likes."""

    def setUp(self) -> None:
        self.reader, self.writer_fd = os.pipe()
        os.set_blocking(self.reader, False)
        self.addCleanup(os.close, self.reader)
        self.addCleanup(self.close_writer)
        self.log = LogWriter(self.writer_fd)

    def close_writer(self) -> None:
        if self.writer_fd >= 0:
            os.close(self.writer_fd)
            self.writer_fd = -1

    def read(self) -> str:
        found = b""
        while True:
            try:
                piece = os.read(self.reader, 1 << 16)
            except BlockingIOError:
                return found.decode()
            if not piece:
                return found.decode()
            found += piece

    def fill(self) -> int:
        """Leave no room in the pipe; returns how many bytes filled it."""
        os.set_blocking(self.writer_fd, False)
        filled = 0
        for size in (4096, 1):
            try:
                while True:
                    filled += os.write(self.writer_fd, b"x" * size)
            except BlockingIOError:
                pass
        return filled


class BeforeTheLoopTest(PipeTestCase):
    def test_lines_go_out_at_once(self) -> None:
        self.log.write("one")
        self.log.write_later("two")
        self.assertEqual(self.read(), "one\ntwo\n")

    def test_odd_characters_do_no_harm(self) -> None:
        self.log.write("ä \ud800")
        self.assertEqual(self.read(), "ä \\ud800\n")

    def test_threads_lose_nothing(self) -> None:
        with tempfile.TemporaryFile() as file:
            log = LogWriter(file.fileno())

            def work(name: int) -> None:
                for number in range(300):
                    log.write(f"{name} {number}")

            threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            log.close()
            file.seek(0)
            lines = file.read().decode().splitlines()
        expected = sorted(f"{name} {number}" for name in range(4) for number in range(300))
        self.assertEqual(sorted(lines), expected)

    def test_a_broken_pipe_loses_lines_and_nothing_else(self) -> None:
        os.close(self.reader)
        self.log.write("nobody reads this")
        self.log.write("nor this")
        self.log.close()
        self.reader = os.dup(self.writer_fd)  # for the clean-up

    def test_a_descriptor_that_is_none(self) -> None:
        log = LogWriter(os.dup(self.writer_fd))
        os.close(log._fd)
        log.write("lost")
        self.assertEqual(self.read(), "")
        self.assertFalse(logs._is_regular(log._fd))


class OnTheLoopTest(PipeTestCase):
    async def asyncSetUp(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.log.attach(self.loop)

    async def test_messages_go_out_at_once(self) -> None:
        self.log.write("now")
        self.assertEqual(self.read(), "now\n")

    async def test_request_lines_share_one_write(self) -> None:
        calls: list[float] = []
        with mock.patch.object(self.loop, "call_later", wraps=self.loop.call_later) as later:
            for number in range(100):
                self.log.write_later(str(number))
            calls = [call.args[0] for call in later.call_args_list]
        self.assertEqual(calls, [logs.FLUSH_S])
        self.assertEqual(self.read(), "")
        self.log._on_timer()
        self.assertEqual(self.read(), "".join(f"{number}\n" for number in range(100)))

    async def test_the_timer_writes(self) -> None:
        readable = asyncio.Event()
        self.loop.add_reader(self.reader, readable.set)
        self.addCleanup(self.loop.remove_reader, self.reader)
        self.log.write_later("a little later")
        async with asyncio.timeout(10):
            await readable.wait()
        self.assertEqual(self.read(), "a little later\n")

    async def test_a_thread_hands_its_line_to_the_loop(self) -> None:
        readable = asyncio.Event()
        self.loop.add_reader(self.reader, readable.set)
        self.addCleanup(self.loop.remove_reader, self.reader)
        await asyncio.to_thread(self.log.write, "from a thread")
        async with asyncio.timeout(10):
            await readable.wait()
        self.assertEqual(self.read(), "from a thread\n")

    async def test_a_pipe_that_nobody_empties_stops_nobody(self) -> None:
        filled = self.fill()
        os.set_blocking(self.writer_fd, True)  # a write that waits would hang here
        for number in range(1000):
            self.log.write(f"{number}")
        self.assertEqual(self.read(), "x" * filled)
        self.log._on_timer()
        self.assertEqual(self.read(), "".join(f"{number}\n" for number in range(1000)))

    async def test_it_tries_again_by_itself(self) -> None:
        self.fill()
        with mock.patch.object(self.loop, "call_later") as later:
            self.log.write("stuck")
            self.log.write("stuck too")
        self.assertEqual([call.args[0] for call in later.call_args_list], [logs.STUCK_S])
        self.read()
        later.call_args.args[1]()
        self.assertEqual(self.read(), "stuck\nstuck too\n")

    async def test_what_is_too_much_is_dropped_and_counted(self) -> None:
        self.fill()
        line = "y" * (logs.BUFFER_CHARS // 10)
        for _ in range(15):
            self.log.write(line)
        self.read()
        text = ""
        while piece := self._drain():
            text += piece
        lines = text.splitlines()
        self.assertEqual(lines.count(line), 10)
        self.assertEqual(lines[-1], "(5 lines of the log were dropped: nobody read them)")
        self.log.write("after")
        self.assertEqual(self.read(), "after\n")

    def _drain(self) -> str:
        self.log.flush()
        return self.read()

    async def test_a_pipe_that_takes_less_than_it_said(self) -> None:
        with mock.patch.object(os, "write", side_effect=BlockingIOError):
            self.log.write("whole")
        self.log.flush()
        self.assertEqual(self.read(), "whole\n")

    async def test_long_lines_arrive_whole_through_small_writes(self) -> None:
        line = "z" * 100_000
        self.log.write(line)
        text = self.read()
        while piece := self._drain():
            text += piece
        self.assertEqual(text, f"{line}\n")

    async def test_who_logs_in_the_middle_of_a_write_waits_for_nobody(self) -> None:
        """As a garbage collection may: here the call that writes logs."""
        write = os.write

        def write_and_log(fd: int, data: bytes) -> int:
            if b"outer" in bytes(data):
                self.log.write("inner")
            return write(fd, data)

        with mock.patch.object(os, "write", write_and_log):
            self.log.write("outer")
        self.assertEqual(self.read(), "outer\ninner\n")

    async def test_close_writes_the_rest_within_its_bound(self) -> None:
        filled = self.fill()
        self.log.write("last words")
        reading = threading.Thread(target=self._read_later, args=(filled,))
        reading.start()
        self.log.close()
        reading.join()
        self.assertEqual(self.read(), "last words\n")

    def _read_later(self, count: int) -> None:
        os.set_blocking(self.reader, True)
        while count:
            count -= len(os.read(self.reader, min(count, 1 << 16)))
        os.set_blocking(self.reader, False)

    async def test_close_gives_up(self) -> None:
        self.fill()
        self.log.write("never read")
        with mock.patch.object(logs, "_CLOSE_S", 0.01):
            self.log.close()
        self.log.write("nor this")
        self.log.write_later("nor this")

    async def test_after_the_loop_lines_go_out_at_once(self) -> None:
        self.log.close()
        self.log.write("one")
        self.log.write_later("two")
        self.assertEqual(self.read(), "one\ntwo\n")


class ClosedLoopTest(PipeTestCase):
    def test_a_thread_after_the_loop_has_closed(self) -> None:
        loop = asyncio.new_event_loop()
        self.log.attach(loop)
        loop.close()
        thread = threading.Thread(target=self.log.write, args=("late",))
        thread.start()
        thread.join()
        self.assertEqual(self.read(), "late\n")


class FileTest(unittest.TestCase):
    def test_a_file_takes_all_at_once(self) -> None:
        with tempfile.TemporaryFile() as file:
            log = LogWriter(file.fileno())
            with mock.patch.object(os, "write", wraps=os.write) as write:
                log.write("x" * 50_000)
            self.assertEqual(write.call_count, 1)
            self.assertEqual(file.seek(0, io.SEEK_END), 50_001)


class LogHandlerTest(PipeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.logger = logging.Logger("restore.test")
        self.logger.addHandler(LogHandler(self.log))

    def test_a_record(self) -> None:
        self.logger.warning("port is %d", 9)
        self.assertRegex(
            self.read(), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING port is 9\n$"
        )

    def test_a_traceback_follows_its_record(self) -> None:
        try:
            raise ZeroDivisionError("a fault")
        except ZeroDivisionError:
            self.logger.exception("no answer")
        text = self.read()
        self.assertIn("ERROR no answer\nTraceback", text)
        self.assertTrue(text.endswith("ZeroDivisionError: a fault\n"))

    def test_a_wrong_record_takes_nothing_down(self) -> None:
        with mock.patch.object(logging.Handler, "handleError") as handle_error:
            self.logger.warning("%d", "x")
        handle_error.assert_called_once()


class AccessLogTest(PipeTestCase):
    def line(self, *arguments: object, now: float = 1000000000.5) -> str:
        with mock.patch("time.time", return_value=now):
            AccessLog(self.log.write_later).record(*arguments)  # type: ignore[arg-type]
        return self.read()

    def test_an_answer(self) -> None:
        self.assertEqual(
            self.line("192.0.2.1", "GET", "/v1/jobs/x", 200, 0.01234),
            "2001-09-09T01:46:40.500Z 192.0.2.1 GET /v1/jobs/x 200 12.3ms\n",
        )

    def test_a_refusal_has_its_code(self) -> None:
        line = self.line("::1", "POST", "/v1/restore", 429, 0.0, "rate_limited")
        self.assertTrue(line.endswith(" 429 0.0ms rate_limited\n"))

    def test_a_long_path_is_cut(self) -> None:
        line = self.line("::1", "GET", "/" + "a" * 8000, 404, 0.0, "not_found")
        self.assertTrue(re.search(r" /a{511}\.\.\. 404 ", line))

    def test_the_time_goes_on(self) -> None:
        access = AccessLog(self.log.write_later)
        stamps = []
        for now in (1.25, 1.5, 2.0):
            with mock.patch("time.time", return_value=now):
                access.record("-", "-", "-", 400, 0.0)
            stamps.append(self.read()[17:23])
        self.assertEqual(stamps, ["01.250", "01.500", "02.000"])


class PipeSizeTest(unittest.TestCase):
    @unittest.skipUnless(hasattr(fcntl, "F_GETPIPE_SZ"), "only Linux tells the size of a pipe")
    def test_a_nearly_full_pipe_is_not_waited_for(self) -> None:
        """Less room than a write wants: the write is put off, though the descriptor blocks."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        os.write(writer, b"x" * (fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ) - 100))
        log = LogWriter(writer)
        log.write("y" * 5000)
        self.assertEqual(os.read(reader, 1 << 20).strip(b"x"), b"")
        log.flush()
        self.assertEqual(os.read(reader, 1 << 20), b"y" * 5000 + b"\n")
