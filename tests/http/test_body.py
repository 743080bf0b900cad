"""body: bytes as they are asked for, pauses, deadlines and clients that leave."""

import asyncio
import math
import unittest
from collections.abc import Awaitable
from itertools import pairwise
from typing import cast
from unittest import mock

from restore.contract.http import Refusal
from restore.http import http11
from restore.http.body import NO_BODY, RequestBody
from restore.http.limits import DEFAULT_CONNECTION_LIMITS as LIMITS
from restore.http.writer import ClientGone, Writer


class FakeWriter:
    """Writes down what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self._reads = True

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def pause_reading(self) -> None:
        if self._reads:  # both do nothing the second time, as asyncio's
            self.calls.append("pause")
        self._reads = False

    def resume_reading(self) -> None:
        if not self._reads:
            self.calls.append("resume")
        self._reads = True


class RequestBodyTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.now = 1000.0
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # which would find these hours slow
        patch = mock.patch.object(loop, "time", lambda: self.now)
        patch.start()
        self.addCleanup(patch.stop)

    def begin(self, body: bytes = b"", length: int = 10, *, expect: bool = False) -> None:
        self.http = http11.Connection()
        self.writer = FakeWriter()
        head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()
        self.http.receive_data(head + body)
        self.assertIsInstance(self.http.next_event(), http11.Request)
        writer = cast(Writer, self.writer)
        self.body = RequestBody(self.http, writer, expect)

    def arrive(self, data: bytes) -> None:
        self.http.receive_data(data)
        self.body.on_bytes(len(data))

    async def waiting(self) -> "asyncio.Future[bytes | memoryview]":
        """A read that has begun and waits."""
        reading = asyncio.ensure_future(self.body.read())
        await self.turn()
        self.assertFalse(reading.done())
        return reading

    async def turn(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    async def result(self, reading: Awaitable[bytes | memoryview]) -> bytes:
        return bytes(await reading)

    async def test_what_is_there_already(self) -> None:
        self.begin(b"0123456789")
        self.assertEqual(await self.result(self.body.read()), b"0123456789")
        self.assertEqual(await self.body.read(), b"")
        self.assertEqual(await self.body.read(), b"")
        self.assertEqual(self.writer.calls, [])

    async def test_no_body(self) -> None:
        self.begin(length=0)
        self.assertEqual(await self.body.read(), b"")

    async def test_the_body_of_a_request_that_has_none(self) -> None:
        self.assertEqual(await NO_BODY.read(), b"")

    async def test_bytes_that_come_later(self) -> None:
        self.begin(b"01234")
        self.assertEqual(await self.result(self.body.read()), b"01234")
        reading = await self.waiting()
        self.arrive(b"567")
        self.assertEqual(await self.result(reading), b"567")
        reading = await self.waiting()
        self.arrive(b"8")
        self.arrive(b"9")
        self.assertEqual(await self.result(reading) + await self.result(self.body.read()), b"89")
        self.assertEqual(await self.body.read(), b"")

    async def test_a_continue_goes_out_with_the_first_read_only(self) -> None:
        self.begin(expect=True)
        reading = await self.waiting()
        self.arrive(b"01234")
        await reading
        self.arrive(b"56789")
        await self.body.read()
        self.assertEqual(self.writer.calls, [http11.CONTINUE])

    async def test_no_continue_to_a_client_that_has_left(self) -> None:
        self.begin(expect=True)
        self.body.on_lost()
        with self.assertRaises(ClientGone):
            await self.body.read()
        self.assertEqual(self.writer.calls, [])

    async def test_no_continue_to_a_client_that_sends_already(self) -> None:
        self.begin(b"01234", expect=True)
        self.assertEqual(await self.result(self.body.read()), b"01234")
        await self.waiting()
        self.assertEqual(self.writer.calls, [])

    async def test_no_continue_to_a_client_whose_first_chunk_is_on_its_way(self) -> None:
        self.begin(expect=True)
        self.http = http11.Connection()
        self.http.receive_data(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r"
        )
        self.http.next_event()
        self.body = RequestBody(self.http, cast(Writer, self.writer), True)
        reading = await self.waiting()
        self.assertEqual(self.writer.calls, [])
        self.arrive(b"\n01234\r\n")
        self.assertEqual(await self.result(reading), b"01234")

    async def test_who_sends_without_a_pause_leaves_the_others_their_turn(self) -> None:
        self.begin(length=1000)
        turns: list[int] = []
        reads = 0

        async def other() -> None:
            while True:
                turns.append(reads)
                await asyncio.sleep(0)

        others = asyncio.ensure_future(other())
        for _ in range(40):
            self.arrive(b"x")
            await self.body.read()
            reads += 1
        others.cancel()
        gaps = [after - before for before, after in pairwise(turns)]
        self.assertGreaterEqual(len(gaps), 3)
        self.assertLessEqual(max(gaps), 8)

    async def test_no_continue_without_a_read(self) -> None:
        self.begin(expect=True)
        self.arrive(b"0")
        self.assertEqual(self.writer.calls, [])

    async def test_a_client_that_sends_faster_than_is_read(self) -> None:
        """Nobody waits for it, so its connection pauses; only the next wait goes on reading."""
        self.begin(length=30)
        self.http.receive_data(b"0123456789")
        self.assertFalse(self.body.on_bytes(10))
        self.writer.pause_reading()
        await self.body.read()
        self.assertEqual(self.writer.calls, ["pause"])
        reading = await self.waiting()
        self.assertEqual(self.writer.calls, ["pause", "resume"])
        self.http.receive_data(b"0123456789")
        self.assertTrue(self.body.on_bytes(10))
        await reading

    async def test_a_client_that_leaves_while_it_is_waited_for(self) -> None:
        self.begin()
        reading = await self.waiting()
        self.body.on_lost()
        self.body.on_deadline()
        with self.assertRaises(ClientGone):
            await reading
        with self.assertRaises(ClientGone):
            await self.body.read()

    async def test_a_client_that_ends_in_the_middle(self) -> None:
        self.begin(b"0123")
        await self.body.read()
        reading = await self.waiting()
        self.http.receive_data(b"")
        self.body.on_bytes(0)
        with self.assertRaises(http11.ProtocolError) as caught:
            await reading
        self.assertEqual(caught.exception.status, 400)

    async def test_bytes_then_loss_in_one_turn(self) -> None:
        self.begin()
        reading = await self.waiting()
        self.arrive(b"0123456789")
        self.body.on_lost()
        self.assertEqual(await self.result(reading), b"0123456789")
        self.assertEqual(await self.body.read(), b"")

    async def test_a_cancelled_wait_leaves_nothing_behind(self) -> None:
        self.begin()
        reading = await self.waiting()
        reading.cancel()
        await self.turn()
        self.assertEqual(self.body.deadline, math.inf)
        self.arrive(b"0123456789")
        self.assertEqual(await self.result(self.body.read()), b"0123456789")

    async def test_many_small_chunks_leave_the_others_their_turn(self) -> None:
        """64 KiB of chunks of one byte are 50 ms of work (3.11.7, 2026-11-22)."""
        self.http = http11.Connection()
        self.http.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.http.next_event()
        self.body = RequestBody(self.http, cast(Writer, FakeWriter()), False)
        self.arrive(b"1\r\na\r\n" * 10_000 + b"0\r\n\r\n")
        reading = asyncio.ensure_future(self.read_all())
        turns = 0
        while not reading.done():
            turns += 1
            await asyncio.sleep(0)
        self.assertEqual(await reading, 10_000)
        self.assertGreater(turns, 8)

    async def read_all(self) -> int:
        count = 0
        while chunk := await self.body.read():
            count += len(chunk)
        return count

    # -- deadlines

    async def test_a_deadline_runs_only_while_it_waits(self) -> None:
        self.begin()
        self.assertEqual(self.body.deadline, math.inf)
        self.body.on_deadline()
        reading = await self.waiting()
        self.assertEqual(self.body.deadline, self.now + LIMITS.body_stall_s)
        self.arrive(b"0")
        await reading
        self.assertEqual(self.body.deadline, math.inf)

    async def test_a_client_that_stops_is_told_so(self) -> None:
        self.begin()
        reading = await self.waiting()
        self.body.on_deadline()
        with self.assertRaises(Refusal) as caught:
            await reading
        self.assertEqual((caught.exception.status, self.body.deadline), (408, math.inf))

    async def test_a_client_that_drips_has_the_time_of_its_bytes(self) -> None:
        """A byte a second is not enough, however long it goes on."""
        self.begin(length=1000)
        began = self.now
        for received in range(15):
            reading = await self.waiting()
            owed_s = received / LIMITS.body_min_bytes_per_s
            latest = min(self.now + LIMITS.body_stall_s, began + LIMITS.body_grace_s + owed_s)
            self.assertAlmostEqual(self.body.deadline, latest)
            self.now += 1
            self.arrive(b"x")
            await reading
        self.assertLess(latest, began + LIMITS.body_grace_s + 1)

    async def test_time_in_which_nobody_waited_for_the_client_is_not_its_own(self) -> None:
        """A disk that took a minute for the last piece makes no client slow."""
        self.begin(length=1000)
        for _ in range(3):
            reading = await self.waiting()
            self.assertGreater(self.body.deadline, self.now + LIMITS.body_stall_s - 1)
            self.arrive(b"x")
            await reading
            self.now += 60

    async def test_a_slow_client_that_is_fast_enough(self) -> None:
        self.begin(length=1 << 30)
        for _ in range(200):
            reading = await self.waiting()
            self.assertGreater(self.body.deadline, self.now + 10)
            self.now += 10
            self.arrive(bytes(int(LIMITS.body_min_bytes_per_s) * 10))
            await reading
