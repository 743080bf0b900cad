"""telemetry: the four events as JSON lines."""

import json
import unittest
from datetime import UTC, datetime

from restore.contract.job import JOB_ERRORS
from restore.jobs.events import Telemetry

NOW = datetime(2026, 11, 22, 19, 5, 7, 123456, tzinfo=UTC)
HEAD = {"time": "2026-11-22T19:05:07.123Z", "job_id": "j", "provider": "generic"}


class TelemetryTest(unittest.TestCase):
    def setUp(self) -> None:
        self.lines: list[str] = []
        self.telemetry = Telemetry(self.lines.append, "generic", lambda: NOW)

    def assert_said(self, **fields: str | int) -> None:
        self.assertEqual([json.loads(line) for line in self.lines], [HEAD | fields])

    def test_requested(self) -> None:
        self.telemetry.requested("j", "restoration/classic")
        self.assert_said(event="restore.requested", model_id="restoration/classic")

    def test_started(self) -> None:
        self.telemetry.started("j", 2)
        self.assert_said(event="restore.started", attempt=2)

    def test_succeeded(self) -> None:
        self.telemetry.succeeded("j", 1500)
        self.assert_said(event="restore.succeeded", duration_ms=1500)

    def test_failed(self) -> None:
        for error in JOB_ERRORS:
            self.lines.clear()
            self.telemetry.failed("j", error)
            self.assert_said(event="restore.failed", error_class=error)

    def test_an_event_is_one_line_of_ascii_whatever_is_in_it(self) -> None:
        self.telemetry.requested("j", "a\r\nb\x1b[31m\u2028\ud800")
        (line,) = self.lines
        self.assertTrue(line.isascii() and line.isprintable())

    def test_the_clock_is_utc(self) -> None:
        Telemetry(self.lines.append, "dummy").started("j", 1)
        time = datetime.fromisoformat(json.loads(self.lines[0])["time"])
        self.assertLess(abs((datetime.now(UTC) - time).total_seconds()), 60)
