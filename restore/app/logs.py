"""The log: whole lines to stderr, never waiting for whoever reads it.

Records go into a bounded queue (logging.handlers.QueueHandler), which one thread empties; a pipe
that nobody reads, or a terminal stopped with Ctrl-S, holds up that thread and nothing else. What
doesn't fit the queue any more is dropped and counted.
"""

import json
import logging
import os
import queue
import sys
import threading
import time
from contextlib import suppress
from logging.handlers import QueueHandler
from typing import TextIO

MOST_RECORDS = 10_000  # in the queue; a request's line and a message are one each
CLOSE_S = 1.0  # for the last lines at the end
EVENTS = "restore.events"  # the logger of lines that are whole as they are


class Log:
    """All of `logging` to `stream`, from `start()` to `close()`."""

    def __init__(
        self, stream: TextIO | None = None, *, level: str = "info", as_json: bool = False
    ) -> None:
        self._stream = stream or sys.stderr
        self._level = level.upper()
        self._queue: queue.Queue[logging.LogRecord | None] = queue.Queue(MOST_RECORDS)
        self._handler = _Handler(self._queue)
        self._formatter = _Formatter(as_json=as_json)
        self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)

    def start(self) -> None:
        logging.basicConfig(level=self._level, handlers=[self._handler], force=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Write one line (without its end) as it is, soon."""
        events = logging.getLogger(EVENTS)
        self._handler.handle(events.makeRecord(EVENTS, logging.INFO, "", 0, line, (), None))

    def close(self) -> None:
        """Write what is left, within a bound, and let go of `logging`."""
        end = time.monotonic() + CLOSE_S
        with suppress(queue.Full):
            self._queue.put(None, timeout=CLOSE_S)
        self._thread.join(max(0.0, end - time.monotonic()))
        logging.getLogger().removeHandler(self._handler)

    def _write_on(self) -> None:
        while (record := self._queue.get()) is not None:
            text = f"{self._formatter.format(record)}\n"
            if dropped := self._handler.take_dropped():
                text += f"({dropped} lines of the log were dropped: nobody read them)\n"
            self._write(text.encode("utf-8", "backslashreplace"))

    def _write(self, data: bytes) -> None:
        """To the descriptor: what a TextIOWrapper holds back would be lost with the process."""
        try:
            descriptor = self._stream.fileno()
            while data:
                data = data[os.write(descriptor, data) :]
        except (OSError, ValueError):  # Nobody is left to read: a broken pipe, a full disk.
            return


class _Handler(QueueHandler):
    """Puts records into the bounded queue, formatted by whoever takes them out."""

    def __init__(self, records: "queue.Queue[logging.LogRecord | None]") -> None:
        super().__init__(records)
        self._lock = threading.Lock()
        self._dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record with its text made: its arguments may have changed when it is written."""
        record.msg, record.args = record.getMessage(), None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            with self._lock:
                self._dropped += 1

    def take_dropped(self) -> int:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped


class _Formatter(logging.Formatter):
    """Each record begins with the time, but for the lines of EVENTS, which are whole.

    With `as_json` each is one line, a JSON object, tracebacks and all.
    """

    converter = staticmethod(time.gmtime)

    def __init__(self, *, as_json: bool) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        if record.name == EVENTS:
            return record.getMessage()
        text = super().format(record)
        if not self._as_json:
            return text
        stamp = f"{record.asctime}.{int(record.msecs):03d}Z"
        said = {"time": stamp, "level": record.levelname, "message": record.message}
        said |= {"traceback": record.exc_text} if record.exc_text else {}
        return json.dumps(said, ensure_ascii=False)


def ensure_descriptors() -> None:
    """Open descriptors 0 to 2 where they are closed.

    A supervisor may close them; the next file of ours would then get their number, and the log or a
    provider would write into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:  # Cannot be: the lowest free number is given out.
                os.dup2(opened, number)
            os.set_inheritable(number, True)  # Else each program started from here lacks it again.
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  (it stays open)
