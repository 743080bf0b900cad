"""What a poll, an upload and a download may cost, counted: no clock, so no noise.

A whole server runs in this process and a client beside it on the same loop. Each bound stands with
its reason; who breaks one has found a cheaper way, or has let something in that every request pays.
"""

import asyncio
import gc
import io
import logging
import re
import signal
import tempfile
import time
import unittest
from pathlib import Path

from PIL import Image

from restore import config
from restore.api import limits
from restore.app import service
from restore.app.logs import Log
from restore.contract.job import Job, JobSpec, JobStatus
from restore.contract.units import KIB, MIB
from restore.storage.files import Storage
from restore.storage.jobstore import JobStore
from tests.support import ledger
from tests.support.service import PATIENCE_S, form

ENDED = "11111111-1111-4111-8111-111111111111"
RESULT_BYTES = 1_000_000
POLLS = 20
MIXED_BYTES = 4 * 128 * KIB  # chunks of an upload that hold more than the image
SMALL, LARGE = 20_000, 15 * MIB


def picture(size: int) -> bytes:
    """A small JPEG with so many bytes in all; what stands behind its end is no picture's."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "brown").save(buffer, "JPEG")
    return buffer.getvalue().ljust(size, b"\0")


class _Announced(logging.Handler):
    """Waits for the line that says where the server listens."""

    def __init__(self) -> None:
        super().__init__()
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("Listening") and isinstance(record.args, tuple):
            self.port.set_result(int(str(record.args[1])))


class CostsTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # it makes each step slow,
        loop.slow_callback_duration = PATIENCE_S  # and the one under way would be told of
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="restore-test-")))
        self.ledger = self.enterContext(ledger.opened())
        await self.end_a_job(folder / "data")
        port = await self.start(folder)
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.addAsyncCleanup(self.hang_up)
        self.running = await self.upload(picture(SMALL))  # holds the only slot from now on
        async with asyncio.timeout(PATIENCE_S):  # until a child is at work on it
            while b'"progress": 0.0,' in await self.poll(self.running):
                pass
        self.ledger.clear()

    async def end_a_job(self, data: Path) -> None:
        """Leave one result for the server to find."""
        storage = Storage(data)
        storage.open(0)
        store = JobStore(storage.database, storage.sync_uploads, storage.rescue_upload)
        spec = JobSpec("restoration/classic", 0.6, 1)
        now = time.time()
        await store.add(Job(ENDED, spec, "jpeg", 8, 8, now).start())
        await store.save(
            Job(ENDED, spec, "jpeg", 8, 8, now).start().succeed(f"{ENDED}.jpg", now),
            JobStatus.RUNNING,
        )
        (data / "outputs" / f"{ENDED}.jpg").write_bytes(bytes(RESULT_BYTES))
        store.close()
        storage.close()

    async def start(self, folder: Path) -> int:
        """Run the server on this loop; its port."""
        settings = {"PORT": "0", "WORKERS": "1", "PROVIDER": "dummy", "DUMMY_DELAY_S": "3600"}
        settings |= {"RATE_LIMIT_PER_MIN": "0", "MIN_FREE_DISK_MB": "0", "SHUTDOWN_GRACE_S": "0"}
        settings["STORAGE_DIR"] = "data"
        read, data = config.load(folder, settings, cores=2, memory_mib=4096)
        storage, log = Storage(data), (folder / "log").open("w")
        storage.open(0)
        lines = Log(log)
        lines.start()
        announced, logger = _Announced(), logging.getLogger("restore")
        logger.addHandler(announced)
        self.addCleanup(logger.removeHandler, announced)
        level, propagate = logger.level, logger.propagate
        logger.setLevel(logging.INFO)
        logger.propagate = False
        server = asyncio.create_task(service.App(read, storage, lines).run())

        async def stop() -> None:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(server, PATIENCE_S)
            gc.unfreeze()
            logger.setLevel(level)
            logger.propagate = propagate
            storage.close()
            lines.close()
            log.close()

        server.add_done_callback(lambda _: announced.port.cancel())  # where it can't start
        port = await announced.port
        self.addAsyncCleanup(stop)
        return port

    async def hang_up(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def ask(self, head: str, body: bytes = b"") -> tuple[int, bytes]:
        self.writer.write(f"{head}\r\nHost: localhost\r\n\r\n".encode() + body)
        answer = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        found = re.search(rb"\r\nContent-Length: (\d+)", answer)
        assert found is not None
        return int(answer[9:12]), await self.reader.readexactly(int(found[1]))

    async def poll(self, job_id: str) -> bytes:
        status, answer = await self.ask(f"GET /v1/jobs/{job_id} HTTP/1.1")
        self.assertEqual(200, status)
        return answer

    async def upload(self, image: bytes) -> str:
        body, content_type = form(image)
        length = f"Content-Length: {len(body)}"
        head = f"POST /v1/restore HTTP/1.1\r\nContent-Type: {content_type}\r\n{length}"
        status, answer = await self.ask(head, body)
        self.assertEqual(201, status, answer)
        found = re.search(rb"[0-9a-f-]{36}", answer)
        assert found is not None
        return found[0].decode()

    def assert_untouched(self, *names: str) -> None:
        counted = {name: getattr(self.ledger, name) for name in names}
        self.assertFalse(any(counted.values()), counted)

    # -- polls

    async def test_a_poll(self) -> None:
        waiting = await self.upload(picture(SMALL))
        self.ledger.clear()
        for job_id in (waiting, self.running, ENDED):
            for _ in range(POLLS):
                await self.poll(job_id)
        # What waits or runs is known from memory; what has ended is read by a connection of its
        # own, on the loop. All else would be something to wait for.
        self.assertEqual(["SELECT"] * POLLS, self.ledger.verbs)
        self.assert_untouched("syncs", "opens", "thread_hops", "child_calls", "disk_writes")
        # Out of the buffer that all connections share, which is written to again: no more copies.
        head = len(f"GET /v1/jobs/{ENDED} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertLessEqual(self.ledger.copied_bytes, 3 * POLLS * head)

    async def test_a_poll_that_finds_nothing(self) -> None:
        """An id that can't be one isn't looked up; one that could be is, once."""
        for job_id, reads in (("nothing", []), ("0" * 8 + ENDED[8:], ["SELECT"])):
            self.ledger.clear()
            status, _ = await self.ask(f"GET /v1/jobs/{job_id} HTTP/1.1")
            self.assertEqual((404, reads), (status, self.ledger.verbs))
            self.assert_untouched("syncs", "opens", "thread_hops")

    # -- uploads

    async def test_a_large_upload(self) -> None:
        image = picture(LARGE)
        self.ledger.clear()
        await self.upload(image)
        # Each piece is a turn of another thread: as few as two of them in memory allow.
        pieces = LARGE // limits.WRITE_BYTES + 1
        self.assertLessEqual(self.ledger.disk_writes, pieces)
        self.assertEqual(self.ledger.disk_writes, self.ledger.thread_hops)
        self.assertEqual(["BEGIN", "INSERT", "COMMIT"], self.ledger.verbs)
        # The file and, once for all that commit together, its folder. SQLite syncs its log itself.
        self.assertEqual(2, self.ledger.syncs)
        self.assertEqual(2, len(self.ledger.opens), self.ledger.opens)
        self.assertEqual(1, self.ledger.child_calls)
        # Once out of the receive buffer that all connections share: each further pass costs 0.1 ms
        # a MB and more. Chunks in which something but the image stands, the first and the last
        # ones, are put together again, and so are small ones.
        self.assertGreaterEqual(self.ledger.copied_bytes, LARGE, "the ledger sees the upload")
        self.assertLessEqual(self.ledger.copied_bytes, LARGE + MIXED_BYTES)

    # -- downloads

    async def test_a_download(self) -> None:
        """One look at the row, one file opened, none of it through our hands: the kernel sends."""
        status, answer = await self.ask(f"GET /outputs/{ENDED}.jpg HTTP/1.1")
        self.assertEqual((200, RESULT_BYTES), (status, len(answer)))
        self.assertEqual(["SELECT"], self.ledger.verbs)
        self.assertEqual(1, len(self.ledger.opens), self.ledger.opens)
        self.assert_untouched("syncs", "thread_hops", "child_calls", "disk_writes")
