"""metrics: every name, the right numbers, over a socket; without the extra one sentence."""

import re
import unittest
from importlib.util import find_spec

from restore.api.metrics import NAMES
from restore.jobs import Distribution
from tests.support.functional_testcase import picture
from tests.support.service import Service, wait_until

NUMBER = re.compile(r"^([a-z_]+)(?:\{(.*)\})? ([0-9.e+]+)$", re.MULTILINE)
THERE = find_spec("prometheus_client") is not None


class DistributionTest(unittest.TestCase):
    def test_a_bound_belongs_to_what_is_at_most_that(self) -> None:
        found = Distribution.empty()
        for seconds in (0.0, 0.1, 0.11, 600.0, 601.0):
            found.observe(seconds)
        self.assertEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], found.counts)
        self.assertAlmostEqual(1201.21, found.total_s[0])


@unittest.skipIf(THERE, "prometheus_client is installed")
class MissingTest(unittest.TestCase):
    def test_it_is_told_in_one_sentence(self) -> None:
        service = Service(METRICS="true")
        self.addCleanup(service.__exit__)
        with self.assertRaisesRegex(AssertionError, r"METRICS is true.*restore\[metrics\]"):
            service.start()


class OffTest(unittest.TestCase):
    def test_without_the_setting_there_is_no_such_route(self) -> None:
        with Service() as service:
            self.assertEqual(404, service.request("GET", "/metrics").status)


@unittest.skipUnless(THERE, "needs the extra `metrics`")
class MetricsTest(unittest.TestCase):
    def numbers(self, service: Service) -> dict[tuple[str, str], float]:
        answer = service.request("GET", "/metrics")
        self.assertEqual(200, answer.status)
        self.assertTrue(answer.headers["content-type"].startswith("text/plain; version="))
        found = NUMBER.findall(answer.body.decode())
        return {(name, labels): float(number) for name, labels, number in found}

    def test_every_number_is_the_right_one(self) -> None:
        photo = picture("JPEG")
        with Service(METRICS="true", WORKERS=2, MEMORY_BUDGET_MB=2000) as service:
            for _ in range(3):
                service.ended(service.promise(photo))
            self.assertEqual(415, service.upload(b"no picture at all").status)
            wait_until(lambda: self.numbers(service)["restore_jobs_running", ""] == 0, "the end")
            found = self.numbers(service)
            for name, labels, wanted in (
                ("restore_jobs_requested_total", "", 3),
                ("restore_jobs_ended_total", 'end="succeeded"', 3),
                ("restore_job_seconds_count", "", 3),
                ("restore_job_seconds_bucket", 'le="+Inf"', 3),
                ("restore_queue_seconds_count", "", 3),
                ("restore_jobs_waiting", "", 0),
                ("restore_slots", "", 2),
                ("restore_memory_budget_bytes", "", 2000 << 20),
                ("restore_memory_held_bytes", "", 0),
                ("restore_upload_bytes_total", "", 3 * len(photo)),
                ("restore_uploads_arriving", "", 0),
                ("restore_answers_total", 'status="201"', 3),
                ("restore_refusals_total", 'code="unsupported_image"', 1),
                ("restore_children_died_total", "", 0),
            ):
                with self.subTest(name):
                    self.assertEqual(wanted, found[name, labels])
            self.assertGreater(found["restore_disk_free_bytes", ""], 0)
            job = service.ended(service.promise(photo))
            before = self.numbers(service)["restore_sent_bytes_total", ""]
            service.result(job)
            sent = self.numbers(service)["restore_sent_bytes_total", ""] - before
            heads_and_metrics = 20_000
            self.assertTrue(len(photo) <= sent <= len(photo) + heads_and_metrics, sent)
            said = {name.removesuffix("_count") for name, _ in found}
            self.assertLessEqual(set(NAMES), said)

    def test_a_token_is_wanted_where_there_are_some(self) -> None:
        with Service(METRICS="true", API_TOKENS="desk:0123456789abcdef") as service:
            self.assertEqual(401, service.request("GET", "/metrics").status)


if __name__ == "__main__":
    unittest.main()
