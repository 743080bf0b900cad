"""writer: order, answers sent together, and files to clients that are quick, slow and gone."""

import asyncio
import math
import os
import socket
import tempfile
import unittest
from collections.abc import Callable
from typing import BinaryIO, cast
from unittest import mock

from restore.contract.units import MIB
from restore.http.limits import DEFAULT_CONNECTION_LIMITS, ConnectionLimits
from restore.http.responses import FileSlice
from restore.http.writer import Batch, ClientGone, Writer


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


class BatchTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.notes: list[str] = []

    def transport(self, name: str, error: OSError | None = None) -> asyncio.Transport:
        return cast(asyncio.Transport, _Transport(self.notes, name, error))

    async def test_waits_until_all_that_is_ready_had_its_turn(self) -> None:
        loop = asyncio.get_running_loop()
        batch, a, b = Batch(loop), self.transport("a"), self.transport("b")

        def answer(transport: asyncio.Transport, data: bytes) -> None:
            batch.put(transport, data)
            self.notes.append("answered")

        loop.call_soon(answer, a, b"1")
        loop.call_soon(answer, b, b"2")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.assertEqual(["answered", "answered", "a 1", "b 2"], self.notes)

    async def test_keeps_the_order_on_one_transport(self) -> None:
        batch, a = Batch(asyncio.get_running_loop()), self.transport("a")
        batch.put(a, b"1")
        batch.put(a, b"")
        batch.flush()
        self.assertEqual(["a 1", "a end"], self.notes)

    async def test_a_flush_leaves_nothing_and_the_next_turn_begins_anew(self) -> None:
        batch, a = Batch(asyncio.get_running_loop()), self.transport("a")
        batch.put(a, b"1")
        batch.flush()
        batch.put(a, b"2")
        self.assertEqual(["a 1"], self.notes)
        await asyncio.sleep(0)
        self.assertEqual(["a 1", "a 2"], self.notes)
        await asyncio.sleep(0)
        self.assertEqual(["a 1", "a 2"], self.notes)

    async def test_nothing_is_written_to_a_client_that_was_found_gone(self) -> None:
        batch, gone = Batch(asyncio.get_running_loop()), _Transport(self.notes, "a")
        batch.put(cast(asyncio.Transport, gone), b"1")
        batch.put(self.transport("b"), b"2")
        gone.closing = True
        batch.flush()
        self.assertEqual(["b 2"], self.notes)

    async def test_a_client_that_is_gone_keeps_nothing_from_the_others(self) -> None:
        batch = Batch(asyncio.get_running_loop())
        batch.put(self.transport("a", OSError()), b"")
        batch.put(self.transport("b"), b"1")
        batch.flush()
        self.assertEqual(["a end", "b 1"], self.notes)


class WriterTest(unittest.IsolatedAsyncioTestCase):
    """Against a transport that writes down what is asked of it."""

    async def asyncSetUp(self) -> None:
        self.transport = mock.Mock()
        self.transport.is_closing.return_value = False
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # which would find these seconds slow
        self.now = 1000.0
        self.enterContext(mock.patch.object(loop, "time", lambda: self.now))
        limits = ConnectionLimits(write_stall_s=10.0, write_min_bytes_per_s=100.0)
        self.writer = Writer(self.transport, Batch(loop), limits)

    def calls(self) -> list[str]:
        names = ("write", "write_eof", "close", "abort")
        return [name for name, _, _ in self.transport.method_calls if name in names]

    async def test_what_was_written_leaves_before_a_close(self) -> None:
        self.writer.write(b"answer")
        self.writer.close()
        self.assertEqual(["write", "close"], self.calls())

    async def test_what_was_written_leaves_before_an_abort(self) -> None:
        self.writer.write(b"answer")
        self.writer.write_eof()
        self.writer.abort()
        self.assertEqual(["write", "write_eof", "abort"], self.calls())

    async def test_no_descriptor_to_read_from_while_paused(self) -> None:
        self.transport.is_reading.return_value = False
        self.assertIsNone(self.writer.reads_from)
        self.transport.is_reading.return_value = True
        self.transport.get_extra_info.return_value.fileno.return_value = 7
        self.assertEqual(7, self.writer.reads_from)

    def fill(self, unsent: int) -> None:
        self.transport.get_write_buffer_size.return_value = unsent

    async def test_a_client_that_keeps_up_has_no_deadline(self) -> None:
        self.assertEqual((False, math.inf), (self.writer.lags, self.writer.deadline))
        self.fill(0)  # as asyncio may call it at a mark of 0
        self.writer.on_full()
        self.assertEqual((True, 1010.0), (self.writer.lags, self.writer.deadline))
        self.writer.on_drained()
        self.assertEqual((False, math.inf), (self.writer.lags, self.writer.deadline))

    async def test_a_client_that_takes_enough_has_more_time(self) -> None:
        self.fill(5000)
        self.writer.on_full()
        for unsent in (4000, 3000):
            self.now += 10.0
            self.fill(unsent)
            self.writer.on_deadline()
            self.assertEqual(([], self.now + 10.0), (self.calls(), self.writer.deadline))
        self.fill(2001)
        self.writer.on_deadline()
        self.assertEqual(["abort"], self.calls())


