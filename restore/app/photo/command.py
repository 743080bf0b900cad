"""From the arguments to the exit status: 0 all well, 1 some photo failed, 2 wrong use.

Rules: nobody ever sees a traceback; a result appears whole or not at all; Ctrl-C ends it within a
second, with status 130, and leaves nothing behind.
"""

import asyncio
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from restore.app import machine
from restore.app.photo.arguments import Options, UsageError, parse
from restore.app.photo.local import Local, Result, Tell
from restore.app.photo.remote import Remote
from restore.app.photo.screen import Ended, Screen, safe
from restore.app.photo.sources import Photo, PhotoError, check_free, find

FRAME_S = 0.1  # between two pictures of the bars
_OTHER_SUFFIXES = {".jpg": {".png", ".webp", ".heic", ".heif"}, ".png": {".jpg", ".jpeg", ".webp"}}


class Engine(Protocol):
    """What restores photos: Local or Remote."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def restore(self, photo: Photo, work: Path, tell: Tell) -> Result: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    logging.disable()  # what the packages below log is for a server
    try:
        return _main(sys.argv[1:] if arguments is None else arguments)
    except UsageError as error:
        return _say(2, str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _say(130, "Stopped.")
    except OSError as error:  # nobody reads what is said, or there is no room for it
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what the interpreter flushes at its end
        return _say(1, f"{error.strerror or error}.")
    except Exception as error:
        return _say(1, f"Something went wrong in the program itself: {error!r}")


def _say(status: int, sentence: str) -> int:
    print(f"restore-photo: {safe(sentence)}", file=sys.stderr)
    return status


def _main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="restore-photo-", ignore_cleanup_errors=True) as name:
        work = Path(name).resolve()
        photos = list(find(options, work))
        if options.to_stdout and not options.dry_run and sys.stdout.isatty():
            raise UsageError("A picture isn't written to a terminal: give -o FILE, or a pipe.")
        screen = Screen(options, len(photos))
        asyncio.run(_run(options, photos, work, screen))
    return 1 if screen.failed or not photos else 0


async def _run(options: Options, photos: list[Photo], work: Path, screen: Screen) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    good = [photo for photo in photos if photo.error is None]
    cores = machine.usable_cores()
    jobs = min(options.jobs or max(1, cores - 1), max(1, len(good)))
    engine: Engine = (
        Remote(options)
        if options.server
        else Local(options, jobs, cores, machine.memory_mib() // 2)
    )
    drawing = asyncio.create_task(_draw(screen))
    try:
        if good:
            await engine.open()
        todo = iter(photos)
        async with asyncio.TaskGroup() as group:
            for number in range(jobs):
                folder = work / str(number)
                group.create_task(_work_off(todo, options, engine, screen, folder))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    finally:
        drawing.cancel()
        screen.close()
        await engine.close()


async def _draw(screen: Screen) -> None:
    while True:
        screen.draw()
        await asyncio.sleep(FRAME_S)


async def _work_off(
    todo: Iterator[Photo], options: Options, engine: Engine, screen: Screen, folder: Path
) -> None:
    for photo in todo:
        began = time.monotonic()
        tell = screen.teller(photo)
        try:
            if photo.error is not None:
                raise photo.error
            folder.mkdir()  # noqa: ASYNC240  (of our own, on a disk at hand)
            result = await engine.restore(photo, folder, tell)
            target = await asyncio.to_thread(_deliver, result.path, photo, options)
            ended = Ended(photo, time.monotonic() - began, target, result.note)
        except PhotoError as error:
            ended = Ended(photo, time.monotonic() - began, error=error)
        screen.end(ended)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _deliver(result: Path, photo: Photo, options: Options) -> Path | None:
    """Bring a result to its place, whole; where that is. Raises PhotoError."""
    if options.dry_run:
        return None
    try:
        if photo.target is None:
            with result.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return None
        return _saved(result, photo.target, options.overwrite)
    except OSError as error:
        place = photo.target or "The result"
        reason = error.strerror or str(error)
        raise PhotoError("unwritable", f"{place} can't be written: {reason}.") from None


def _saved(result: Path, target: Path, overwrite: bool) -> Path:
    suffix = ".png" if result.suffix == ".png" else ".jpg"
    if target.suffix.lower() in _OTHER_SUFFIXES[suffix]:
        target = target.with_suffix(suffix)  # no file shall claim to be what it isn't
    check_free(target, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".restore-{secrets.token_hex(8)}.part")
    try:
        with result.open("rb") as source, part.open("xb") as file:
            shutil.copyfileobj(source, file)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target
