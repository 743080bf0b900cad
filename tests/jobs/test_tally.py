"""tally: what is counted is tried in test_events and tests/api/test_metrics."""

import unittest

from restore.jobs import Tally


class TallyTest(unittest.TestCase):
    def test_two_share_nothing(self) -> None:
        first, second = Tally(), Tally()
        first.waits.observe(1.0)
        first.ended["timeout"] += 1
        self.assertEqual((0, 0), (sum(second.waits.counts), sum(second.ended.values())))
        self.assertEqual(0, sum(first.durations.counts))


if __name__ == "__main__":
    unittest.main()
