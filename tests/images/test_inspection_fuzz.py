"""Files cut and flipped at random: only documented answers, in bounded time and memory.

The work is done by a child process, as in the server: a codec that crashes fails this test with the
seed and the number of the file, and takes nothing else with it.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from collections import Counter
from collections.abc import Iterator

MIB = 1024 * 1024
MEMORY_BYTES = 1600 * MIB
CASE_S = 5.0
CHILD_S = 300.0
FILES, SEEDS = 600, (1, 2026)
ANSWERS = {"refused", "image_unreadable", "image_dimensions", "unsupported_image", "decode_failed"}
NUMBERS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\x40\0", b"\x80\0\0\0")


class FuzzTest(unittest.TestCase):
    def test_only_documented_answers(self) -> None:
        for seed in SEEDS:
            with self.subTest(seed=seed):
                done = subprocess.run(
                    [sys.executable, "-m", __name__, str(seed), str(FILES)],
                    capture_output=True,
                    text=True,
                    timeout=CHILD_S,
                    check=False,
                )
                self.assertEqual(0, done.returncode, done.stdout[-300:] + done.stderr[-2000:])
                found = json.loads(done.stdout.splitlines()[-1])
                kinds = {name.partition(" ")[0] for name in found["answers"]}
                answers = {name.partition(" ")[2] for name in found["answers"]}
                self.assertEqual(set(originals()), kinds)
                self.assertLessEqual(answers, ANSWERS | {"ok"})
                self.assertIn("ok", answers)
                self.assertIn("decode_failed", answers)
                self.assertLess(found["slowest_s"], CASE_S)


def originals() -> dict[str, bytes]:
    """A small file of each kind, with every kind of metadata."""
    from tests.support import pictures

    image, clear = pictures.drawing("RGB", (96, 64)), pictures.drawing("RGBA", (96, 64))
    exif, profile = pictures.exif(6), pictures.wide_profile()
    grid = pictures.drawing("RGB", (300, 200))
    encode = pictures.encode
    return {
        "jpeg": encode(image, "JPEG", exif=exif, icc_profile=profile, xmp=pictures.xmp()),
        "progressive": encode(image, "JPEG", progressive=True, quality=90),
        "cmyk": encode(pictures.drawing("CMYK", (96, 64)), "JPEG"),
        "png": encode(clear, "PNG", exif=exif, icc_profile=profile),
        "palette": encode(image.quantize(16), "PNG", transparency=3),
        "deep": encode(image.convert("L").convert("I;16"), "PNG"),
        "webp": encode(clear, "WEBP", exif=exif, icc_profile=profile),
        "lossless": encode(image, "WEBP", lossless=True),
        "animated": encode(image, "WEBP", save_all=True, append_images=[image.rotate(90)]),
        "heic": encode(image, "HEIF", exif=exif, icc_profile=profile),
        "alpha": encode(clear, "HEIF"),
        "grid": encode(grid, "HEIF", tile_size=128),
    }


def damaged(data: bytes, numbers: random.Random) -> bytes:
    """The file cut, flipped, overwritten, or with bytes taken out or put in."""
    changed, at = bytearray(data), numbers.randrange(len(data) - 4)
    way = numbers.randrange(6)
    if way == 0:
        return data[:at]
    if way == 1:
        for _ in range(numbers.choice((1, 2, 5, 20))):
            changed[numbers.randrange(len(data))] ^= 1 << numbers.randrange(8)
    elif way == 2:
        for _ in range(numbers.choice((1, 2, 5))):  # where headers are
            changed[numbers.randrange(min(len(data), 600))] = numbers.randrange(256)
    elif way == 3:
        del changed[at : at + numbers.randrange(1, 64)]
    elif way == 4:
        changed[at:at] = numbers.randbytes(numbers.randrange(1, 64))
    else:
        changed[at : at + 4] = numbers.choice(NUMBERS)
    return bytes(changed)


def cases(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    numbers = random.Random(seed)
    whole = originals()
    for number in range(count):
        name = list(whole)[number % len(whole)]
        yield name, damaged(whole[name], numbers)


def answer(data: bytes, folder: str) -> str:
    """What becomes of the file, on its whole way; any other exception ends the child."""
    from PIL import Image

    from restore import images
    from restore.contract.kinds import ACCEPTED, sniff

    upload = f"{folder}/upload"
    with open(upload, "wb") as file:  # noqa: PTH123
        file.write(data)
    kind = sniff(data[:4096])
    if kind not in ACCEPTED:
        return "refused"
    work = tempfile.mkdtemp(dir=folder)
    try:
        images.inspect(upload, kind)
        normalized = images.normalize(upload, kind, work)
    except images.ImageError as error:
        return error.code
    with Image.open(normalized.path) as given:
        given.load()
    if given.size != (normalized.width, normalized.height):
        raise AssertionError(f"{given.size} pixels given")
    with Image.open(images.finish(normalized, normalized.path, 1, work)) as left:
        left.load()
    return "ok"


def main(seed: int, count: int) -> None:
    warnings.simplefilter("ignore")
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    answers: Counter[str] = Counter()
    slowest = 0.0
    for number, (name, data) in enumerate(cases(seed, count)):
        print(f"file {number} of seed {seed}: {name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            answers[f"{name} {answer(data, folder)}"] += 1
            slowest = max(slowest, time.process_time() - start)
    print(json.dumps({"answers": answers, "slowest_s": slowest}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
