"""init: only process 1 is divided; what it does is tried in tests/system/test_surroundings.py."""

import os
import unittest
from unittest import mock

from restore.app import init


class ElsewhereTest(unittest.TestCase):
    def test_any_other_process_stays_one(self) -> None:
        with mock.patch.object(os, "fork") as fork:
            init.leave_first_process()
        fork.assert_not_called()


if __name__ == "__main__":
    unittest.main()
