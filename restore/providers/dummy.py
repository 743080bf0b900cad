"""A provider for tests of clients: it waits, and hands the picture back as it came.

It restores nothing. At upscale 2 and 4 it enlarges plainly, each pixel to a block.
"""

import random
import shutil
import time
from pathlib import Path

from PIL import Image

from restore.progress import report
from restore.providers.transparency import packing_of, scale_hidden

MODELS = {"restoration/dummy": "waits a moment and hands the picture back as it came"}
DELAY_S = (1.0, 2.0)  # the shortest and longest wait
STEP_S = 0.05  # between two reports of progress
WAIT_SHARE = 0.9  # of the progress


def run(
    image_path: str,
    model_id: str,
    strength: float,
    upscale: int,
    *,
    delay_s: tuple[float, float] = DELAY_S,
) -> str:
    """Wait `delay_s` (shortest, longest; seconds), then copy or enlarge the image beside itself.

    Format and metadata are kept. `model_id` and `strength` make no difference.
    """
    _wait(random.uniform(*delay_s))  # noqa: S311  (no secret)
    source = Path(image_path)
    output = source.with_name(f"{source.stem}-dummy{source.suffix}")
    if upscale == 1:
        shutil.copyfile(source, output)
    else:
        _enlarge(source, output, upscale)
    report(1.0)
    return str(output)


def _wait(seconds: float) -> None:
    """Sleep in steps, each a little progress: an hour's wait is not taken for a hang."""
    start = time.monotonic()
    while (waited := time.monotonic() - start) < seconds:
        report(WAIT_SHARE * waited / seconds)
        time.sleep(min(STEP_S, seconds - waited))
    report(WAIT_SHARE)


def _enlarge(source: Path, output: Path, upscale: int) -> None:
    with Image.open(source) as image:
        packing = packing_of(image)
        image.load()
        scale_hidden(image, packing)
        kept = {key: image.info[key] for key in ("exif", "icc_profile", "dpi") if key in image.info}
        size = (image.width * upscale, image.height * upscale)
        enlarged = image.resize(size, Image.Resampling.NEAREST)
        how = {"quality": 95, "subsampling": 0} if image.format == "JPEG" else {"compress_level": 1}
        enlarged.save(output, image.format, **kept, **how)
