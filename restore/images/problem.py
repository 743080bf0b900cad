"""The one error of this package."""


class ImageError(Exception):
    """A picture that can't be taken, worked on, or handed out.

    `code` is one of contract.PROBLEMS when raised by inspect, of contract.JOB_ERRORS when raised by
    normalize and finish. `detail` is for the log only. `width` and `height` (pixels) say how large
    the picture claims to be where that is what's wrong with it, else 0.
    """

    def __init__(self, code: str, detail: str, width: int = 0, height: int = 0) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.width = width
        self.height = height


class BrokenFile(Exception):  # noqa: N818  (said of a file, within this package only)
    """A file that doesn't keep the rules of its format; the caller knows what follows from it."""


def is_of_the_disk(error: BaseException) -> bool:
    """Whether the system failed (no room, no such file): Pillow's own errors have no errno."""
    return isinstance(error, OSError) and error.errno is not None
