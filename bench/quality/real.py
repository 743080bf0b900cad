"""A contact sheet of real prints, before and after: no figure tells whether a print came back well.

It takes a folder of prints. Free ones that show what wears: the old and scratched test pictures of
microsoft/Bringing-Old-Photos-Back-to-Life (MIT, in its folder test_images), and the prints among
the pictures of the theme WordPress/twentytwentyfive (CC0, in its folder assets/images).
"""

import shutil
import tempfile
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFont

from bench.quality.measures import restored
from bench.quality.pictures import SUFFIXES
from restore.providers.generic import run

SIDE = 480  # px a cell
CAPTION = 22
GAP = 8
SAME_LEVELS = 3  # a result that differs by no more is unchanged to anybody's eye


def sheet(folder: Path, out: Path, strength: float) -> None:
    """Restore each picture of `folder` at its own size; write `out` and say what came of each."""
    rows, same = [], 0
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    for path in paths:
        with Image.open(path) as image:
            before = image.convert("RGB")
        after = restored(before, strength, quality=95 if path.suffix != ".png" else None)
        moved = ImageChops.difference(before, after.convert("RGB"))
        most = max(high for _, high in moved.getextrema())  # type: ignore[misc]
        unchanged = most <= SAME_LEVELS
        same += unchanged
        told = f"{path.name}: {'unchanged' if unchanged else f'changed by up to {most}'}"
        print(told)
        rows.append(_row(told, before, after))
    print(f"{same} of {len(paths)} came back unchanged")
    if rows:
        _stacked(rows).save(out, quality=92)
        print(f"look at {out}, at 100 %")


def pair(photo: Path, out: Path, strength: float) -> None:
    """Write `photo` before and after, side by side, to `out`: the README's picture."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(photo, folder)  # the file as it is: its JPEG tables tell of its damage
        with Image.open(run(copy, "restoration/classic", strength, 1)) as result:
            after = result.convert("RGB")
        with Image.open(photo) as image:
            before = image.convert("RGB")
    both = Image.new("RGB", (before.width + GAP + after.width, before.height), (255, 255, 255))
    both.paste(before, (0, 0))
    both.paste(after, (before.width + GAP, 0))
    both.save(out, quality=90)


def _row(told: str, before: Image.Image, after: Image.Image) -> Image.Image:
    """Both whole, and both by their middle at 100 %."""
    row = Image.new("RGB", (4 * SIDE, SIDE + CAPTION), (24, 24, 24))
    ImageDraw.Draw(row).text((6, 4), told, (235, 235, 235), ImageFont.load_default(13))
    for column, image in enumerate((before, after)):
        whole = image.convert("RGB")
        left, top = max(0, (whole.width - SIDE) // 2), max(0, (whole.height - SIDE) // 3)
        middle = whole.crop(
            (left, top, min(whole.width, left + SIDE), min(whole.height, top + SIDE))
        )
        whole.thumbnail((SIDE - 8, SIDE - 8))
        row.paste(whole, (column * SIDE, CAPTION))
        row.paste(middle, ((2 + column) * SIDE, CAPTION))
    return row


def _stacked(rows: list[Image.Image]) -> Image.Image:
    stack = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    top = 0
    for row in rows:
        stack.paste(row, (0, top))
        top += row.height
    return stack
