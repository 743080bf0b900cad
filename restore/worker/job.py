"""What runs in a child: plain values in, an Outcome out, never an exception.

One job is `images.normalize` -> the provider's `run` -> `images.finish`; an upload's header is
looked at by `inspect`, and the provider's ids are read by `load_models`. Pillow and the provider
are imported inside the functions, for the server imports this module too and must never load a
codec. Which child runs what is pool's; how often a job is tried is the dispatcher's.

Rule: whatever a stranger's file or a provider does short of ending the process comes back as one of
the few errors that jobs have, and the traceback goes to the log only.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from restore import progress
from restore.contract import MIB
from restore.worker.calls import describe, in_folder
from restore.worker.setup import settings

# Where the parts of a job lie in its progress. Decoding is quick, encoding a large picture is not
# (PNG, 16.8 MP, level 6: 4 s), the provider's work is most of it. 1.0 is said by the job's success.
NORMALIZED, RESTORED, FINISHED = 0.05, 0.9, 0.99
NOTE_CHARS = 2000
INSPECT_CHARS = 500  # of detail
_COPY_BYTES = MIB  # at once, of a file that a provider made elsewhere
_LARGEST_WORK_BYTES = 2048 * MIB  # that one job may write: 16384 x 16384 RGB, twice
_LOW_DISK_BYTES = MIB  # less is full, whatever error the provider made of it


class Task(NamedTuple):
    """One attempt at a job. `upload` and `folder` are paths; `folder` is empty and only its own.

    `cores`: how many processes the provider may keep busy.
    """

    job_id: str
    attempt: int
    upload: str
    kind: str
    folder: str
    provider: str
    model_id: str
    strength: float
    upscale: int
    cores: int = 1


class Outcome(NamedTuple):
    """How an attempt ended: `output` is a path inside the task's folder, or `error` is set.

    `error` is one of contract.JOB_ERRORS; `detail` is the cause, for the log only; `note` is what
    the provider found and did; `before` is the path of a picture of the upload, "" without one.
    `again`: the disk was full, so this is no verdict on the photo; the job is to wait for room and
    to run again.
    """

    output: str | None
    error: str | None = None
    detail: str = ""
    note: str = ""
    again: bool = False
    before: str = ""


class Inspection(NamedTuple):
    """What an image's header says: upright pixels, and a code of contract.PROBLEMS or None.

    Both sides are 0 where they couldn't be read.
    """

    width: int
    height: int
    problem: str | None = None
    detail: str = ""


class Models(NamedTuple):
    """The ids that a provider offers, each with a line on what it does; `problem`: a sentence.

    `details` says more of each, under the names of providers.Model's fields; `default` is the id
    that the default stands for, or "".
    """

    models: Mapping[str, str] = {}
    problem: str | None = None
    detail: str = ""
    details: Mapping[str, Mapping[str, Any]] = {}
    default: str = ""


class _Failure(Exception):  # noqa: N818  (it never leaves this module)
    """A part of the job failed as `error`, one of contract.JOB_ERRORS; the cause is chained.

    `no_traceback`: the reason explains it all, for a damaged file is no fault of a program.
    """

    def __init__(self, error: str, reason: str = "", *, no_traceback: bool = False) -> None:
        super().__init__(f"{error}: {reason}" if reason else error)
        self.error = error
        self.detail = reason if no_traceback else ""


def run_job(task: Task) -> Outcome:
    """Restore one photo. Never raises."""
    notes: list[str] = []
    try:
        with in_folder(task.folder):
            output, before = _restore(task, notes)
    except BaseException as error:
        detail, note = describe(error), _joined(notes)
        if _for_want_of_room(error, task.folder):
            return Outcome(None, "storage", detail, note, again=True)
        if isinstance(error, _Failure):
            return Outcome(None, error.error, error.detail or detail, note)
        return Outcome(None, "storage", detail, note)  # no folder to work in
    return Outcome(output, note=_joined(notes), before=before)


def inspect(path: str, kind: str) -> Inspection:
    """Read the header of the image at `path`, of the sniffed `kind`. Never raises."""
    try:
        from restore import images

        try:
            width, height = images.inspect(path, kind)
        except images.ImageError as error:
            detail = error.detail[:INSPECT_CHARS]
            return Inspection(error.width, error.height, error.code, detail)
    except BaseException as error:
        detail = describe(error)[-INSPECT_CHARS:]
        return Inspection(0, 0, "image_unreadable", detail)
    return Inspection(width, height)


def load_models(provider: str) -> Models:
    """Import the provider and say which ids it offers. Never raises."""
    try:
        from restore import providers

        try:
            offer = providers.offered(provider, settings().models_dir)
            return Models(
                {name: model.about for name, model in offer.models.items()},
                details={name: asdict(model) for name, model in offer.models.items()},
                default=offer.default,
            )
        except providers.ProviderError as error:
            said_it_all = isinstance(error.__cause__, ModuleNotFoundError | None)
            return Models(problem=str(error), detail="" if said_it_all else describe(error))
    except BaseException as error:
        return Models(problem="The providers can't be imported.", detail=describe(error))


def _restore(task: Task, notes: list[str]) -> tuple[str, str]:
    """The file that leaves, and the picture from before."""
    from restore import images

    with _part(0.0, NORMALIZED, notes), _failing_as("decode_failed", task):
        normalized = images.normalize(task.upload, task.kind, task.folder)
        before = images.preview(normalized.path, task.folder)
    with _part(NORMALIZED, RESTORED, notes), _failing_as("provider_error", task):
        produced = _produce(normalized.path, task)
    with _part(RESTORED, FINISHED, notes), _failing_as("bad_output", task):
        own = _own_file(produced, task.folder)
        return images.finish(normalized, own, task.upscale, task.folder), before


def _produce(image_path: str, task: Task) -> object:
    from restore import providers

    own = settings()
    run = providers.load(task.provider, own.dummy_delay_s, own.models_dir).run
    with progress.allowing(task.cores):
        return run(image_path, task.model_id, task.strength, task.upscale)


def _own_file(produced: object, folder: str) -> str:
    """What a provider returned as the path of a file in `folder`; images judges what it is.

    A learned model may have a folder of its own for its output. A regular file from elsewhere is
    copied in: what leaves is then whole, whatever becomes of the other. A link is not followed.
    """
    if not isinstance(produced, str | os.PathLike):
        raise TypeError(f"the provider returned {type(produced).__name__}, no path")
    path = os.path.join(folder, os.fsdecode(produced))  # noqa: PTH118  (keeps what it is given)
    if Path(folder).resolve() in Path(path).resolve().parents:
        return path
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO would wait
    with os.fdopen(os.open(path, flags), "rb") as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise ValueError(f"the provider's file is no regular file: {path}")
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as own:
            shutil.copyfileobj(source, own, _COPY_BYTES)
    return own.name


@contextmanager
def _part(start: float, end: float, notes: list[str]) -> Iterator[None]:
    """A part of the job: 0.0..1.0 as reported inside is start..end of the whole."""
    whole = copy_context()  # where `report` still reaches whoever listens to the whole job

    def report(fraction: float) -> None:
        whole.run(progress.report, start + (end - start) * fraction)

    with progress.listening(progress.Listener(report, notes.append)):
        yield
    report(1.0)


@contextmanager
def _failing_as(error: str, task: Task) -> Iterator[None]:
    """Turn whatever is raised inside (a provider's SystemExit too) into one of the job's errors."""
    from restore.images import ImageError

    try:
        yield
    except BaseException as cause:
        if not Path(task.upload).exists():  # whatever a library makes of that
            raise _Failure("storage") from cause
        if isinstance(cause, ImageError):
            damaged = cause.code == "decode_failed"
            raise _Failure(cause.code, cause.detail, no_traceback=damaged) from cause
        if isinstance(cause, MemoryError):
            raise _Failure("provider_error", "out of memory") from cause
        raise _Failure(error) from cause


def _for_want_of_room(error: BaseException | None, folder: str) -> bool:
    """Whether our disk was full: then the same job may well succeed later.

    An error that speaks of a full disk beside plenty of room is another's: /dev/shm, inotify.
    """
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    free = disk.f_bavail * disk.f_frsize
    if free < _LOW_DISK_BYTES:
        return True
    scarce = free < _LARGEST_WORK_BYTES or (disk.f_files > 0 and disk.f_favail == 0)
    while error is not None:
        number = error.errno if isinstance(error, OSError) else None
        if number == errno.EDQUOT or (number == errno.ENOSPC and scarce):
            return True
        error = error.__cause__ or error.__context__
    return False


def _joined(notes: list[str]) -> str:
    return "; ".join(" ".join(str(note).split()) for note in notes)[:NOTE_CHARS]
