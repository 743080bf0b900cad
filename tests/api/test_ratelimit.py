"""ratelimit: the bucket, with a clock of its own."""

import random
import unittest

from restore.api.ratelimit import RateLimiter


class RateLimiterTest(unittest.TestCase):
    def test_a_burst_then_an_even_refill(self) -> None:
        limiter = RateLimiter(10)
        self.assertEqual([limiter.take("a", 100.0) for _ in range(10)], [0] * 10)
        self.assertEqual(limiter.take("a", 100.0), 6)
        self.assertEqual(limiter.take("a", 103.5), 3)
        self.assertEqual(limiter.take("a", 105.9), 1)
        self.assertEqual(limiter.take("a", 106.0), 0)
        self.assertEqual(limiter.take("a", 106.0), 6)

    def test_a_full_bucket_holds_no_more(self) -> None:
        limiter = RateLimiter(2)
        limiter.take("a", 0.0)
        taken = [limiter.take("a", 1e6) for _ in range(3)]
        self.assertEqual(taken, [0, 0, 30])

    def test_never_more_than_the_mean_and_a_burst(self) -> None:
        chance = random.Random(7)
        limiter, now, admitted = RateLimiter(30), 0.0, 0
        while now < 600.0:
            admitted += limiter.take("a", now) == 0
            now += chance.random() * 0.5
        self.assertIn(admitted, range(328, 331))  # 10 minutes of 30, and the 30 of the start

    def test_who_waits_as_told_is_admitted(self) -> None:
        chance = random.Random(11)
        for per_minute in (1, 2, 3, 7, 10, 13, 60, 90, 1000):
            limiter, now = RateLimiter(per_minute), 1e5 + chance.random()
            for _ in range(300):
                wait_s = limiter.take("a", now)
                with self.subTest(per_minute, now=now):
                    self.assertGreaterEqual(wait_s, 0)
                    self.assertIsInstance(wait_s, int)
                    if wait_s:
                        self.assertEqual(limiter.take("a", now + wait_s), 0)
                        now += wait_s
                now += chance.random() * 0.02

    def test_addresses_are_apart(self) -> None:
        limiter = RateLimiter(1)
        self.assertEqual(limiter.take("a", 0.0), 0)
        self.assertEqual(limiter.take("b", 0.0), 0)
        self.assertEqual(limiter.take("a", 0.0), 60)

    def test_zero_turns_it_off(self) -> None:
        limiter = RateLimiter(0)
        self.assertEqual([limiter.take("a", 0.0) for _ in range(1000)], [0] * 1000)
        self.assertEqual(len(limiter), 0)

    def test_a_clock_that_stands_or_goes_back_gives_nothing(self) -> None:
        limiter = RateLimiter(1)
        limiter.take("a", 50.0)
        self.assertEqual(limiter.take("a", 10.0), 60)
        self.assertEqual(limiter.take("a", 69.0), 1)

    def test_full_buckets_are_forgotten(self) -> None:
        limiter = RateLimiter(5)
        for number in range(100):
            limiter.take(str(number), 0.0)
        self.assertEqual(len(limiter), 100)
        limiter.take("new", 60.0)
        self.assertEqual(len(limiter), 1)

    def test_the_table_is_bounded_and_the_longest_unseen_gives_way(self) -> None:
        limiter = RateLimiter(1, max_addresses=3)
        for address in "abc":
            limiter.take(address, 0.0)
        limiter.take("a", 1.0)
        limiter.take("d", 1.0)
        self.assertEqual(len(limiter), 3)
        self.assertEqual(limiter.take("a", 1.0), 59)
        self.assertEqual(limiter.take("c", 1.0), 59)
        self.assertEqual(limiter.take("b", 1.0), 0)

    def test_a_known_address_pushes_nobody_out(self) -> None:
        limiter = RateLimiter(1, max_addresses=2)
        limiter.take("a", 0.0)
        limiter.take("b", 0.0)
        for _ in range(3):
            self.assertEqual(limiter.take("a", 0.0), 60)
            self.assertEqual(limiter.take("b", 0.0), 60)


class HeadersTest(unittest.TestCase):
    def test_what_is_left_and_when_it_is_full_again(self) -> None:
        limiter = RateLimiter(10)
        for now, left in ((0.0, "r=9;t=6"), (0.0, "r=8;t=12"), (6.0, "r=8;t=12")):
            limiter.take("a", now)
            self.assertEqual(f'"uploads";{left}', dict(limiter.headers("a", now))["RateLimit"])
        self.assertEqual('"uploads";r=10;t=0', dict(limiter.headers("b", 6.0))["RateLimit"])
        self.assertEqual((), RateLimiter(0).headers("a", 0.0))
