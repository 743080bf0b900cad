"""What the tests of the form parser share: forms as bytes, a body and a file held in the hand."""

import asyncio
import unittest
from collections.abc import Sequence

from restore.api.form import Form, FormParser
from restore.contract.http import Refusal
from restore.storage.uploads import Chunk

BOUNDARY = b"----X"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 60
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1" + b"\x00" * 100
AVIF = b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1" + b"\x00" * 100
WEBP = b"RIFF\x40\x00\x00\x00WEBPVP8 " + b"\x00" * 60
MAX = 1024 * 1024


def part(name: str, data: bytes | str, *lines: str, filename: str | None = None) -> bytes:
    """One part of a form; `lines` are further header lines."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    head = "\r\n".join([disposition, *lines]).encode()
    return head + b"\r\n\r\n" + (data.encode() if isinstance(data, str) else data)


def image(data: bytes = PNG) -> bytes:
    """The image's part as apps send it."""
    return part("image", data, "Content-Type: image/*", filename="photo")


def form(*parts: bytes) -> bytes:
    """A whole form."""
    begin = b"--" + BOUNDARY
    return b"".join(begin + b"\r\n" + each + b"\r\n" for each in parts) + begin + b"--\r\n"


class FakeBody:
    """A body in given pieces; then its end, or `error`."""

    def __init__(self, pieces: Sequence[bytes | memoryview], error: Exception | None = None):
        self.pieces = list(pieces)
        self.error = error
        self.reads = 0

    async def read(self) -> bytes | memoryview:
        self.reads += 1
        if self.pieces:
            return self.pieces.pop(0)
        if self.error is not None:
            raise self.error
        return b""


class FakeFile:
    """Takes what is written; `gate` holds writes back, `error` fails them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.writes: list[int] = []
        self.complete = False
        self.under_way = 0
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    def write(self, chunks: Sequence[Chunk], last: bool) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.tasks.add(task := asyncio.ensure_future(self._write(b"".join(chunks), last)))

        def end(task: "asyncio.Task[None]") -> None:
            self.tasks.discard(task)
            error = task.exception()
            if future.done():  # nobody waits any more
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        task.add_done_callback(end)
        return future

    async def _write(self, piece: bytes, last: bool) -> None:
        assert not self.under_way, "two writes at a time"
        assert not self.complete, "a write after the last"
        self.under_way += 1
        self.started.set()
        try:
            await self.gate.wait()
            if self.error is not None:
                raise self.error
            self.writes.append(len(piece))
            self.data += piece
            self.complete = last
        finally:
            self.under_way -= 1


class FormParserTestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.file = FakeFile()
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # which makes each await of these many small chunks ten times slower
        self.faults: list[object] = []
        loop.set_exception_handler(lambda _, context: self.faults.append(context))
        self.addCleanup(lambda: self.assertEqual(self.faults, []))

    async def parse_pieces(
        self, pieces: Sequence[bytes | memoryview], most: int = MAX, error: Exception | None = None
    ) -> Form:
        self.body = FakeBody(pieces, error)
        self.file.complete = False
        form = await FormParser(BOUNDARY, most, self.file.write).parse(self.body)
        self.assertTrue(self.file.complete, "no write was the last")
        return form

    async def parse(self, *parts: bytes, most: int = MAX) -> Form:
        return await self.parse_pieces([form(*parts)], most)

    async def assert_refused(
        self, code: str, pieces: Sequence[bytes | memoryview], most: int = MAX
    ) -> Refusal:
        with self.assertRaises(Refusal) as caught:
            await self.parse_pieces(pieces, most)
        self.assertEqual(caught.exception.code, code)
        return caught.exception
