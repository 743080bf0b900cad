"""telemetry: the four events as JSON lines."""

import json
import unittest
from datetime import UTC, datetime
from unittest import mock

from restore.contract.job import JOB_ERRORS
from restore.jobs import events
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

    def test_every_line_of_a_job_has_its_request_until_the_end(self) -> None:
        self.telemetry.requested("j", "m", "abc")
        self.telemetry.started("j", 1)
        self.assertEqual("j (request abc)", self.telemetry.named("j"))
        self.telemetry.forget("j")
        self.telemetry.failed("j", "timeout")
        said = [json.loads(line).get("request_id") for line in self.lines]
        self.assertEqual((["abc", "abc", None], "j"), (said, self.telemetry.named("j")))

    def test_no_more_requests_are_remembered_than_may_be(self) -> None:
        with mock.patch.object(events, "_REQUESTS", 2):
            for job in "abc":
                self.telemetry.requested(job, "m", "r")
        named = [self.telemetry.named(job) for job in "abc"]
        self.assertEqual(["a", "b (request r)", "c (request r)"], named)

    def test_what_was_said_is_counted(self) -> None:
        self.telemetry.requested("j", "m")
        self.telemetry.started("j", 1, 0.3)
        self.telemetry.started("j", 2, 9.0)
        self.telemetry.succeeded("j", 1500)
        self.telemetry.failed("k", "timeout")
        tally = self.telemetry.tally
        self.assertEqual((1, {"succeeded": 1, "timeout": 1}), (tally.requested, tally.ended))
        self.assertEqual(([0.3], [1.5]), (tally.waits.total_s, tally.durations.total_s))

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
