"""exchange: the id of a request."""

import unittest

from restore.http.exchange import request_id_of


class RequestIdTest(unittest.TestCase):
    def test_a_sane_one_is_taken(self) -> None:
        self.assertEqual("a-b_c.1", request_id_of("a-b_c.1"))

    def test_any_other_request_gets_one_that_no_other_has(self) -> None:
        ids = {request_id_of(odd) for odd in (None, "", "a b", "x" * 65, "a\n", "ä")}
        self.assertEqual(6, len(ids))
        for own in ids:
            self.assertEqual(own, request_id_of(own))


if __name__ == "__main__":
    unittest.main()
