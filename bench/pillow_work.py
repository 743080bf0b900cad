"""The image job of the benchmark: the same work for every server, and bare, as the limit.

`run` is a provider as the server takes it (PROVIDER=bench.pillow_work:run). `python -m
bench.pillow_work IMAGE COUNT` does COUNT jobs in this one process: what two of them reach together
is what two workers could reach at most.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageFilter, ImageOps

from bench.tether import tethered


def run(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    """Smooth, sharpen, encode; the result lies beside the input."""
    output = Path(image_path).with_name("restored.jpg")
    with Image.open(image_path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    if upscale > 1:
        size = (upright.width * upscale, upright.height * upscale)
        upright = upright.resize(size, Image.Resampling.LANCZOS)
    smooth = upright.filter(ImageFilter.MedianFilter(3))
    blended = Image.blend(upright, smooth, strength / 2)
    blended.filter(ImageFilter.UnsharpMask(1.5, 100, 2)).save(output, quality=92)
    return str(output)


@contextmanager
def bare_loop(image: Path, count: int) -> Iterator[Callable[[], Callable[[], float]]]:
    """A process that is ready to work; call what is given to begin, and what that gives to wait."""
    command = [sys.executable, "-m", "bench.pillow_work", str(image), str(count)]
    pipe = subprocess.PIPE
    process = tethered(
        command, cwd=Path(__file__).parent.parent, stdin=pipe, stdout=pipe, text=True
    )
    told, tells = process.stdin, process.stdout
    assert told is not None
    assert tells is not None

    def begin() -> Callable[[], float]:
        told.write("go\n")
        told.flush()
        return lambda: float(tells.readline())

    try:
        tells.readline()
        yield begin
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """Work through COUNT jobs once a line comes on stdin; print the seconds they took."""
    image, count = Path(sys.argv[1]).read_bytes(), int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="restore-bench-") as folder:
        path = Path(folder, "input.jpg")
        path.write_bytes(image)
        run(str(path), "", 0.6, 1)  # imports and first allocations are nobody's work
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.perf_counter()
        for _ in range(count):
            path.write_bytes(image)
            run(str(path), "", 0.6, 1)
        print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
