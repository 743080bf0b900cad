"""telemetry: the four events as JSON lines."""

import json
import unittest
from dataclasses import replace
from datetime import UTC, datetime

from restore.contract.job import JOB_ERRORS, Job, JobSpec
from restore.jobs.events import Telemetry

NOW = datetime(2026, 11, 22, 19, 5, 7, 123456, tzinfo=UTC)
JOB = Job("j", JobSpec("restoration/classic", 0.6, 1), "jpeg", 100, 50, 0.0)
HEAD = {"time": "2026-11-22T19:05:07.123Z", "job_id": "j", "provider": "generic"}


class TelemetryTest(unittest.TestCase):
    def setUp(self) -> None:
        self.lines: list[str] = []
        self.telemetry = Telemetry(self.lines.append, "generic", lambda: NOW)

    def assert_said(self, **fields: str | int) -> None:
        self.assertEqual([json.loads(line) for line in self.lines], [HEAD | fields])

    def test_requested(self) -> None:
        self.telemetry.requested(JOB)
        self.assert_said(event="restore.requested", model_id="restoration/classic")

    def test_every_event_of_a_job_has_its_request(self) -> None:
        job = replace(JOB, request_id="abc", attempt=1)
        self.telemetry.requested(job)
        self.telemetry.started(job)
        self.telemetry.succeeded(job, 1)
        self.telemetry.failed(job, "timeout")
        said = [json.loads(line).get("request_id") for line in self.lines]
        self.assertEqual((["abc"] * 4, "j (request abc)"), (said, job.named))
        self.assertEqual("j", JOB.named)

    def test_what_was_said_is_counted(self) -> None:
        self.telemetry.requested(JOB)
        self.telemetry.started(replace(JOB, attempt=1), 0.3)
        self.telemetry.started(replace(JOB, attempt=2), 9.0)
        self.telemetry.succeeded(JOB, 1500)
        self.telemetry.failed(JOB, "timeout")
        tally = self.telemetry.tally
        self.assertEqual((1, {"succeeded": 1, "timeout": 1}), (tally.requested, tally.ended))
        self.assertEqual(([0.3], [1.5]), (tally.waits.total_s, tally.durations.total_s))

    def test_started(self) -> None:
        self.telemetry.started(replace(JOB, attempt=2))
        self.assert_said(event="restore.started", attempt=2)

    def test_succeeded(self) -> None:
        self.telemetry.succeeded(JOB, 1500)
        self.assert_said(event="restore.succeeded", duration_ms=1500)

    def test_failed(self) -> None:
        for error in JOB_ERRORS:
            self.lines.clear()
            self.telemetry.failed(JOB, error)
            self.assert_said(event="restore.failed", error_class=error)

    def test_an_event_is_one_line_of_ascii_whatever_is_in_it(self) -> None:
        spec = JobSpec("a\r\nb\x1b[31m\u2028\ud800", 0.6, 1)
        self.telemetry.requested(replace(JOB, spec=spec))
        (line,) = self.lines
        self.assertTrue(line.isascii() and line.isprintable())

    def test_the_clock_is_utc(self) -> None:
        Telemetry(self.lines.append, "dummy").started(JOB)
        time = datetime.fromisoformat(json.loads(self.lines[0])["time"])
        self.assertLess(abs((datetime.now(UTC) - time).total_seconds()), 60)
