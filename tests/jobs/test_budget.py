"""memory: the estimate and the budget, with the figures they stand for."""

import unittest

from restore.contract.job import MAX_SIDE_PX, UPSCALES
from restore.jobs.budget import estimate_mib, fits


class EstimateTests(unittest.TestCase):
    def test_a_small_picture_needs_little_more_than_the_child_itself(self) -> None:
        self.assertEqual(estimate_mib(1, 1, 1), 58)

    def test_every_pixel_of_the_output_counts(self) -> None:
        self.assertEqual(estimate_mib(1000, 1000, 1), 153)
        self.assertEqual(estimate_mib(500, 500, 2), 153)
        self.assertEqual(estimate_mib(250, 250, 4), 153)

    def test_strips_cap_the_largest(self) -> None:
        self.assertEqual(estimate_mib(MAX_SIDE_PX, MAX_SIDE_PX, max(UPSCALES)), 1526)

    def test_never_less_for_more(self) -> None:
        sides = (1, 100, 1000, 2000, MAX_SIDE_PX)
        estimates = [estimate_mib(side, side, 1) for side in sides]
        self.assertEqual(estimates, sorted(estimates))


class FitsTests(unittest.TestCase):
    def test_the_sum_may_reach_the_budget_but_not_pass_it(self) -> None:
        self.assertTrue(fits(40, [30, 30], 100))
        self.assertFalse(fits(41, [30, 30], 100))

    def test_larger_than_the_budget_runs_alone(self) -> None:
        self.assertTrue(fits(500, [], 100))
        self.assertFalse(fits(500, [1], 100))

    def test_nothing_fits_beside_a_job_larger_than_the_budget(self) -> None:
        self.assertFalse(fits(1, [500], 100))


if __name__ == "__main__":
    unittest.main()
