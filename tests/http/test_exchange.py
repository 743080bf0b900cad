"""exchange: the id of a request."""

import unittest

from restore.http.exchange import request_id_of


class RequestIdTest(unittest.TestCase):
    def test_a_sane_one_is_taken(self) -> None:
        for method in ("GET", "POST"):
            self.assertEqual("a-b_c.1", request_id_of(method, "a-b_c.1"))

    def test_a_post_without_gets_one_that_no_other_has(self) -> None:
        ids = {request_id_of("POST", odd) for odd in (None, "", "a b", "x" * 65, "a\n", "ä")}
        self.assertEqual(6, len(ids))
        for own in ids:
            self.assertEqual(own, request_id_of("GET", own))

    def test_any_other_has_none(self) -> None:
        self.assertEqual("", request_id_of("GET", None))
        self.assertEqual("", request_id_of("DELETE", "a b"))


if __name__ == "__main__":
    unittest.main()
