"""A page of pictures to look at, before and after: each photo of a folder by each model.

    python -m bench.lookbook FOLDER OUT [--upscale 2] [--models restoration/classic ...]

Writes OUT/index.html and the pictures beside it. A crop from the middle stands at 100 %, so that a
screen shows what was made and not what a browser made of it. It measures nothing.
"""

import argparse
import html
import shutil
import tempfile
import time
from pathlib import Path

from PIL import Image

from restore.providers import load

CROP = 360  # px a side of what is shown at 100 %
KINDS = (".jpg", ".jpeg", ".png")
MODELS = ("restoration/classic", "restoration/learned")
STYLE = (
    "body{font:15px sans-serif;background:#222;color:#ddd;margin:1em}"
    "figure{display:inline-block;margin:0 1em 1em 0}img{display:block}"
)


def restored(photo: Path, model_id: str, upscale: int, models_dir: str) -> Image.Image:
    """`photo` by one model at full strength."""
    run = load("generic", None, models_dir).run
    with tempfile.TemporaryDirectory() as folder:
        own = shutil.copy(photo, folder)
        with Image.open(str(run(str(own), model_id, 1.0, upscale))) as image:
            return image.convert("RGB")


def middle(image: Image.Image) -> Image.Image:
    """The CROP px in the middle, a little above, where faces are."""
    left = max(0, (image.width - CROP) // 2)
    top = max(0, (image.height - CROP) // 3)
    return image.crop((left, top, min(image.width, left + CROP), min(image.height, top + CROP)))


def page(folder: Path, out: Path, upscale: int, models: list[str], models_dir: str) -> None:
    """Write the page about all photos of `folder`."""
    out.mkdir(parents=True, exist_ok=True)
    lines = [
        f"<!doctype html><meta charset=utf-8><title>Before, after</title><style>{STYLE}</style>"
    ]
    for photo in sorted(path for path in folder.iterdir() if path.suffix.lower() in KINDS):
        with Image.open(photo) as image:
            size = (image.width * upscale, image.height * upscale)
            shown = [("before", image.convert("RGB").resize(size, Image.Resampling.BICUBIC), 0.0)]
        for model_id in models:
            began = time.perf_counter()
            made = restored(photo, model_id, upscale, models_dir)
            shown.append((model_id, made, time.perf_counter() - began))
        lines.append(f"<h2>{html.escape(photo.name)}</h2>")
        for number, (name, made, seconds) in enumerate(shown):
            file = f"{photo.stem}-{number}.png"
            middle(made).save(out / file)
            told = f"{html.escape(name)}, {seconds:.1f} s" if seconds else name
            lines.append(f"<figure><img src={file!r}><figcaption>{told}</figcaption></figure>")
    (out / "index.html").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--upscale", type=int, choices=(1, 2, 4), default=2)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--models-dir", default="")
    given = parser.parse_args()
    page(given.folder, given.out, given.upscale, given.models, given.models_dir)


if __name__ == "__main__":
    main()
