"""How well `generic` restores, told by Pillow alone: so that a contributor sees a loss.

    python -m bench.quality [--photos FOLDER] [--strength 1.0]      what it gains
    python -m bench.quality marks [--photos FOLDER]                 what it finds of marks
    python -m bench.quality harm [--photos FOLDER]                  what it changes and shouldn't
    python -m bench.quality real FOLDER [--out SHEET.jpg]           real prints, to be looked at
    python -m bench.quality pair docs/old-photo.jpg --out docs/before-after.jpg     README's picture

The first damages clean pictures in known ways, restores them, and prints the PSNR of luma before
and after; without --photos it paints its own scenes (always the same ones), and ends with status 1
where a gain fell below what it was when this was last tuned. All drawings come from seeds.
"""

import argparse
import sys
from pathlib import Path

from bench.quality import harm, marks, pictures, real, yardstick


def main(arguments: list[str] | None = None) -> int:
    """Print one table; 1 where a gain on the painted scenes is below its floor."""
    options = _options(arguments)
    photos = list(pictures.photos(options.photos)) if options.photos else []
    if options.table == "real":
        real.sheet(options.prints, options.out, options.strength)
    elif options.table == "pair":
        real.pair(options.prints, options.out, options.strength)
    elif options.table == "marks":
        marks.table(photos or [pictures.scene(number) for number in (2, 3)])
    elif options.table == "harm":
        harm.table(photos)
    else:
        scenes = [pictures.scene(number) for number in (2, 3, 4)]
        watched = not photos and options.strength == 1.0
        return 1 if yardstick.table(photos or scenes, options.strength, watched=watched) else 0
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    description, _, epilog = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m bench.quality",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tables = ("gain", "marks", "harm", "real", "pair")
    parser.add_argument("table", nargs="?", choices=tables, default="gain")
    parser.add_argument("prints", nargs="?", type=Path, help="real: a folder; pair: a file")
    parser.add_argument("--photos", type=Path, help="a folder of clean photos")
    parser.add_argument("--strength", type=float, default=1.0, help="not of marks and harm")
    parser.add_argument("--out", type=Path, default=Path("contact-sheet.jpg"), help="real, pair")
    options = parser.parse_args(arguments)
    if options.table in ("real", "pair") and options.prints is None:
        parser.error(f"{options.table} needs prints")
    return options


if __name__ == "__main__":
    sys.exit(main())
