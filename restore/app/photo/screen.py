"""What the command tells while it works, and at the end.

On a terminal a bar for each photo in work, drawn on standard error; elsewhere whole lines only.
Results go to standard output, failures to standard error. Rule: no name of a file can send codes to
the terminal, and a line never wraps.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from unicodedata import combining, east_asian_width

from restore.app.photo.arguments import Options
from restore.app.photo.sources import Photo, PhotoError
from restore.contract import sentences

BAR_CELLS = 24
NAME_CELLS = 32
_STAGES = {"uploading": "sending", "queued": "waiting"}


class Ended(NamedTuple):
    """How a photo ended: `target` is where its result is, None where none was written to a file."""

    photo: Photo
    seconds: float
    target: Path | None = None
    note: str = ""
    error: PhotoError | None = None


class Screen:
    """Standard output and standard error of one run over `total` photos."""

    def __init__(self, options: Options, total: int) -> None:
        self._options = options
        self._total = total
        self._bars = (
            sys.stderr.isatty() and not options.quiet and os.environ.get("TERM", "dumb") != "dumb"
        )
        self._full, self._empty = ("█", "░") if _can_say("█░") else ("#", ".")
        self._at_work: dict[str, tuple[str, float]] = {}  # by the photo's name
        self._drawn = 0  # lines of bars that stand there now
        self._ended = self._failed = 0

    @property
    def failed(self) -> int:
        return self._failed

    def teller(self, photo: Photo) -> Callable[[str, float], None]:
        """What hears how far `photo` is, from now until `end`."""
        self._at_work[photo.name] = ("running", 0.0)

        def tell(status: str, fraction: float) -> None:
            if photo.name in self._at_work:
                self._at_work[photo.name] = (status, min(max(fraction, 0.0), 1.0))

        return tell

    def draw(self) -> None:
        """Draw the bars as things stand."""
        if self._bars:
            columns, rows = shutil.get_terminal_size()
            shown = list(self._at_work.items())[: max(1, rows - 3)]
            lines = [self._bar(name, *state, columns) for name, state in shown]
            if self._total > len(shown):
                lines.append(f"{self._ended} of {self._total} done"[: columns - 1])
            self._wipe()
            sys.stderr.write("".join(f"{line}\n" for line in lines))
            sys.stderr.flush()
            self._drawn = len(lines)

    def end(self, ended: Ended) -> None:
        """Say how a photo ended."""
        self._at_work.pop(ended.photo.name, None)
        self._ended += 1
        self._failed += ended.error is not None
        self._wipe()
        if self._options.json:
            print(json.dumps(self._told(ended)), flush=True)
        elif ended.error is not None:
            print(f"{safe(ended.photo.name)}: {safe(str(ended.error))}", file=sys.stderr)
        elif not self._options.quiet:
            self._say(ended)
        self.draw()

    def close(self) -> None:
        """Take the bars away; of several photos say how many went well."""
        self._at_work.clear()
        self._wipe()
        if self._ended > 1 and not (self._options.quiet or self._options.json):
            well = self._ended - self._failed
            did = "looked at" if self._options.dry_run else "restored"
            print(f"{well} {did}, {self._failed} failed", file=sys.stderr)
        sys.stderr.flush()

    def _say(self, ended: Ended) -> None:
        name = safe(ended.photo.name)
        if self._options.dry_run:
            found, _ = sentences(ended.note)
            said = ended.note if found is None else " ".join(found) or "No damage was found."
            print(f"{name}: {safe(said)}", flush=True)
        elif ended.target is not None:
            print(f"{name} -> {safe(str(ended.target))} ({ended.seconds:.1f} s)", flush=True)

    def _told(self, ended: Ended) -> dict[str, object]:
        well = "found" if self._options.dry_run else "restored"
        found, done = sentences(ended.note)
        return {
            "photo": ended.photo.name,
            "status": "failed" if ended.error else well,
            "result": str(ended.target) if ended.target else None,
            "found": found,
            "done": None if self._options.dry_run else done,
            "note": ended.note,
            "seconds": round(ended.seconds, 3),
            "code": ended.error.code if ended.error else None,
            "error": str(ended.error) if ended.error else None,
        }

    def _bar(self, name: str, status: str, fraction: float, columns: int) -> str:
        cells = min(BAR_CELLS, max(0, columns - 22))
        full = round(cells * fraction)
        bar = self._full * full + self._empty * (cells - full)
        stage = _STAGES.get(status, "")
        room = max(4, min(NAME_CELLS, columns - cells - 18))
        return f"{_fitted(safe(name), room)} {bar} {fraction:4.0%} {stage}"[: columns - 1].rstrip()

    def _wipe(self) -> None:
        if self._drawn:
            sys.stderr.write(f"\x1b[{self._drawn}A\r\x1b[J")
            sys.stderr.flush()
            self._drawn = 0


def safe(text: str) -> str:
    """The text with everything that isn't printable written out."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _fitted(text: str, cells: int) -> str:
    """The text in exactly `cells` cells of a terminal; of a longer one the end is kept."""
    while sum(map(_width, text)) > cells:
        text = "~" + text.removeprefix("~")[1:]
    return text + " " * (cells - sum(map(_width, text)))


def _width(char: str) -> int:
    if combining(char):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def _can_say(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
