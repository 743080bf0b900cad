"""SIGKILL at random moments, for server, group or worker: every promise is kept.

The dice are new in each run; a failure names their seed, and RESTORE_TEST_SEED repeats it. With
RESTORE_LONG_TESTS=1 the loops take minutes instead of seconds.
"""

import os
import random
import signal
import threading
import unittest
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import cycle

from tests.support.promises import LONG, Promises, assert_gone, crew, rows, seed, workers
from tests.support.service import Service, wait_until

ROUNDS = 200 if LONG else 3
KILLS = 1500 if LONG else 25


class KillLoop(unittest.TestCase):
    def setUp(self) -> None:
        self.seed = seed()
        self.dice = random.Random(self.seed)
        self.service = Service(DUMMY_DELAY_S="0-0.2", SHUTDOWN_GRACE_S="0.1")
        self.addCleanup(self.service.__exit__)

    def let_pass(self, most_s: float) -> None:
        """A throw of the dice: the moment that a kill meets. Nothing is waited for."""
        threading.Event().wait(self.dice.random() ** 2 * most_s)

    def loop(self, let_go: Callable[[], None]) -> None:
        """Let the server go again and again under load, and then look at every promise."""
        self.service.start()
        promises = Promises(self.service, self.seed)
        with self.subTest(seed=self.seed), promises.begin(uploaders=6, quitters=2):
            for count in range(1, ROUNDS + 1):
                wait_until(partial(promises.has, 6 * count), "uploads to be taken")
                self.let_pass(0.5)
                promises.life += 1
                let_go()
                assert_gone(self.service)
                self.kill_during_start()
                self.service.start()
            promises.end()
            promises.settle()

    def kill_during_start(self) -> None:
        """Now and then the next server gets no further than somewhere in its start."""
        if self.dice.random() < 0.4:
            self.service.launch()
            self.let_pass(2.0)
            self.kill_server()
            assert_gone(self.service)

    def kill_server(self) -> None:
        self.service.signal(signal.SIGKILL)
        self.service.wait()


class KillTest(KillLoop):
    def test_server_and_group(self) -> None:
        """A polite stop comes among the crashes: neither may spoil what the other left."""
        ways = [self.kill_server, self.stop_politely, self.service.kill_group]
        turns = cycle(ways)
        self.loop(lambda: next(turns)())

    def stop_politely(self) -> None:
        self.assertEqual(0, self.service.stop())

    def test_everything_but_the_server(self) -> None:
        """Workers, the inspector, the fork server, the tracker: no job pays for another's death."""
        self.service.start()
        promises = Promises(self.service, self.seed)
        promises.pardoned = frozenset({"image_unreadable"})  # the inspector, twice over one upload
        with self.subTest(seed=self.seed), promises:
            for count in range(KILLS):
                wait_until(partial(promises.has, count // 4), "uploads to be taken")
                self.let_pass(0.1)
                victims = workers(self.service)
                if self.dice.random() < 0.2:
                    victims = [pid for pid in crew(self.service) if pid != self.service.pid]
                with suppress(ProcessLookupError, IndexError):  # between two lives
                    os.kill(self.dice.choice(victims), signal.SIGKILL)
            promises.end()
            promises.settle(may_fail=frozenset({"worker_died"}))
            vanished = rows(self.service, "SELECT count(*) FROM jobs WHERE vanished > 0")
            self.assertEqual([(0,)], vanished)


if __name__ == "__main__":
    unittest.main()
