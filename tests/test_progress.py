"""progress: what a provider says reaches whoever listens, and nobody else."""

import math
import unittest
from contextvars import copy_context
from threading import Thread

from restore.progress import Listener, listening, note, report


class ProgressTest(unittest.TestCase):
    def setUp(self) -> None:
        self.fractions: list[float] = []
        self.notes: list[str] = []
        self.listener = Listener(self.fractions.append, self.notes.append)

    def test_bare_calls_do_nothing(self) -> None:
        report(0.5)
        note("nobody hears this")
        with listening(self.listener):
            pass
        report(0.5)
        note("nor this")
        self.assertEqual((self.fractions, self.notes), ([], []))

    def test_what_is_said_is_heard(self) -> None:
        with listening(self.listener):
            report(0.25)
            note("grain found")
            report(1)
        self.assertEqual((self.fractions, self.notes), ([0.25, 1.0], ["grain found"]))

    def test_fractions_are_clamped(self) -> None:
        with listening(self.listener):
            for fraction in (-1.0, 2.0, math.nan, math.inf, -math.inf):
                report(fraction)
        self.assertEqual(self.fractions, [0.0, 1.0, 0.0, 1.0, 0.0])

    def test_the_inner_listener_hears_until_its_block_ends(self) -> None:
        inner: list[float] = []
        with listening(self.listener):
            with self.assertRaises(ZeroDivisionError), listening(Listener(inner.append, print)):
                report(0.1)
                raise ZeroDivisionError
            report(0.2)
        self.assertEqual((inner, self.fractions), ([0.1], [0.2]))

    def test_a_thread_is_heard_in_a_copy_of_the_context(self) -> None:
        with listening(self.listener):
            for target, fraction in ((report, 0.1), (copy_context().run, 0.2)):
                arguments = (fraction,) if target is report else (report, fraction)
                thread = Thread(target=target, args=arguments)
                thread.start()
                thread.join()
        self.assertEqual(self.fractions, [0.2])
