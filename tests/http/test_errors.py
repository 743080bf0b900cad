"""errors: what the client is told, and what only the log is told."""

import json
import unittest

from restore.contract.http import Refusal
from restore.http.errors import answer_to, settle
from restore.http.responses import Response


class AnswerTest(unittest.IsolatedAsyncioTestCase):
    def test_a_detail_goes_to_the_log_alone(self) -> None:
        with self.assertLogs("restore", "INFO") as logged:
            answer = answer_to(
                Refusal("storage_unavailable", detail="disk I/O error\nforged line"), "r-1"
            )
        self.assertEqual(answer.status, 503)
        self.assertNotIn(b"disk I/O", answer.body)
        (record,) = logged.records
        self.assertEqual(
            record.getMessage(),
            r"request r-1 refused with storage_unavailable: disk I/O error\nforged line",
        )

    def test_without_a_detail_the_log_has_nothing_to_tell(self) -> None:
        with self.assertNoLogs("restore"):
            self.assertEqual(answer_to(Refusal("job_not_found"), "r-1").code, "job_not_found")

    async def test_an_awaited_answer_tells_the_same(self) -> None:
        async def refuse() -> Response:
            raise Refusal("image_unreadable", detail="no frame header")

        with self.assertLogs("restore", "INFO") as logged:
            answer = await settle(refuse(), "r-1")
        self.assertEqual(answer.status, 400)
        self.assertIn("no frame header", logged.output[0])

    async def test_a_fault_of_ours_is_masked(self) -> None:
        async def fail() -> Response:
            raise RuntimeError("/secret/path")

        with self.assertLogs("restore", "ERROR") as logged:
            answer = await settle(fail(), "r-1")
        self.assertEqual((answer.status, json.loads(answer.body)["code"]), (500, "internal_error"))
        self.assertIn("/secret/path", logged.output[0])
        self.assertIn("request r-1 could not be answered", logged.output[0])
