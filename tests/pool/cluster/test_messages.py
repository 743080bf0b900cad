"""A machine that differs from its server is refused in a sentence; it needs no Dask."""

import unittest

from restore.pool.cluster.messages import Facts

SERVER = Facts("generic", "restoration/classic", "0.2.0", "3.11")


class FactsTest(unittest.TestCase):
    def test_alike_it_serves(self) -> None:
        self.assertEqual("", SERVER._replace().unlike(SERVER))

    def test_each_difference_has_its_sentence(self) -> None:
        for machine, sentence in (
            (
                SERVER._replace(provider="dummy"),
                "PROVIDER dummy, and the server has PROVIDER generic",
            ),
            (SERVER._replace(models="a, b"), "the models a, b, and the server has the models rest"),
            (SERVER._replace(version="0.1.0"), "restore 0.1.0, and the server has restore 0.2.0"),
            (SERVER._replace(python="3.12"), "Python 3.12, and the server has Python 3.11"),
        ):
            with self.subTest(sentence):
                self.assertIn(f"It has {sentence}", machine.unlike(SERVER))
