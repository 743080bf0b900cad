"""Every bad provider through the whole server: it fails its own job, in its own way, no other."""

import random
import unittest
from datetime import datetime
from typing import Any, ClassVar

from restore.contract.job import JOB_ERRORS
from tests.support.promises import crew, noise
from tests.support.scripted import Scripted
from tests.support.scripted_providers import BAD
from tests.support.service import wait_until

PICTURE = noise(random.Random(7))
TIMEOUT_S = 1.5
GOOD = "bad/returns_input"

ENDINGS = {
    "succeeded": ("changes_input", "returns_input", "reports_halfway"),
    "provider_error": (
        "exits_politely",
        "interrupts",
        "raises",
        "raises_at_length",
        "raises_undescribable",
        "raises_unpicklable",
        "recurses",
    ),
    "worker_died": ("closes_everything", "exits", "kills_itself", "segfaults"),
    "timeout": ("forks_and_hangs", "hangs", "hangs_holding_the_gil", "prints_without_end"),
    "bad_output": (
        "changes_process",
        "closes_output",
        "damages_input",
        "deletes_input",
        "dies_when_idle",
        "forks",
        "keeps_memory",
        "prints_a_megabyte",
        "prints_binary",
        "returns_a_lot",
        "returns_folder",
        "returns_link",
        "returns_missing",
        "returns_none",
        "returns_outside",
        "returns_pipe",
        "returns_text",
        "returns_unpicklable",
        "returns_unusable",
        "returns_wrong_size",
        "starts_threads",
    ),
}
EITHER_WAY = {"scribbles": ("timeout", "worker_died")}  # it depends on which pipe it hits first
ELSEWHERE = {
    "fills_the_disk": "waits for room: test_recovery_attempts",
    "hangs_with_progress": "isn't hung for anybody who looks: test_recovery_cancel",
    "hogs_memory": "the limit is for the built-in providers: test_pool",
}


class BadProviderTest(unittest.TestCase):
    service: ClassVar[Scripted]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Scripted(WORKERS=3, MEMORY_BUDGET_MB=4000, JOB_TIMEOUT_S=TIMEOUT_S)
        cls.service.start()
        cls.addClassCleanup(cls.service.__exit__)

    def test_none_is_forgotten(self) -> None:
        listed = [name for names in ENDINGS.values() for name in names]
        self.assertEqual(sorted(BAD), sorted([*listed, *EITHER_WAY, *ELSEWHERE]))

    def test_each_fails_its_own_job_and_no_neighbour(self) -> None:
        expected = {name: (ending,) for ending, names in ENDINGS.items() for name in names}
        bad, good = {}, []
        for name in expected | EITHER_WAY:
            bad[name] = self.service.promise(PICTURE, model_id=f"bad/{name}")
            good.append(self.service.promise(PICTURE, model_id=GOOD))
        for name, endings in (expected | EITHER_WAY).items():
            with self.subTest(name):
                self.assertIn(self.ending(bad[name]), endings)
        for job_id in good:
            self.assertEqual("succeeded", self.ending(job_id))
            row = self.service.row(job_id)
            self.assertEqual((1, 0), (row["attempt"], row["vanished"]))
        wait_until(lambda: not list((self.service.storage / "tmp").iterdir()), "an empty tmp/")

    def ending(self, job_id: str) -> str:
        """How a job ended: `succeeded`, or its error, which must have told the client nothing."""
        job = self.service.ended(job_id)
        if job["status"] == "succeeded":
            return "succeeded"
        error: str = self.service.row(job_id)["error"]
        self.assertEqual((JOB_ERRORS[error], None), (job["error"], job["result_url"]))
        return error

    def test_honest_slow_job_outlasts_the_time_out(self) -> None:
        job_id = self.service.promise(PICTURE, model_id="slow/honest")  # twice the time-out
        self.assertEqual("succeeded", self.ending(job_id))
        event = event_of(self.service, "restore.succeeded", job_id)
        self.assertGreater(event["duration_ms"], 1500 * TIMEOUT_S)

    def test_log_is_bounded_and_cannot_be_forged(self) -> None:
        before = len(self.service.log)
        for name in ("prints_a_megabyte", "prints_binary", "raises_at_length"):
            self.service.ended(self.service.promise(PICTURE, model_id=f"bad/{name}"))
        wait_until(lambda: self.service.log_has("more bytes of output were not kept"), "the cut")
        said = self.service.log[before:]
        self.assertLess(len(said), 200_000)
        self.assertNotIn("\x1b", said)
        self.assertNotIn("\u202e", said)

    def test_hung_job_leaves_no_process(self) -> None:
        job_id = self.service.promise(PICTURE, model_id="bad/forks_and_hangs")
        folder = self.service.storage / "tmp" / f"{job_id}.work"

        def told() -> list[int]:
            words = [path.read_bytes().split() for path in folder.glob("*/input.png")]
            whole = words and len(words[0]) == 3 and all(word.isdigit() for word in words[0])
            return list(map(int, words[0])) if whole else []

        pids = wait_until(told, "the processes that it starts")
        self.assertEqual("timeout", self.ending(job_id))
        wait_until(lambda: not set(pids) & set(crew(self.service)), "their end", 5)


class MemoryBudgetTest(unittest.TestCase):
    def test_jobs_run_at_once_only_as_memory_allows(self) -> None:
        small = noise(random.Random(8))  # 58 MiB by the estimate
        large = noise(random.Random(8), "JPEG", (1000, 1000))  # 153 MiB
        with Scripted(WORKERS=3, MEMORY_BUDGET_MB=200) as service:
            first, _ = service.hold(large)
            second = service.promise(large, model_id="gate/hold")  # doesn't fit beside the first
            third = service.promise(small, model_id="gate/hold")  # would not either
            self.assertEqual("queued", service.poll(second)["status"])
            service.open_gate(first)
            service.ended(first)
            service.wait_for_arrival(second)
            self.assertEqual("queued", service.poll(third)["status"])
            for job_id in (second, third):
                service.open_gate(job_id)
                self.assertEqual("succeeded", service.ended(job_id)["status"])

    def test_job_larger_than_the_budget_runs_alone(self) -> None:
        with Scripted(WORKERS=2, MEMORY_BUDGET_MB=1) as service:
            first, _ = service.hold(PICTURE)
            second = service.promise(PICTURE, model_id="gate/hold")
            dying = service.promise(PICTURE, model_id="bad/segfaults")
            third = service.promise(PICTURE, model_id=GOOD)
            self.assertEqual("queued", service.poll(second)["status"])
            self.assertEqual([], service.arrived(second))
            for job_id in (first, second):
                service.open_gate(job_id)
                self.assertEqual("succeeded", service.ended(job_id)["status"])
            # The only slot that may work takes the next job within a second after a death.
            self.assertEqual("succeeded", service.ended(third)["status"])
            times = (
                event_of(service, "restore.failed", dying)["time"],
                event_of(service, "restore.started", third)["time"],
            )
            failed, started = map(datetime.fromisoformat, times)
            self.assertLess((started - failed).total_seconds(), 1.0)


def event_of(service: Scripted, name: str, job_id: str) -> dict[str, Any]:
    """The one event of this name that the job has, or will have in a moment."""

    def found() -> list[dict[str, Any]]:
        return [event for event in service.events(name) if event["job_id"] == job_id]

    event: dict[str, Any] = wait_until(found, f"{name} of {job_id}")[0]
    return event


if __name__ == "__main__":
    unittest.main()
