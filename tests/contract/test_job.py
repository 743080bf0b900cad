"""jobs: every legal step, and that every other raises."""

import unittest
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

from restore.contract.job import (
    ENDED,
    MAX_ATTEMPTS,
    MAX_VANISHED,
    TRANSITIONS,
    IllegalTransition,
    Job,
    JobSpec,
    JobStatus,
)

QUEUED = Job("id", JobSpec("model", 0.6, 1), "jpeg", 100, 50, created_at=1.0)
RUNNING = QUEUED.start()
SUCCEEDED = RUNNING.succeed("id.png", 2.0)
FAILED = RUNNING.fail("timeout", 2.0)
JOBS = {job.status: job for job in (QUEUED, RUNNING, SUCCEEDED, FAILED)}

STEPS: dict[str, tuple[JobStatus, Callable[[Job], Job]]] = {
    "start": (JobStatus.RUNNING, Job.start),
    "succeed": (JobStatus.SUCCEEDED, lambda job: job.succeed("id.png", 2.0)),
    "fail": (JobStatus.FAILED, lambda job: job.fail("storage", 2.0)),
}


class TransitionTests(unittest.TestCase):
    def test_the_contracts_machine(self) -> None:
        self.assertEqual(
            {(str(a), str(b)) for a, following in TRANSITIONS.items() for b in following},
            {
                ("queued", "running"),
                ("queued", "failed"),
                ("running", "running"),
                ("running", "succeeded"),
                ("running", "failed"),
            },
        )
        self.assertEqual(ENDED, {JobStatus.SUCCEEDED, JobStatus.FAILED})

    def test_each_step_from_each_status(self) -> None:
        for name, (status, step) in STEPS.items():
            for before, job in JOBS.items():
                with self.subTest(step=name, before=before):
                    if status in TRANSITIONS[before]:
                        self.assertEqual(step(job).status, status)
                    else:
                        with self.assertRaises(IllegalTransition):
                            step(job)

    def test_only_a_running_job_loses_its_worker_or_server(self) -> None:
        for step in (Job.postpone, Job.lose_worker, Job.vanish):
            with self.assertRaises(IllegalTransition):
                step(QUEUED)

    def test_a_status_never_runs_backwards(self) -> None:
        order = list(JobStatus)
        for before, following in TRANSITIONS.items():
            for after in following:
                self.assertGreaterEqual(order.index(after), order.index(before))

    def test_a_step_leaves_the_job_it_started_from(self) -> None:
        self.assertEqual(QUEUED.status, JobStatus.QUEUED)
        with self.assertRaises(FrozenInstanceError):
            QUEUED.attempt = 5  # type: ignore[misc]


class CountTests(unittest.TestCase):
    def test_a_start_counts_an_attempt(self) -> None:
        self.assertEqual((RUNNING.attempt, RUNNING.start().attempt), (1, 2))

    def test_a_dead_worker_costs_the_attempt(self) -> None:
        self.assertEqual(RUNNING.lose_worker().start().attempt, 2)

    def test_a_polite_stop_costs_none(self) -> None:
        again = RUNNING.postpone().start()
        self.assertEqual((again.attempt, again.vanished), (1, 0))

    def test_a_vanished_server_counts_apart(self) -> None:
        again = RUNNING.vanish().start()
        self.assertEqual((again.attempt, again.vanished), (1, 1))

    def test_attempts_never_fall_below_none(self) -> None:
        never = replace(RUNNING, attempt=0)
        self.assertEqual((never.postpone().attempt, never.vanish().attempt), (0, 0))

    def test_working_is_true_from_start_to_any_other_step(self) -> None:
        self.assertFalse(QUEUED.working)
        self.assertTrue(RUNNING.working)
        self.assertTrue(RUNNING.start().working)
        for other in (RUNNING.postpone(), RUNNING.lose_worker(), RUNNING.vanish()):
            self.assertFalse(other.working)
        self.assertFalse(SUCCEEDED.working or FAILED.working)

    def test_the_contracts_bounds(self) -> None:
        self.assertEqual((MAX_ATTEMPTS, MAX_VANISHED), (3, 10))


class EndTests(unittest.TestCase):
    def test_success_names_its_result(self) -> None:
        self.assertEqual(
            (SUCCEEDED.output, SUCCEEDED.note, SUCCEEDED.progress, SUCCEEDED.ended_at),
            ("id.png", "", 1.0, 2.0),
        )
        self.assertIsNone(SUCCEEDED.error)

    def test_failure_keeps_what_was_reached(self) -> None:
        failed = RUNNING.fail("timeout", 3.0, 0.4)
        self.assertEqual((failed.error, failed.progress, failed.ended_at), ("timeout", 0.4, 3.0))
        self.assertIsNone(failed.output)

    def test_only_the_contracts_errors(self) -> None:
        with self.assertRaises(ValueError):
            RUNNING.fail("Traceback", 2.0)

    def test_ended(self) -> None:
        self.assertEqual([job.ended for job in JOBS.values()], [False, False, True, True])


if __name__ == "__main__":
    unittest.main()
