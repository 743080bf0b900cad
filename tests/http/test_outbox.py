"""Answers leave together at the end of a turn, in order, whatever happens to one of them."""

import asyncio
import unittest
from typing import cast

from restore.http.outbox import Outbox


class _Transport:
    """Notes what is done to it."""

    def __init__(self, notes: list[str], name: str, error: OSError | None = None) -> None:
        self._notes = notes
        self._name = name
        self._error = error
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self._notes.append(f"{self._name} {data.decode()}")

    def write_eof(self) -> None:
        self._notes.append(f"{self._name} end")
        if self._error is not None:
            raise self._error


class OutboxTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.notes: list[str] = []

    def transport(self, name: str, error: OSError | None = None) -> asyncio.Transport:
        return cast(asyncio.Transport, _Transport(self.notes, name, error))

    async def test_waits_until_all_that_is_ready_had_its_turn(self) -> None:
        loop = asyncio.get_running_loop()
        outbox, a, b = Outbox(loop), self.transport("a"), self.transport("b")

        def answer(transport: asyncio.Transport, data: bytes) -> None:
            outbox.put(transport, data)
            self.notes.append("answered")

        loop.call_soon(answer, a, b"1")
        loop.call_soon(answer, b, b"2")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.assertEqual(["answered", "answered", "a 1", "b 2"], self.notes)

    async def test_keeps_the_order_on_one_transport(self) -> None:
        outbox, a = Outbox(asyncio.get_running_loop()), self.transport("a")
        outbox.put(a, b"1")
        outbox.put_end(a)
        outbox.flush()
        self.assertEqual(["a 1", "a end"], self.notes)

    async def test_a_flush_leaves_nothing_and_the_next_turn_begins_anew(self) -> None:
        outbox, a = Outbox(asyncio.get_running_loop()), self.transport("a")
        outbox.put(a, b"1")
        outbox.flush()
        outbox.put(a, b"2")
        self.assertEqual(["a 1"], self.notes)
        await asyncio.sleep(0)
        self.assertEqual(["a 1", "a 2"], self.notes)
        await asyncio.sleep(0)
        self.assertEqual(["a 1", "a 2"], self.notes)

    async def test_nothing_is_written_to_a_client_that_was_found_gone(self) -> None:
        outbox, gone = Outbox(asyncio.get_running_loop()), _Transport(self.notes, "a")
        outbox.put(cast(asyncio.Transport, gone), b"1")
        outbox.put(self.transport("b"), b"2")
        gone.closing = True
        outbox.flush()
        self.assertEqual(["b 2"], self.notes)

    async def test_a_client_that_is_gone_keeps_nothing_from_the_others(self) -> None:
        outbox = Outbox(asyncio.get_running_loop())
        outbox.put_end(self.transport("a", OSError()))
        outbox.put(self.transport("b"), b"1")
        outbox.flush()
        self.assertEqual(["a end", "b 1"], self.notes)
