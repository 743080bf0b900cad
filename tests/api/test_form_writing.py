"""formparser: how an image reaches the disk, and what becomes of a write under a refusal."""

import asyncio
from collections.abc import Callable, Sequence

from restore.api import limits
from restore.api.form import FormParser
from restore.storage.uploads import Chunk
from tests.support.formparser_testcase import (
    BOUNDARY,
    JPEG,
    PNG,
    FakeBody,
    FakeFile,
    FormParserTestCase,
    form,
    image,
)


class WritingTest(FormParserTestCase):
    DATA = JPEG + bytes(limits.WRITE_BYTES * 3)

    def pieces(self, data: bytes, size: int = 1 << 16) -> list[bytes]:
        whole = form(image(data))
        return [whole[at : at + size] for at in range(0, len(whole), size)]

    async def test_few_large_writes_however_it_arrives(self) -> None:
        for size in (999, 1 << 16, 1 << 20):
            self.file = FakeFile()
            await self.parse_pieces(self.pieces(self.DATA, size), 1 << 30)
            self.assertEqual(self.file.data, self.DATA)
            self.assertLessEqual(len(self.file.writes), 5)
            self.assertLess(self.file.writes[0], limits.WRITE_BYTES // 2 + size)

    async def test_the_next_piece_arrives_while_one_is_written(self) -> None:
        self.file.gate.clear()
        parsing = asyncio.ensure_future(self.parse_pieces(self.pieces(self.DATA), 1 << 30))
        await self.file.started.wait()
        await self.quiet()
        held = self.body.reads * (1 << 16)
        self.assertGreaterEqual(held, limits.WRITE_BYTES)
        self.assertLess(held, limits.WRITE_BYTES * 2)  # and no more than that one
        self.assertFalse(parsing.done())
        self.file.gate.set()
        await parsing
        self.assertEqual(self.file.data, self.DATA)

    async def quiet(self) -> None:
        """Let everything that can go on go on."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def test_the_last_write_is_waited_for(self) -> None:
        self.file.gate.clear()
        parsing = asyncio.ensure_future(self.parse_pieces(self.pieces(PNG)))
        await self.file.started.wait()
        await self.quiet()
        self.assertFalse(parsing.done())
        self.file.gate.set()
        self.assertEqual((await parsing).image_bytes, len(PNG))

    async def under_a_write(self, pieces: list[bytes], act: Callable[[], object]) -> BaseException:
        """Parse until the first write is under way and stuck, `act`; then let the write go."""
        self.file.gate.clear()
        parsing = asyncio.ensure_future(self.parse_pieces(pieces, 1 << 30))
        await self.file.started.wait()
        await self.quiet()
        act()
        try:
            await asyncio.wait_for(asyncio.shield(parsing), 10)
        except BaseException as error:
            self.assertEqual(self.file.under_way, 1)
            self.file.gate.set()
            await self.quiet()
            return error
        raise AssertionError("not refused")

    async def test_a_refusal_does_not_wait_for_the_write_under_way(self) -> None:
        whole = b"".join(self.pieces(JPEG + bytes(limits.WRITE_BYTES)))
        repeated = whole[:-4] + form(image())[len(BOUNDARY) + 2 :]
        error = await self.under_a_write([repeated], lambda: None)
        self.assertEqual(str(error), "image_repeated")

    async def test_a_refusal_over_a_write_that_fails(self) -> None:
        """The refusal stands; the failure is neither raised nor left for the log."""
        whole = b"".join(self.pieces(JPEG + bytes(limits.WRITE_BYTES)))
        self.file.error = OSError("disk full")
        error = await self.under_a_write([whole[:-10] + b"\x00" * 10], lambda: None)
        self.assertEqual(str(error), "malformed_form")

    async def test_a_cancel_does_not_wait_for_the_write_under_way(self) -> None:
        def cancel() -> None:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                if "parse_pieces" in repr(task.get_coro()):
                    task.cancel()

        error = await self.under_a_write(self.pieces(self.DATA), cancel)
        self.assertIsInstance(error, asyncio.CancelledError)
        self.assertEqual(len(self.file.writes), 1)

    async def test_pieces_are_as_large_as_they_may_be_now(self) -> None:
        sizes = iter([limits.WRITE_BYTES // 4] * 2 + [limits.WRITE_BYTES] * 100)
        pieces = self.pieces(self.DATA, limits.WRITE_BYTES // 4)
        parser = FormParser(BOUNDARY, 1 << 30, self.file.write, lambda: next(sizes))
        await parser.parse(FakeBody(pieces))
        self.assertEqual(self.file.data, self.DATA)
        self.assertLess(self.file.writes[0], limits.WRITE_BYTES // 2)
        self.assertGreaterEqual(max(self.file.writes), limits.WRITE_BYTES)

    async def test_a_failed_write_ends_it(self) -> None:
        self.file.error = OSError("disk full")
        for data in (PNG, self.DATA):
            with self.assertRaises(OSError):
                await self.parse_pieces(self.pieces(data), 1 << 30)
        self.assertLess(self.body.reads, 2 * limits.WRITE_BYTES // (1 << 16) + 3)

    async def test_bytes_one_by_one_cost_no_object_each(self) -> None:
        handed_on: list[int] = []

        def write(chunks: Sequence[Chunk], last: bool) -> "asyncio.Future[None]":
            handed_on.append(len(chunks))
            return self.file.write(chunks, last)

        parser = FormParser(BOUNDARY, 1 << 30, write)
        await parser.parse(FakeBody(self.pieces(JPEG + bytes(5000), 1)))
        self.assertEqual((self.file.writes, handed_on), ([len(JPEG) + 5000], [1]))
