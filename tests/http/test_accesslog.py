"""accesslog: one line for each request, those of a moment together."""

import asyncio
import unittest
from unittest import mock

from restore.http.accesslog import AccessLog


class AccessLogTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.written: list[str] = []
        self.access = AccessLog(self.written.append)

    def line(self, *arguments: object, now: float = 1000000000.5) -> str:
        with mock.patch("time.time", return_value=now):
            self.access.record(*arguments)  # type: ignore[arg-type]
        self.access.flush()
        return self.written.pop()

    async def test_an_answer(self) -> None:
        self.assertEqual(
            self.line("192.0.2.1", "GET", "/v1/jobs/x", 200, 0.01234),
            "2001-09-09T01:46:40.500Z 192.0.2.1 GET /v1/jobs/x 200 12.3ms",
        )

    async def test_a_refusal_has_its_code(self) -> None:
        line = self.line("::1", "POST", "/v1/restore", 429, 0.0, "rate_limited")
        self.assertTrue(line.endswith(" 429 0.0ms rate_limited"))

    async def test_refusals_are_counted_by_code_whatever_the_reason(self) -> None:
        for code in ("malformed_request: a lone CR", "malformed_request: two Hosts", "too_large"):
            self.line("::1", "GET", "/", 400, 0.0, code)
        counted = {"malformed_request": 2, "too_large": 1}
        self.assertEqual(counted, dict(self.access.stats()["refusals"]))

    async def test_a_long_path_is_cut(self) -> None:
        line = self.line("::1", "GET", "/" + "a" * 8000, 404, 0.0, "not_found")
        self.assertRegex(line, r" /a{511}\.\.\. 404 ")

    async def test_the_time_goes_on(self) -> None:
        stamps = [self.line("-", "-", "-", 400, 0.0, now=now)[17:23] for now in (1.25, 1.5, 2.0)]
        self.assertEqual(stamps, ["01.250", "01.500", "02.000"])

    async def test_those_of_a_moment_are_written_together_and_none_is_kept(self) -> None:
        written = asyncio.Event()

        def write(lines: str) -> None:
            self.written.append(lines)
            written.set()

        access = AccessLog(write)
        for _ in range(3):
            access.record("-", "GET", "/", 200, 0.0)
        self.assertEqual([], self.written)
        await asyncio.wait_for(written.wait(), 10)
        self.assertEqual([3], [len(lines.splitlines()) for lines in self.written])
