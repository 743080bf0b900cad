"""What a 201 promises, written down by clients while a server is being ill-treated, and checked.

`Promises` runs clients that upload and poll without end, over crashes and restarts, and complains
of the first answer that breaks a rule; `settle` waits until all has ended and looks at everything
that is left: rows, results, files. `Crew` knows which processes belong to a server.
"""

import io
import os
import random
import sqlite3
import subprocess
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

from PIL import Image

from tests.support.service import Answer, Service, form, wait_until

RANKS = {"queued": 0, "running": 1, "succeeded": 2, "failed": 2}
PAUSE_S = 0.002  # of a client between two requests; a vanished server isn't asked without a pause
FORMATS = ("PNG", "JPEG", "WEBP")
LONG = bool(os.environ.get("RESTORE_LONG_TESTS"))


def seed() -> int:
    """What this run's dice start from; RESTORE_TEST_SEED repeats a run that failed."""
    return int(os.environ.get("RESTORE_TEST_SEED") or random.SystemRandom().randrange(1 << 32))


def noise(dice: random.Random, kind: str = "PNG", size: tuple[int, int] = (48, 32)) -> bytes:
    """A picture like no other."""
    width, height = size
    image = Image.frombytes("RGB", size, dice.randbytes(width * height * 3))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@dataclass(slots=True)
class Promise:
    """One 201, and what pollers were told since."""

    upload: bytes
    kind: str
    size: tuple[int, int]
    status: str = "queued"
    progress: float = 0.0
    life: int = 0  # of the server that said so


