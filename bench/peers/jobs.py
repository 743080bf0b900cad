"""What both peers share: settings, the table of jobs, the pool, the checks of an upload."""

import asyncio
import os
import shutil
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

from PIL import Image

HOST, PORT = "127.0.0.1", int(os.environ.get("PORT", "8000"))
FOLDER = Path(os.environ.get("STORAGE_DIR", "data"))
MAX_BYTES = 15 * 1024 * 1024
MAX_SIDE_PX = 4096
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".png"}


class Refused(Exception):  # noqa: N818
    """A request that is refused: its status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def check_length(length: int | None) -> None:
    if length is not None and length > MAX_BYTES + 65536:
        raise Refused(413, "The image is too large.")


def inspect(path: Path) -> str:
    """The suffix of the result, once the header fits. Blocking."""
    try:
        with Image.open(path, formats=list(SUFFIXES)) as image:
            width, height = image.size
            suffix = SUFFIXES[image.format or ""]
            image.verify()
    except Exception:
        raise Refused(415, "The file is no image that can be restored.") from None
    if max(width, height) > MAX_SIDE_PX:
        raise Refused(400, "The image has too many pixels.")
    return suffix


def parse_fields(fields: dict[str, str]) -> tuple[float, int]:
    try:
        strength, upscale = float(fields.get("strength", "0.6")), int(fields.get("upscale", "1"))
    except ValueError:
        raise Refused(400, "A field is no number.") from None
    if not 0.1 <= strength <= 1.0 or upscale not in (1, 2, 4):
        raise Refused(400, "A field is out of range.")
    return strength, upscale


class Jobs:
    """The table, the queue and the pool. `start` needs a running loop."""

    def __init__(self) -> None:
        for name in ("tmp", "outputs"):
            (FOLDER / name).mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(FOLDER / "jobs.sqlite3", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, status TEXT, progress REAL,"
            " output TEXT, error TEXT, strength REAL, upscale INTEGER, created REAL) WITHOUT ROWID"
        )
        self._queue: asyncio.Queue[tuple[str, Path, str, float, int]] = asyncio.Queue()
        context = get_context("forkserver")
        context.set_forkserver_preload(["PIL.Image", "PIL.JpegImagePlugin", "bench.pillow_work"])
        workers = int(os.environ.get("WORKERS", "2"))
        self._pool = ProcessPoolExecutor(workers, mp_context=context)
        self._tasks = [asyncio.create_task(self._work()) for _ in range(workers)]

    @staticmethod
    def new() -> tuple[str, Path]:
        """The id of a job to be, and where its upload goes."""
        job_id = str(uuid4())
        return job_id, FOLDER / "tmp" / f"{job_id}.upload"

    def add(
        self, job_id: str, path: Path, suffix: str, strength: float, upscale: int
    ) -> dict[str, object]:
        self._database.execute(
            "INSERT INTO jobs VALUES (?, 'queued', 0.0, NULL, NULL, ?, ?, ?)",
            (job_id, strength, upscale, time.time()),
        )
        self._queue.put_nowait((job_id, path, suffix, strength, upscale))
        return {"job_id": job_id, "status": "queued"}

    def get(self, job_id: str) -> dict[str, object] | None:
        query = "SELECT status, progress, output, error FROM jobs WHERE id = ?"
        row = self._database.execute(query, (job_id,)).fetchone()
        if row is None:
            return None
        url = f"http://{HOST}:{PORT}/outputs/{row[2]}" if row[2] else None
        return {
            "job_id": job_id,
            "status": row[0],
            "progress": row[1],
            "result_url": url,
            "error": row[3],
        }

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            job_id, path, suffix, strength, upscale = await self._queue.get()
            self._set(job_id, "running", 0.0)
            target = FOLDER / "outputs" / (job_id + suffix)
            try:
                await loop.run_in_executor(
                    self._pool, _restore, str(path), str(target), strength, upscale
                )
                self._set(job_id, "succeeded", 1.0, output=target.name)
            except Exception:
                self._set(job_id, "failed", 0.0, error="The image could not be processed.")
            finally:
                path.unlink(missing_ok=True)

    def _set(
        self,
        job_id: str,
        status: str,
        progress: float,
        output: str | None = None,
        error: str | None = None,
    ) -> None:
        update = "UPDATE jobs SET status = ?, progress = ?, output = ?, error = ? WHERE id = ?"
        self._database.execute(update, (status, progress, output, error, job_id))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._database.close()


def _restore(path: str, target: str, strength: float, upscale: int) -> None:
    """In a worker: the provider, or a wait and a copy."""
    provider = os.environ.get("PROVIDER", "dummy")
    if provider == "dummy":
        time.sleep(float(os.environ.get("DUMMY_DELAY_S", "0")))
        shutil.copyfile(path, target)
        return
    module, _, name = provider.partition(":")
    own = Path(path).with_suffix(".work")
    own.mkdir()
    try:
        source = own / "input"
        os.link(path, source)
        produced = getattr(import_module(module), name)(str(source), "", strength, upscale)
        Path(produced).replace(target)
    finally:
        shutil.rmtree(own)
