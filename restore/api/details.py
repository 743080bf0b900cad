"""What is known of a job and of the models beyond the contract's two answers, as JSON.

The size of a result is read from its own header, a few bytes of it: this process loads no Pillow.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from restore.contract import Job, sentences

HOUR_S = 3600.0

_PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF (ITU-T T.81, B.1.1.3)
_JPEG_SEGMENTS = 1000  # before the frame; a large colour profile takes a few dozen


class Offered(NamedTuple):
    """A model that may be asked for; `details` go to clients as they are."""

    id: str
    about: str
    default: bool
    details: Mapping[str, Any]


def models_json(offered: tuple[Offered, ...]) -> bytes:
    """The body of GET /v1/models."""
    models = [
        {**model.details, "id": model.id, "about": model.about, "default": model.default}
        for model in offered
    ]
    return json.dumps({"models": models}).encode()


def details_json(job: Job, before: int | None, result: Path | None, keep_s: float) -> bytes:
    """The body of GET /v1/jobs/{job_id}/details.

    `before`: how many jobs wait before this one, None where it isn't waiting; `result`: where its
    result is; `keep_s`: seconds that an ended job is kept, 0 for ever.
    """
    found, done = sentences(job.note)
    expires = job.ended_at + keep_s if job.ended_at is not None and keep_s else None
    source = {"kind": job.source, "width": job.width, "height": job.height}
    said = {
        "job_id": job.id,
        "status": job.status,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "ended_at": _time(job.ended_at),
        "expires_at": _time(expires),
        "queue_position": None if before is None else before + 1,
        "attempts": job.attempt,
        "model_id": job.spec.model_id,
        "strength": job.spec.strength,
        "upscale": job.spec.upscale,
        "source": {**source, "bytes": job.upload_bytes},
        "result": None if result is None else _measured(result),
        "found": found,
        "done": done,
    }
    return json.dumps(said).encode()


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return (
        datetime.fromtimestamp(seconds, UTC).isoformat("T", "milliseconds").replace("+00:00", "Z")
    )


def _measured(path: Path) -> dict[str, int] | None:
    """Pixels and bytes of the PNG or JPEG at `path`; None where it is gone or is no such file."""
    try:
        with path.open("rb", buffering=4096) as file:
            size = _png_size(file) or _jpeg_size(file)
            return size and {"width": size[0], "height": size[1], "bytes": file.seek(0, 2)}
    except OSError:
        return None


def _png_size(file: BinaryIO) -> tuple[int, int] | None:
    head = file.read(24)
    if not head.startswith(_PNG_HEAD):
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """What the frame header says (ITU-T T.81, B.2.2)."""
    file.seek(2)
    for _ in range(_JPEG_SEGMENTS):
        segment = file.read(9)  # marker, length, precision, height, width
        if len(segment) < 9 or segment[0] != 0xFF:
            return None
        if segment[1] in _JPEG_FRAMES:
            return int.from_bytes(segment[7:9], "big"), int.from_bytes(segment[5:7], "big")
        file.seek(int.from_bytes(segment[2:4], "big") - 7, 1)
    return None