class Promises:
    """Clients of `service`, which somebody else kills and starts again."""

    def __init__(self, service: Service, number: int) -> None:
        self.service = service
        self.kept: dict[str, Promise] = {}
        self.broken: list[str] = []
        self.life = 0  # counted up by whoever lets a server go
        self.pardoned: frozenset[str] = frozenset()  # codes that uploads may be refused with
        self._dice = random.Random(number)
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, uploaders: int = 2, pollers: int = 1, quitters: int = 1) -> Self:
        """Let clients loose: such that upload, that poll, that go away in the middle of a form."""
        ways = [self._upload] * uploaders + [self._poll] * pollers + [self._quit] * quitters
        for way in ways:
            dice = random.Random(self._dice.random())
            self._threads.append(threading.Thread(target=self._repeat, args=(way, dice)))
        for thread in self._threads:
            thread.start()
        return self

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self if self._threads else self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()

    def has(self, count: int) -> bool:
        return len(self.kept) >= count or bool(self.broken)

    # -- the clients

    def _repeat(self, way: Any, dice: random.Random) -> None:
        while not self._over.wait(PAUSE_S):
            with suppress(OSError, HTTPException):  # the server is gone, or just going
                try:
                    way(dice)
                except AssertionError as error:
                    self.broken.append(str(error))

    def _upload(self, dice: random.Random) -> None:
        kind, size = dice.choice(FORMATS), dice.choice(((48, 32), (31, 57), (300, 200)))
        image = noise(dice, kind, size)
        answer = self.service.upload(image)
        if answer.status == 201:
            self.kept[answer.json["job_id"]] = Promise(image, kind, size)
        else:
            pardoned = answer.status == 503 or answer.json["code"] in self.pardoned
            self._expect(pardoned, f"an upload was answered {answer}")

    def _quit(self, dice: random.Random) -> None:
        body, content_type = form(noise(dice, size=(300, 200)))
        cut = body[: dice.randrange(len(body))]
        head = (
            f"POST /v1/restore HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        answer = self.service.raw(head.encode() + cut, half_close=True)
        self._expect(b"201" not in answer[:16], f"half a form was taken: {answer!r}")

    def _poll(self, dice: random.Random) -> None:
        for job_id in dice.sample(known := list(self.kept), min(10, len(known))):
            life = self.life
            answer = self.service.request("GET", f"/v1/jobs/{job_id}")
            if life == self.life:
                self.heard(job_id, answer, life)

    def heard(self, job_id: str, answer: Answer, life: int) -> None:
        """Compare what a poller is told now with what it was told before."""
        promise = self.kept[job_id]
        self._expect(answer.status == 200, f"the poll of {job_id} was answered {answer}")
        status, progress = answer.json["status"], answer.json["progress"]
        told = f"{job_id}: {promise.status} {promise.progress} -> {status} {progress}"
        self._expect(RANKS[status] >= RANKS[promise.status], told)
        if RANKS[promise.status] == 2:
            self._expect(status == promise.status, told)
        if life == promise.life:
            self._expect(progress >= promise.progress, told)
        promise.status, promise.progress, promise.life = status, progress, life

    @staticmethod
    def _expect(fact: bool, otherwise: str) -> None:
        if not fact:
            raise AssertionError(otherwise)

    # -- the reckoning

    def settle(self, *, may_fail: frozenset[str] = frozenset(), patience_s: float = 60.0) -> None:
        """All has ended, and well, or with an error of `may_fail`; nothing else is left."""
        self._expect(not self.broken, "\n".join(self.broken[:5]))
        self._expect(bool(self.kept), "nothing was promised")
        wait_until(lambda: not self._unfinished(), "every job's end", patience_s)
        for job_id in self.kept:
            self.heard(job_id, self.service.request("GET", f"/v1/jobs/{job_id}"), self.life)
            self._check_end(job_id, may_fail)
        wait_until(lambda: not self._left_over(), "an empty tmp/")
        self._check_rows()

    def _unfinished(self) -> list[Any]:
        return rows(self.service, "SELECT id FROM jobs WHERE status IN ('queued', 'running')")

    def _left_over(self) -> list[Path]:
        return list((self.service.storage / "tmp").iterdir())

    def _check_end(self, job_id: str, may_fail: frozenset[str]) -> None:
        promise = self.kept[job_id]
        answer = self.service.request("GET", f"/v1/jobs/{job_id}")
        job = answer.json
        if job["status"] == "failed":
            error = answer.headers["restore-error-code"]
            self._expect(error in may_fail and bool(job["error"]), f"{job_id} failed: {error}")
            return
        self._expect((job["status"], job["progress"]) == ("succeeded", 1.0), f"ended as {job}")
        result = self.service.result(job)
        self._expect(result.status == 200, f"the result of {job_id} is answered {result.status}")
        with Image.open(io.BytesIO(result.body)) as image:
            image.load()
            self._expect(image.size == promise.size, f"{job_id} came out as {image.size}")
        if promise.kind != "WEBP":  # the dummy copies
            self._expect(result.body == promise.upload, f"the result of {job_id} is another's")

    def _check_rows(self) -> None:
        """Whatever has a row has ended, and outputs/ holds the results of exactly those."""
        found = rows(self.service, "SELECT status, attempt, vanished, working, output FROM jobs")
        for status, attempt, vanished, working, _ in found:
            text = f"{status}: attempt {attempt}, vanished {vanished}, working {working}"
            self._expect(attempt <= 3 and vanished <= 11 and not working, text)
        outputs = {row[-1] for row in found if row[-1]}
        files = {path.name for path in (self.service.storage / "outputs").iterdir()}
        self._expect(files == outputs, f"files without row, or the reverse: {files ^ outputs}")
        self._expect(rows(self.service, "PRAGMA integrity_check") == [("ok",)], "a torn database")


def rows(service: Service, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    """What the server's own database says, read beside it."""
    uri = f"{(service.storage / 'jobs.sqlite3').as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
        return connection.execute(query, arguments).fetchall()


def crew(service: Service) -> list[int]:
    """The processes that live in the server's session: itself, and all that it started."""
    command = ["ps", "-A", "-o", "pid=,stat="]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    living = (row for row in map(str.split, listing.splitlines()) if not row[1].startswith("Z"))
    return [pid for pid in (int(row[0]) for row in living) if _session(pid) == service.pid]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return 0


def workers(service: Service) -> list[int]:
    """The children that work or look at headers: those that lead a group of their own."""
    return [pid for pid in crew(service) if pid != service.pid and _group(pid) == pid]


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return 0


def assert_gone(service: Service, within_s: float = 5.0) -> float:
    """Nothing of the server's crew lives any more after `within_s`; in how many seconds it went."""
    began = time.monotonic()
    wait_until(lambda: not crew(service), f"the end of {crew(service)}", within_s)
    return time.monotonic() - began