class SendFileTest(unittest.IsolatedAsyncioTestCase):
    SIZE = 8 * MIB  # more than the kernel takes for a client that doesn't read

    async def asyncSetUp(self) -> None:
        self.file: BinaryIO = self.enterContext(tempfile.TemporaryFile(buffering=0))
        self.content = os.urandom(MIB) * (self.SIZE // MIB)
        self.file.write(self.content)
        loop = asyncio.get_running_loop()
        made: asyncio.Future[asyncio.Transport] = loop.create_future()

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                made.set_result(transport)

        server = await loop.create_server(Protocol, "127.0.0.1", 0)
        self.client = socket.create_connection(server.sockets[0].getsockname())
        self.addCleanup(self.client.close)
        self.transport = await made
        server.close()
        self.open_before = self.open_descriptors()

    async def asyncTearDown(self) -> None:
        self.transport.abort()

    def open_descriptors(self) -> int:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208

    def read_all(self, count: int) -> bytes:
        self.client.settimeout(20)
        found = bytearray()
        while len(found) < count and (piece := self.client.recv(1 << 20)):
            found += piece
        return bytes(found)

    async def send(
        self, offset: int, count: int, limits: ConnectionLimits = DEFAULT_CONNECTION_LIMITS
    ) -> None:
        batch = Batch(asyncio.get_running_loop())
        await Writer(self.transport, batch, limits).send_file(FileSlice(self.file, offset, count))

    async def assert_arrives(self, offset: int, count: int, before: bytes = b"") -> None:
        reading = asyncio.ensure_future(asyncio.to_thread(self.read_all, len(before) + count))
        await self.send(offset, count)
        self.assertTrue(await reading == before + self.content[offset : offset + count])
        self.assertEqual(self.open_descriptors(), self.open_before)

    async def test_the_whole_file(self) -> None:
        await self.assert_arrives(0, self.SIZE)

    async def test_parts(self) -> None:
        for offset, count in ((0, 1), (5, 4096), (7, 4097), (self.SIZE - 1, 1), (1000, 3_000_000)):
            with self.subTest(offset, count=count):
                await self.assert_arrives(offset, count)

    async def test_it_comes_behind_what_was_written_before(self) -> None:
        """Even where that is more than the kernel takes at once."""
        before = b"h" * self.SIZE
        self.transport.write(before)
        self.assertGreater(self.transport.get_write_buffer_size(), 0)
        await self.assert_arrives(0, self.SIZE, before)

    async def test_the_connection_serves_on_afterwards(self) -> None:
        await self.assert_arrives(0, 100_000)
        self.transport.write(b"next")
        self.assertEqual(await asyncio.to_thread(self.read_all, 4), b"next")
        await self.assert_arrives(50, 100_000)

    async def assert_gone(
        self,
        limits: ConnectionLimits = DEFAULT_CONNECTION_LIMITS,
        act: Callable[[], object] = lambda: None,
    ) -> None:
        """Send while `act` happens in the middle, and see it end with ClientGone."""
        sending = asyncio.ensure_future(self.send(0, self.SIZE, limits))
        stuck = await self.stuck()
        self.assertTrue(stuck)
        act()
        async with asyncio.timeout(20):
            with self.assertRaises(ClientGone):
                await sending
        self.assertLessEqual(self.open_descriptors(), self.open_before)

    async def stuck(self) -> bool:
        """Read a little and wait for the first bytes, so that sending is under way."""
        return len(await asyncio.to_thread(self.client.recv, 1000)) > 0

    async def test_a_client_that_takes_nothing(self) -> None:
        await self.assert_gone(ConnectionLimits(write_stall_s=0.2))

    async def test_a_client_that_takes_nothing_of_what_comes_before(self) -> None:
        self.transport.write(b"h" * self.SIZE)
        await self.assert_gone(ConnectionLimits(write_stall_s=0.2))

    async def test_a_client_that_leaves(self) -> None:
        await self.assert_gone(act=self.client.close)

    async def test_a_client_that_is_too_slow(self) -> None:
        """It takes bytes in time, but on the whole too few of them."""
        no_grace = ConnectionLimits(write_stall_s=-1.0, write_min_bytes_per_s=1 << 40)
        with (
            mock.patch.object(Writer, "_until_writable", mock.AsyncMock()),
            self.assertRaises(ClientGone),
        ):
            await self.send(0, self.SIZE, no_grace)

    async def test_a_file_that_got_shorter(self) -> None:
        self.file.truncate(5000)
        with self.assertRaises(ClientGone):
            await self.send(0, self.SIZE)
        self.assertEqual(len(await asyncio.to_thread(self.read_all, 5000)), 5000)

    async def test_a_connection_that_is_closing(self) -> None:
        self.transport.abort()
        with self.assertRaises(ClientGone):
            await self.send(0, self.SIZE)
        await asyncio.sleep(0)  # now it is closed
        with self.assertRaises(ClientGone):
            await self.send(0, self.SIZE)

    async def test_a_server_that_ends_the_connection(self) -> None:
        """Nothing more is sent, though our own descriptor is still open."""
        sending = asyncio.ensure_future(self.send(0, self.SIZE))
        await self.stuck()
        self.transport.abort()
        reading = asyncio.ensure_future(asyncio.to_thread(self.read_all, self.SIZE))
        with self.assertRaises(ClientGone):
            await sending
        self.assertLess(len(await reading), self.SIZE - 1000)

    async def test_a_cancel_leaves_no_descriptor(self) -> None:
        sending = asyncio.ensure_future(self.send(0, self.SIZE))
        await self.stuck()
        sending.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await sending
        self.assertEqual(self.open_descriptors(), self.open_before)

    async def test_a_descriptor_that_was_writable_and_is_not(self) -> None:
        """The next try waits again, and nothing is lost."""
        sendfile, refused = os.sendfile, [True, True]

        def once_more(*arguments: int) -> int:
            if refused.pop() if refused else False:
                raise BlockingIOError
            return sendfile(*arguments)

        reading = asyncio.ensure_future(asyncio.to_thread(self.read_all, 300_000))
        with mock.patch.object(os, "sendfile", once_more):
            await self.send(0, 300_000)
        self.assertTrue(await reading == self.content[:300_000])
        self.assertEqual(refused, [])
