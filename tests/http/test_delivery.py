"""delivery: the head of an answer, and files to clients that are quick, slow and gone."""

import asyncio
import os
import socket
import tempfile
import unittest
from collections.abc import Callable
from typing import BinaryIO
from unittest import mock

from restore.contract.units import MIB
from restore.http import delivery
from restore.http.body import ClientGone
from restore.http.delivery import head_of, send_file
from restore.http.limits import DEFAULT_CONNECTION_LIMITS, ConnectionLimits
from restore.http.responses import FileSlice, Response

DATE = "Sun, 22 Nov 2026 19:00:00 GMT"


class HeadTest(unittest.TestCase):
    def test_an_answer_in_memory(self) -> None:
        response = Response(200, (("Content-Type", "a/b"),), b"body")
        self.assertEqual(
            head_of(response, DATE, keep=True),
            b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nDate: " + DATE.encode() + b"\r\n"
            b"Content-Length: 4\r\n\r\n",
        )

    def test_the_length_of_a_file_is_its_slice(self) -> None:
        with tempfile.TemporaryFile() as file:
            head = head_of(Response(206, file=FileSlice(file, 10, 20)), DATE, keep=True)
        self.assertIn(b"\r\nContent-Length: 20\r\n", head)

    def test_an_empty_answer_says_so(self) -> None:
        self.assertIn(b"\r\nContent-Length: 0\r\n", head_of(Response(200), DATE, keep=True))

    def test_what_has_no_content_has_no_length(self) -> None:
        for status in (204, 304):
            self.assertNotIn(b"Content-Length", head_of(Response(status), DATE, keep=True))

    def test_connection(self) -> None:
        for keep, old, said in (
            (True, False, None),
            (True, True, b"keep-alive"),
            (False, False, b"close"),
            (False, True, b"close"),
        ):
            with self.subTest(keep=keep, old=old):
                head = head_of(Response(200), DATE, keep=keep, old=old)
                if said is None:
                    self.assertNotIn(b"Connection", head)
                else:
                    self.assertTrue(head.endswith(b"\r\nConnection: " + said + b"\r\n\r\n"))

    def test_a_header_that_would_split_the_answer_is_a_fault(self) -> None:
        with self.assertRaises(ValueError):
            head_of(Response(200, (("X", "a\r\nB: c"),)), DATE, keep=True)


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
        await send_file(self.transport, FileSlice(self.file, offset, count), limits)

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
            mock.patch.object(delivery, "_until_writable", mock.AsyncMock()),
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
