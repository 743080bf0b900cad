"""What is measured, row by row: each workload drives one fresh server and yields figures.

`ROWS` names every figure, its unit and which way is better. Uploads go to servers whose jobs never
end, so that taking them is all that costs; downloads and image jobs get a server of their own.
"""

import io
import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image

from bench.load import Client, ask, asking
from bench.pillow_work import bare_loop
from bench.servers import OURS, WORKERS, Running, running
from restore.storage.schema import INSERT, SELECT_ONE, decode, encode

MB = 1e6
_BOUNDARY = "restore-bench-7f3a91"
_CONTENT_TYPE = f"multipart/form-data; boundary={_BOUNDARY}"
_NEVER, _AT_ONCE = {"DUMMY_DELAY_S": "3600"}, {"DUMMY_DELAY_S": "0"}
_SETTLE_S = 0.7  # between the first answer and what is called idle
_MANY_JOBS = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `more`: a larger figure is the better one."""

    name: str
    unit: str
    more: bool
    ours_only: bool = False  # compared with itself, not with peers


ROWS = {
    "start": Row("start to first answer", "ms", more=False),
    "idle": Row("idle memory, all processes", "MB", more=False),
    "polls": Row("polls, 16 connections", "1/s", more=True),
    "poll_cpu": Row("  server CPU a poll", "us", more=False),
    "fresh": Row("polls, a new connection each", "1/s", more=True),
    "submit_cpu": Row("submit 20 KB: server CPU", "us", more=False),
    "upload": Row("4 uploads of 14 MB at once", "MB/s", more=True),
    "upload_cpu": Row("  server CPU a MB", "us", more=False),
    "growth": Row("memory growth, 16 uploads", "MB", more=False),
    "p50": Row("poll p50 while 4 uploads run", "ms", more=False),
    "p99": Row("poll p99 while 4 uploads run", "ms", more=False),
    "download_1": Row("1 download of 14 MB at a time", "MB/s", more=True),
    "download": Row("4 downloads of 14 MB at once", "MB/s", more=True),
    "download_cpu": Row("  server CPU a MB", "us", more=False),
    "jobs": Row("image jobs: share of a bare loop", "x", more=True),
    "many_polls": Row("polls beside 100,000 ended jobs", "x", more=True, ours_only=True),
    "many_memory": Row("  memory, more than without", "MB", more=False, ours_only=True),
    "many_start": Row("  start, later than without", "ms", more=False, ours_only=True),
}


class Workloads:
    """All workloads on files in `folder`; `pace` scales how long each lasts."""

    def __init__(self, folder: Path, pace: float) -> None:
        self._folder = folder
        self._pace = pace
        self._small = self._form("small", _picture(320, 240, 20_000))
        self._big = self._form("big", _picture(3000, 2250, 14_000_000))
        self._photo = _picture(1280, 960, 0)
        self._photo_form = self._form("photo", self._photo)
        self._big_bytes = self._big.stat().st_size

    def measure(self, name: str) -> dict[str, float]:
        """Every row of one server."""
        place = self._folder / f"{name}-{uuid4().hex[:8]}"
        figures: dict[str, float] = {}
        with running(name, place / "taking", _NEVER) as server:
            figures.update(self._taking(server))
        with running(name, place / "giving", _AT_ONCE) as server:
            figures.update(self._giving(server))
            job_id = self._promise(server, self._small)
            self._wait_for(server, [job_id])
        with running(name, place / "working", {"PROVIDER": "bench.pillow_work:run"}) as server:
            figures["jobs"] = self._working(server)
        if name == OURS:
            _multiply(place / "giving" / "data" / "jobs.sqlite3", job_id)
            with running(name, place / "giving", _NEVER) as server:
                figures.update(self._beside_many(server, job_id, figures))
        shutil.rmtree(place)  # gigabytes, by the last round
        return figures

    # -- workloads

    def _taking(self, server: Running) -> Iterator[tuple[str, float]]:
        yield "start", server.start_ms
        time.sleep(_SETTLE_S)
        yield "idle", server.memory_mb()
        path = f"/v1/jobs/{[self._promise(server, self._small) for _ in range(3)][-1]}"
        cpu_s, polls = self._polls(server, path, 2.0)
        yield "polls", polls["count"] / polls["seconds"]
        yield "poll_cpu", cpu_s / polls["count"] * 1e6
        _, polls = self._polls(server, path, 1.0, fresh=True)
        yield "fresh", polls["count"] / polls["seconds"]
        count = self._times(1600)  # the first hundreds cost up to half more
        cpu_s, _ = self._uploads(server, self._small, 8, count)
        yield "submit_cpu", cpu_s / count * 1e6
        count = self._times(16)
        cpu_s, seconds = self._uploads(server, self._big, 4, count)
        yield "upload", count * self._big_bytes / MB / seconds
        yield "upload_cpu", cpu_s / (count * self._big_bytes / MB) * 1e6
        with server.growth() as grown:
            self._uploads(server, self._big, 16, 16)
        yield "growth", max(grown[0], 0.1)
        seconds = 2.0 * self._pace
        load = self._load(server, self._big)
        # From before the first poll until after the last: an idle server's polls are quick.
        with asking("uploads", connections=4, seconds=seconds + 1.5, **load) as uploaded:
            time.sleep(0.5)
            latency = ask("paced", port=server.port, path=path, pause_s=0.005, seconds=seconds)
            uploaded()
        yield "p50", latency["p50"]
        yield "p99", latency["p99"]

    def _giving(self, server: Running) -> Iterator[tuple[str, float]]:
        job = self._wait_for(server, [self._promise(server, self._big)])
        path = "/" + str(job["result_url"]).split("/", 3)[3]
        count, size = self._times(40), Client(server.port).download(path)
        load = {"port": server.port, "path": path, "count": count, "size": size}
        seconds = ask("downloads", connections=1, **load)["seconds"]
        yield "download_1", count * size / MB / seconds
        before = server.cpu_s()
        seconds = ask("downloads", connections=4, **load)["seconds"]
        yield "download", count * size / MB / seconds
        yield "download_cpu", max(server.cpu_s() - before, 0.01) / (count * size / MB) * 1e6

    def _working(self, server: Running) -> float:
        """Jobs a second, as a share of what the same work reaches without any server."""
        count = max(2 * WORKERS, self._times(12))
        self._wait_for(server, [self._promise(server, self._small) for _ in range(WORKERS)])
        bare = self._bare_loop(count)
        began = time.perf_counter()
        load = self._load(server, self._photo_form)
        self._wait_for(server, ask("uploads", connections=4, count=count, **load)["ids"])
        return count / (time.perf_counter() - began) / bare

    def _beside_many(
        self, server: Running, job_id: str, without: dict[str, float]
    ) -> Iterator[tuple[str, float]]:
        time.sleep(_SETTLE_S)
        yield "many_start", server.start_ms - without["start"]
        yield "many_memory", server.memory_mb() - without["idle"]
        _, polls = self._polls(server, f"/v1/jobs/{job_id}", 2.0)
        yield "many_polls", polls["count"] / polls["seconds"] / without["polls"]

    # -- their parts

    def _times(self, count: int) -> int:
        return max(4, round(count * self._pace))

    def _polls(
        self, server: Running, path: str, seconds: float, *, fresh: bool = False
    ) -> tuple[float, dict[str, float]]:
        load = {"port": server.port, "path": path, "connections": 16, "fresh": fresh}
        before = server.cpu_s()
        polls = ask("polls", seconds=seconds * self._pace, **load)
        return server.cpu_s() - before, polls

    def _uploads(
        self, server: Running, form: Path, connections: int, count: int
    ) -> tuple[float, float]:
        """CPU seconds of the server, and seconds."""
        before, load = server.cpu_s(), self._load(server, form)
        seconds = ask("uploads", connections=connections, count=count, **load)["seconds"]
        return server.cpu_s() - before, seconds

    def _load(self, server: Running, form: Path) -> dict[str, Any]:
        return {"port": server.port, "body": str(form), "content_type": _CONTENT_TYPE}

    def _promise(self, server: Running, form: Path) -> str:
        status, answer = Client(server.port).post(form.read_bytes(), _CONTENT_TYPE)
        if status != 201:
            raise SystemExit(f"{server.name} refused an upload: {answer!r}")
        return str(json.loads(answer)["job_id"])

    def _wait_for(self, server: Running, job_ids: list[str]) -> dict[str, object]:
        """Poll until all have succeeded; the last one."""
        client, job = Client(server.port), dict[str, object]()
        for job_id in job_ids:
            while job.get("job_id") != job_id or job["status"] != "succeeded":
                job = json.loads(client.get(f"/v1/jobs/{job_id}")[1])
                if job["status"] == "failed":
                    raise SystemExit(f"{server.name}: a job failed: {job}")
                time.sleep(0.005)
        return job

    def _bare_loop(self, count: int) -> float:
        """Jobs a second of as many bare processes as there are workers."""
        image = self._folder / "photo.jpg"
        image.write_bytes(self._photo)
        share = count // WORKERS
        with ExitStack() as stack:
            loops = [stack.enter_context(bare_loop(image, share)) for _ in range(WORKERS)]
            return WORKERS * share / max(take() for take in [begin() for begin in loops])

    def _form(self, name: str, image: bytes) -> Path:
        fields = {"model_id": "restoration/gfpgans-1.4", "strength": "0.6", "upscale": "1"}
        parts = [
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n'
            for key, text in fields.items()
        ]
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        path = self._folder / f"{name}.form"
        path.write_bytes(
            "".join([*parts, head]).encode() + image + f"\r\n--{_BOUNDARY}--\r\n".encode()
        )
        return path


def _picture(width: int, height: int, size: int) -> bytes:
    """A JPEG of `size` bytes at least: a picture with some grain, filled up with comments."""
    dice = random.Random(width)
    small = Image.frombytes("RGB", (48, 36), dice.randbytes(48 * 36 * 3))
    grain = Image.effect_noise((width, height), 12).convert("RGB")
    smooth = small.resize((width, height), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    Image.blend(smooth, grain, 0.2).save(buffer, "JPEG", quality=60)
    start, rest = buffer.getvalue()[:2], buffer.getvalue()[2:]
    missing = max(0, size - len(start) - len(rest))
    comments = [min(60_000, missing - at) for at in range(0, missing, 60_000)]
    filling = [
        b"\xff\xfe" + (2 + count).to_bytes(2, "big") + dice.randbytes(count) for count in comments
    ]
    return b"".join([start, *filling, rest])


def _multiply(database: Path, job_id: str) -> None:
    """Fill our database with copies of one ended job, under ids of their own."""
    import sqlite3

    connection = sqlite3.connect(database)
    job = decode(connection.execute(SELECT_ONE, (job_id,)).fetchone())
    copies = (encode(replace(job, id=str(uuid4()))) for _ in range(_MANY_JOBS))
    with connection:
        connection.executemany(INSERT, copies)
    connection.close()
