"""What other machines cost and bring, against the pool of this one: `python -m bench cluster`.

Scheduler and workers are processes on loopback, so this is what the way itself takes, not a
network. Pools take turns in each round. Whether four machines do four times the work is simulated
by a provider that sleeps, for there are hardly ever so many cores here. Needs the extra `dask`.
"""

import asyncio
import io
import os
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from PIL import Image

from restore.pool import ClusterPool, Facts, LocalPool, Pool, Slot
from restore.providers import offered
from restore.worker import ChildSettings, Task, run_job

ROUNDS = 5
HAND_OVERS = 30  # calls in a round, of a provider that does nothing
SLEEP_S = 1.0  # of the provider that sleeps
JOBS_PER_SLOT = 10
MACHINES = (1, 2, 4)
TURNS = count()


def main() -> None:
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="restore-bench-") as folder:
        asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> None:
    small, large = _picture(64, 64), _picture(4000, 3000)
    await _against_local(folder, "hand-over of 64 x 64", "dummy", "0", small, HAND_OVERS, ROUNDS)
    await _against_local(folder, "12 MP restored", "generic", "0", large, 1, ROUNDS)
    heavy = _noise(15)
    await _against_local(folder, f"{len(heavy) >> 20} MB copied", "dummy", "0", heavy, 2, ROUNDS)
    local = await _rate(folder, 0)
    print(f"\n{'jobs/s, each sleeps ' + str(SLEEP_S) + ' s':34}{'this machine':>14}{local:>9.2f}")
    for machines in MACHINES:
        rate = await _rate(folder, machines)
        print(f"{'':34}{f'{machines} machines':>14}{rate:>9.2f}{rate / local:>8.2f} x")


async def _against_local(
    folder: Path, name: str, provider: str, delay: str, photo: bytes, calls: int, rounds: int
) -> None:
    """Print what a call takes on one slot here and on one of a cluster, in turn."""
    times: dict[str, list[float]] = {"local": [], "cluster": []}
    async with _local(provider, delay) as here, _cluster(provider, delay, 1) as (there, memory):
        pools: dict[str, Pool] = {"local": here, "cluster": there}
        for pool in pools.values():
            await _call(pool.slots[0], folder, provider, photo)  # the child comes up
        for number in range(rounds):
            for which in sorted(pools, reverse=bool(number % 2)):
                for _ in range(calls):
                    began = time.perf_counter()
                    await _call(pools[which].slots[0], folder, provider, photo)
                    times[which].append(time.perf_counter() - began)
        here_s, there_s = (statistics.median(each) for each in times.values())
        held_mb = memory()
    print(
        f"{name:22}local {1000 * here_s:8.1f} ms, cluster {1000 * there_s:8.1f} ms,"
        f" {1000 * (there_s - here_s):+.1f} ms, ratio {there_s / here_s:.3f};"
        f" scheduler and worker process {held_mb} MB"
    )


async def _rate(folder: Path, machines: int) -> float:
    """Jobs a second on one slot here, or on one of each machine."""
    delay, photo = str(SLEEP_S), _picture(64, 64)
    if machines == 0:
        async with _local("dummy", delay) as pool:
            return await _keep_busy(pool.slots, folder, photo)
    async with _cluster("dummy", delay, machines) as (pool, _):
        return await _keep_busy(pool.slots, folder, photo)


async def _keep_busy(slots: Sequence[Slot], folder: Path, photo: bytes) -> float:
    async def work(slot: Slot) -> None:
        for _ in range(JOBS_PER_SLOT):
            await _call(slot, folder, "dummy", photo)

    for slot in slots:
        await _call(slot, folder, "dummy", photo)
    began = time.perf_counter()
    await asyncio.gather(*map(work, slots))
    return JOBS_PER_SLOT * len(slots) / (time.perf_counter() - began)


async def _call(slot: Slot, folder: Path, provider: str, photo: bytes) -> None:
    turn = str(next(TURNS))
    upload, work = folder / f"{turn}.upload", folder / turn
    await asyncio.to_thread(upload.write_bytes, photo)
    work.mkdir()
    kind = "png" if photo.startswith(b"\x89PNG") else "jpeg"
    model = "restoration/gfpgans-1.4"
    task = Task(turn, 1, str(upload), kind, str(work), provider, model, 0.6, 1)
    outcome = await slot.run(run_job, task, stall_s=None, job=turn)
    assert outcome.output is not None, outcome
    upload.unlink()
    shutil.rmtree(work)


@asynccontextmanager
async def _local(provider: str, delay: str) -> AsyncIterator[LocalPool]:
    pool = LocalPool(1, ChildSettings(provider, (float(delay), float(delay))))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


def _workers(
    address: str, provider: str, delay: str, machines: int
) -> list[subprocess.Popen[bytes]]:
    """The processes of a cluster, the first of them with the scheduler."""
    environ = {**os.environ, "PROVIDER": provider, "DUMMY_DELAY_S": delay, "WORKERS": "1"}
    command = [sys.executable, "-m", "restore", "worker", "--scheduler", address]
    commands = [[*command, "--with-scheduler"], *[command] * (machines - 1)]
    return [subprocess.Popen(each, env=environ, stderr=subprocess.DEVNULL) for each in commands]


@asynccontextmanager
async def _cluster(
    provider: str, delay: str, machines: int
) -> AsyncIterator[tuple[ClusterPool, Callable[[], int]]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    processes = _workers(address, provider, delay, machines)
    pool = ClusterPool(address)
    there = asyncio.Event()
    pool.on_change(lambda: there.set() if len(pool.slots) == machines else None)
    models = offered(provider, "").models
    pool.start(Facts(provider, ", ".join(sorted(models))))
    try:
        async with asyncio.timeout(60):
            await there.wait()
        yield pool, lambda: _memory_mb(processes[0].pid)
    finally:
        await pool.close()
        for process in processes:
            process.terminate()
            process.wait()


def _memory_mb(pid: int) -> int:
    """Proportional set size of one process; 0 where the kernel tells none."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) >> 10


def _picture(width: int, height: int) -> bytes:
    small = Image.frombytes("RGB", (32, 24), random.Random(1).randbytes(32 * 24 * 3))
    file = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def _noise(mib: int) -> bytes:
    """A PNG of about so many MiB, which nothing makes smaller."""
    side = int((mib * (1 << 20) / 3) ** 0.5)
    file = io.BytesIO()
    noise = random.Random(1).randbytes(side * side * 3)
    Image.frombytes("RGB", (side, side), noise).save(file, "PNG", compress_level=0)
    return file.getvalue()
