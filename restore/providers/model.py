"""What is said of a model: to whoever starts the server, and to clients that choose."""

from dataclasses import dataclass

UPSCALES = (1, 2, 4)


class ModelError(Exception):
    """A model can't be used; the message is one sentence for whoever starts the server."""


@dataclass(frozen=True, slots=True)
class Model:
    """`about` is one line on what it does. `upscales` are those at which it does it.

    `s_per_mp` is CPU seconds on one core for a megapixel of output (of input where `upscales` is 1
    alone), measured once, None where it was not; `memory_bytes` what a job may need beyond what the
    size of its picture calls for.
    """

    about: str
    licence: str = ""
    upscales: tuple[int, ...] = UPSCALES
    s_per_mp: float | None = None
    memory_bytes: int = 0
