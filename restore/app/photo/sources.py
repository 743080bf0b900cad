"""Which photos are meant by what was typed, and where their results go.

Rules: two results never get the same name; a folder's own results aren't taken for photos the next
time; a photo that can't be had is a failure of its own and no end of the others.
"""

import glob
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from restore.app.photo.arguments import Options, UsageError, any_magic, is_folder
from restore.contract import ACCEPTED, Kind, refusal_sentence, sniff

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"})  # looked for in folders
MARK = "-restored"
HEAD_BYTES = 4096  # enough to tell a file's kind
COPY_BYTES = 1024 * 1024
_LARGEST_BYTES = 1024 * 1024 * 1024  # of what comes by a pipe


class PhotoError(Exception):
    """One photo can't be restored: `code` as the server has it, the text a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Photo(NamedTuple):
    """A file to be read and where its result goes; `target` is None for standard output.

    `name` is what the user calls it. `error` says why it can't even be tried.
    """

    name: str
    path: Path
    target: Path | None = None
    kind: Kind = Kind.UNKNOWN
    error: PhotoError | None = None


def find(options: Options, work: Path) -> Iterator[Photo]:
    """Every photo, in the order given. `work` is where one from standard input is kept.

    Raises UsageError for a folder without -r.
    """
    taken: set[str] = set()
    for text in options.photos:
        for path, below in _files(text, options):
            yield _photo(path, below, options, work, taken)


def _files(text: str, options: Options) -> Iterator[tuple[Path, Path]]:
    """The files that `text` means, each with its folder as seen from there."""
    path, here = Path(text), Path()
    if text != "-" and not os.path.lexists(path) and any_magic(text):
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207  (it may be absolute)
        files = [Path(match) for match in matches if not is_folder(match)]
        yield from ((file, here) for file in files or [path])
    elif text != "-" and is_folder(path):
        if not options.recursive:
            raise UsageError(f"{text} is a folder; with -r the photos in it are taken.")
        for place, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(place, name)
                if file.suffix.lower() in SUFFIXES and not _is_result(file):
                    yield file, Path(place).relative_to(path)
    else:
        yield path, here


def _is_result(file: Path) -> bool:
    stem, mark, number = file.stem.rpartition(MARK)
    return file.name.startswith(".") or bool(stem and mark and (not number or number[1:].isdigit()))


def _photo(path: Path, below: Path, options: Options, work: Path, taken: set[str]) -> Photo:
    name = str(path)
    try:
        if name == "-":
            path = _kept(work / "stdin")
        with path.open("rb") as file:
            kind = sniff(file.read(HEAD_BYTES))
    except OSError as error:
        reason = error.strerror or "it is no file"
        sentence = f"It can't be read: {reason[:1].lower()}{reason[1:]}."
        return Photo(name, path, error=PhotoError("unreadable", sentence))
    if kind not in ACCEPTED:
        error_ = PhotoError("unsupported_image", refusal_sentence(kind))
        return Photo(name, path, kind=kind, error=error_)
    if options.to_stdout:
        return Photo(name, path, None, kind)
    return _placed(Photo(name, path, None, kind), below, options, taken)


def _placed(photo: Photo, below: Path, options: Options, taken: set[str]) -> Photo:
    """Give the photo its place; refuse one that is there already, before any work is done."""
    source = Path("photo" if photo.name == "-" else photo.name)
    if options.output is not None and not options.into_folder:
        target = Path(options.output)
    else:
        folder = source.parent if options.output is None else Path(options.output) / below
        suffix = ".jpg" if photo.kind in (Kind.JPEG, Kind.HEIC) else ".png"
        stem, number = f"{source.stem}{MARK}", 1
        target = folder / f"{stem}{suffix}"
        while str(target).casefold() in taken:  # some file systems don't tell A from a
            number += 1
            target = folder / f"{stem}-{number}{suffix}"
    taken.add(str(target).casefold())
    photo = photo._replace(target=target)
    if not options.dry_run:
        try:
            check_free(target, options.overwrite)
        except PhotoError as error:
            return photo._replace(error=error)
    return photo


def check_free(target: Path, overwrite: bool) -> None:
    """Raises PhotoError where something is there that isn't to be replaced."""
    if is_folder(target):
        raise PhotoError("exists", f"{target} is a folder.")
    if not overwrite and os.path.lexists(target):
        raise PhotoError("exists", f"{target} is there already; --overwrite replaces it.")


def _kept(place: Path) -> Path:
    """What comes on standard input, as a file; a photo is read more than once."""
    left = _LARGEST_BYTES
    with place.open("wb") as file:
        while left and (chunk := sys.stdin.buffer.read(min(COPY_BYTES, left))):
            left -= len(chunk)
            file.write(chunk)
    return place
