"""A provider for each way to go wrong: `PROVIDER=tests.support.bad_providers:<name>`.

Each is the contract's `run`; what the picture is doesn't matter to them. Those that come back
return something to look at, mostly the id of their process.
"""

import ctypes
import inspect
import mmap
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from restore.progress import report

MODELS = {"bad/provider": "goes wrong in one way or another"}


class UnpicklableError(Exception):
    """Pickles, but raises when it is unpickled: `__init__` wants more than `args` holds."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.second = second


class UnpicklableResult:
    """A result that turns out unusable only where it is read."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return fail_in_server, ()


class UndescribableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


def fail_in_server() -> None:
    raise RuntimeError("unpickled")


# -- those that raise


def raises(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    raise ValueError("a plain exception")


def raises_unpicklable(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    raise UnpicklableError("one", "two")


def raises_undescribable(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    raise UndescribableError


def raises_at_length(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    raise ValueError("x" * 10_000_000)


def exits_politely(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    sys.exit(7)


def interrupts(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    raise KeyboardInterrupt


def recurses(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    return recurses(image_path, model_id, strength, upscale)


def fills_the_disk(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    try:
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")
    except OSError as error:
        raise RuntimeError("couldn't save") from error
    return image_path


def hogs_memory(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    """Ask for 64 MiB again and again; the pages are never touched, so the machine isn't hurt."""
    hoard = []
    while True:
        hoard.append(mmap.mmap(-1, 64 << 20))


# -- those that end the process


def exits(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    os._exit(3)


def segfaults(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    return str(ctypes.string_at(8))


def kills_itself(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return image_path


def closes_everything(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    os.closerange(0, 1024)
    return image_path


def scribbles(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    """Write the beginning of a long result for the server, and never the rest."""
    frame = inspect.currentframe()
    while frame and {"result_queue", "replies"}.isdisjoint(frame.f_locals):
        frame = frame.f_back
    assert frame is not None, "only a child has one"
    known = frame.f_locals
    writer = known["replies"] if "replies" in known else known["result_queue"]._writer
    os.write(writer.fileno(), b"\x00\x01\x00\x00half of it")
    time.sleep(3600)
    return image_path


def dies_when_idle(image_path: str, model_id: str, strength: float, upscale: int) -> int:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    return os.getpid()


# -- those that don't come back


def hangs(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    report(0.25)
    tell(image_path)
    time.sleep(3600)
    return image_path


def hangs_holding_the_gil(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    report(0.25)
    tell(image_path)
    re.match("(a+)+$", "a" * 64 + "b")  # 2 ** 64 steps inside one call of C code
    return image_path


def hangs_with_progress(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    tell(image_path)
    started = time.monotonic()
    while True:
        report(1 - 1 / (1 + time.monotonic() - started))
        time.sleep(0.01)


def prints_without_end(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    tell(image_path)
    while True:
        print("la " * 1000)


# -- those that leave something behind


def prints_a_megabyte(image_path: str, model_id: str, strength: float, upscale: int) -> int:
    for _ in range(1000):
        print("x" * 1000)
    return os.getpid()


def prints_binary(image_path: str, model_id: str, strength: float, upscale: int) -> int:
    os.write(1, bytes(range(256)) + b"\n\x1b[2J\n")
    os.write(2, "ends without a line's end, \u202e backwards".encode())
    return os.getpid()


def forks(image_path: str, model_id: str, strength: float, upscale: int) -> list[int]:
    """Leave two processes behind: a copy of this one, and another program."""
    copy = os.fork()
    if not copy:
        time.sleep(3600)
        os._exit(0)
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    pids = [os.getpid(), copy, program.pid]
    program.returncode = 0  # or it is waited for, and warned of
    if image_path:
        Path(image_path).write_text(" ".join(map(str, pids)), encoding="ascii")
    return pids


def forks_and_hangs(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    forks(image_path, model_id, strength, upscale)
    time.sleep(3600)
    return image_path


def starts_threads(image_path: str, model_id: str, strength: float, upscale: int) -> int:
    for _ in range(4):
        threading.Thread(target=time.sleep, args=(3600,)).start()
    return os.getpid()


def closes_output(image_path: str, model_id: str, strength: float, upscale: int) -> int:
    """Close descriptors 1 and 2, so that the next file opened gets their numbers."""
    sys.stdout.close()
    os.close(1)
    os.close(2)
    os.open(os.devnull, os.O_RDWR)
    os.open(os.devnull, os.O_RDWR)
    return os.getpid()


def changes_process(image_path: str, model_id: str, strength: float, upscale: int) -> int:
    os.chdir(tempfile.gettempdir())
    os.umask(0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 3600)
    del sys.stdout
    return os.getpid()


def keeps_memory(image_path: str, model_id: str, strength: float, upscale: int) -> int:
    """Keep 32 MiB for good, all of it touched."""
    MODELS["kept"] = "x" * (32 << 20)
    return os.getpid()


def returns_a_lot(image_path: str, model_id: str, strength: float, upscale: int) -> bytes:
    return bytes(1 << 20)


def returns_unpicklable(image_path: str, model_id: str, strength: float, upscale: int) -> object:
    return lambda: None


def returns_unusable(image_path: str, model_id: str, strength: float, upscale: int) -> object:
    return UnpicklableResult()


# -- those that return what is no restored picture


def returns_none(image_path: str, model_id: str, strength: float, upscale: int) -> None:
    return None


def returns_missing(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    return image_path + ".missing"


def returns_folder(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    return str(Path(image_path).parent)


def returns_outside(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    return __file__


def returns_link(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    link = Path(image_path).with_name("link.png")
    link.symlink_to(__file__)
    return str(link)


def returns_pipe(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    pipe = Path(image_path).with_name("pipe.png")
    os.mkfifo(pipe)
    return str(pipe)


def returns_text(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    output = Path(image_path).with_name("text.png")
    output.write_text("no picture", encoding="ascii")
    return str(output)


def returns_wrong_size(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    from PIL import Image  # here: some tests look that a server doesn't load it

    output = Path(image_path).with_name("small.png")
    Image.new("RGB", (3, 2)).save(output)
    return str(output)


def deletes_input(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    Path(image_path).unlink()
    return image_path


def changes_input(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    """Paint the input black in place and return it."""
    from PIL import Image

    with Image.open(image_path) as image:
        kind, size, mode = image.format, image.size, image.mode
    Image.new(mode, size).save(image_path, kind)
    return image_path


def damages_input(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    Path(image_path).write_bytes(b"no picture")
    return image_path


# -- good ones


def returns_input(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    return image_path


def reports_halfway(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    report(0.5)
    return image_path


def tell(image_path: str) -> None:
    """Say in the file at `image_path` which process works on it, where one is given."""
    if image_path:
        Path(image_path).write_text(str(os.getpid()), encoding="ascii")
