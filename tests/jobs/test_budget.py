"""memory: the estimate and the budget, with the figures they stand for."""

import unittest

from restore.contract.job import MAX_SIDE_PX, UPSCALES
from restore.jobs.budget import PROCESS_MIB, cores_for, estimate_mib, fits


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


class CoresTests(unittest.TestCase):
    PLENTY = 100 * PROCESS_MIB
    LARGE = 12_000_000

    def test_a_job_alone_has_every_core(self) -> None:
        for cores in (1, 2, 8):
            self.assertEqual(cores_for(self.LARGE, 100, [], self.PLENTY, cores), cores)

    def test_beside_others_it_has_its_share_and_never_none(self) -> None:
        found = [
            cores_for(self.LARGE, 100, [100] * running, self.PLENTY, 8) for running in range(10)
        ]
        self.assertEqual(found, [8, 4, 2, 2, 1, 1, 1, 1, 1, 1])

    def test_memory_holds_each_process(self) -> None:
        for left, cores in ((0, 1), (2 * PROCESS_MIB - 1, 1), (3 * PROCESS_MIB, 3), (-500, 1)):
            self.assertEqual(cores_for(self.LARGE, 100, [50], 150 + left, 64), cores)

    def test_a_small_picture_is_not_shared(self) -> None:
        for pixels, cores in ((1, 1), (399_999, 1), (400_000, 2), (1_000_000, 5)):
            self.assertEqual(cores_for(pixels, 100, [], self.PLENTY, 8), cores)


if __name__ == "__main__":
    unittest.main()
