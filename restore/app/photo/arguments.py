"""What may be typed after `restore-photo`. It looks at no file and starts nothing.

Rule: what is wrong with the way it was called is said in one sentence, before any photo is touched,
and ends in status 2. The numbers are read by the same rules as a form's fields.
"""

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import restore
from restore.config import KEYS
from restore.contract import JobSpec, Refusal, parse_fields

HELP = """\
usage: restore-photo [option ...] PHOTO|FOLDER|- ...

Gives old photos back better: old.jpg gets an old-restored.jpg beside it.

  -o, --output PLACE    the file, or the folder, for results; - is stdout
  -r, --recursive       take the photos in folders, and in theirs
      --strength N      how much to do, 0.1 to 1.0 (default 0.6)
      --upscale N       enlarge both sides: 1, 2 or 4 (default 1)
      --model ID        one of the models that the provider offers
      --provider NAME   generic (default), dummy or package.module:callable
  -j, --jobs N          photos at once (default: one less than the cores)
      --overwrite       replace results that are there already
      --dry-run         write nothing, only say what was found
      --json            a line of JSON for each photo
  -q, --quiet           say nothing but what goes wrong
      --server URL      let a restore server do the work (RESTORE_TOKEN)
  -h, --help, --version

  restore-photo old.jpg
  restore-photo -r --upscale 2 -o better/ albums/
  scan | restore-photo --strength 0.8 - > better.jpg
"""
MOST_JOBS = 64


class UsageError(Exception):
    """It was called wrongly; the text is a sentence."""


class Options(NamedTuple):
    """What was asked for. `strength`, `upscale` and `model` are as typed; `spec` reads them."""

    photos: list[str]
    output: str | None
    recursive: bool
    strength: str
    upscale: str
    model: str
    provider: str
    jobs: int | None
    overwrite: bool
    dry_run: bool
    json: bool
    quiet: bool
    server: str | None

    @property
    def to_stdout(self) -> bool:
        """A single result goes to standard output."""
        return self.output == "-" or (self.output is None and self.photos == ["-"])

    @property
    def into_folder(self) -> bool:
        """`output` is a folder, whether it is there already or not."""
        if self.output is None or self.to_stdout:
            return False
        first = self.photos[0]
        many = len(self.photos) > 1 or is_folder(first) or any_magic(first)
        return many or self.output.endswith("/") or is_folder(self.output)

    def spec(self, offered: Collection[str] | None = None) -> JobSpec:
        """The three, checked. Without `offered` any model will do. Raises UsageError."""
        default = KEYS["MODEL_DEFAULT"]
        fields = {"strength": self.strength, "upscale": self.upscale, "model_id": self.model}
        models = {self.model, default} if offered is None else {*offered, default}
        try:
            return parse_fields(fields, default, models)
        except Refusal as refusal:
            raise UsageError(refusal.sentence) from None


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        return HELP

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. See restore-photo --help.")


def parse(arguments: Sequence[str]) -> Options:
    """Read the arguments. Raises UsageError; --help and --version print and exit."""
    parser = _Parser(prog="restore-photo", allow_abbrev=False)
    parser.add_argument("photos", nargs="+", metavar="PHOTO")
    parser.add_argument("-o", "--output")
    for flags in (("-r", "--recursive"), ("--overwrite",), ("--dry-run",), ("--json",)):
        parser.add_argument(*flags, action="store_true")
    parser.add_argument("-q", "--quiet", action="store_true")
    for name in ("--strength", "--upscale", "--model"):
        parser.add_argument(name, default="")
    parser.add_argument("--provider", default="generic")
    parser.add_argument("-j", "--jobs", type=_jobs)
    parser.add_argument("--server")
    parser.add_argument("--version", action="version", version=restore.__version__)
    options = Options(**vars(parser.parse_args(arguments)))
    options.spec()
    _check(options)
    return options


def _check(options: Options) -> None:
    """Refuse what contradicts itself."""
    single = len(options.photos) == 1 and not is_folder(options.photos[0])
    if options.photos.count("-") > 1:
        raise UsageError("Standard input holds one photo: give - once.")
    if options.output == "-" and not single:
        raise UsageError("Only a single photo can go to standard output.")
    if options.to_stdout and options.json and not options.dry_run:
        raise UsageError("With --json a photo needs a place to go: give -o FILE.")
    if options.server is not None and options.dry_run:
        raise UsageError("A server doesn't say what it would find: leave --dry-run or --server.")


def is_folder(path: str | Path) -> bool:
    """Whether there is a folder; no, where the name alone is impossible."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def any_magic(text: str) -> bool:
    """Whether a shell would take `text` for a pattern."""
    return any(sign in text for sign in "*?[")


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_JOBS):
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {MOST_JOBS}")
    return int(text)
