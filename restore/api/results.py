"""A result as an answer: whole, in part, or that the client has it already (RFC 9110).

Whether there is one, and whose it is, the handlers know.
"""

import os
from collections.abc import Callable
from pathlib import Path

from restore.api import limits
from restore.contract import Refusal
from restore.http import (
    FileSlice,
    Request,
    Response,
    Validators,
    file_headers,
    not_modified,
    precondition_failed,
    retry_after,
    select_range,
)

_MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


def result_response(request: Request, path: Path, name: str, ended_at: float) -> Response:
    """The result `name` at `path` of a job that ended at `ended_at`, as the request wants it.

    Raises Refusal (404, 412, 416, 503).
    """
    job_id, _, extension = name.partition(".")
    validators = Validators(f'"{job_id}"', int(ended_at))
    shown_as = f"restored-{job_id[:8]}.{extension}"
    return _response(request, path, shown_as, validators, "result_not_found")


def before_response(request: Request, path: Path, job_id: str, began_at: float) -> Response:
    """The picture at `path` of a photo as it came. Raises Refusal (404, 412, 416, 503)."""
    validators = Validators(f'"{job_id}-before"', int(began_at))
    shown_as = f"before-{job_id[:8]}{path.suffix}"
    return _response(request, path, shown_as, validators, "before_not_found")


def _response(
    request: Request, path: Path, shown_as: str, validators: Validators, missing: str
) -> Response:
    """The file, or what the request's conditions make of it; `missing` refuses where it is gone."""
    get = request.headers.get
    headers = file_headers(_MEDIA_TYPES[path.suffix], shown_as, validators)
    if precondition_failed(get, validators):
        raise Refusal("precondition_failed")
    if not_modified(get, validators):
        return Response(304, headers[1:])
    ranged = request.method == "GET"  # with HEAD a range says nothing (RFC 9110, 14.2)
    return _file_response(path, get if ranged else None, headers, validators, missing)


def unavailable(reason: Exception | str, sentence: str | None = None) -> Refusal:
    """The 503 of a storage that can't be used now; `reason` is for the log."""
    headers = retry_after(limits.STORAGE_RETRY_S)
    return Refusal("storage_unavailable", sentence, headers=headers, detail=str(reason))


def _file_response(
    path: Path,
    get: Callable[[str], str | None] | None,
    headers: tuple[tuple[str, str], ...],
    validators: Validators,
    missing: str,
) -> Response:
    """The file, or of it the range that `get` finds in the request's headers."""
    try:
        file = path.open("rb", buffering=0)
    except FileNotFoundError:
        raise Refusal(missing) from None
    except OSError as error:  # no descriptor left, a disk that fails
        raise unavailable(error, "The result can't be read now. Please try later.") from None
    try:
        size = os.fstat(file.fileno()).st_size  # by its name it may be gone since
        part = select_range(get, validators, size) if get else None
    except BaseException:
        file.close()
        raise
    if part is None:
        return Response(200, headers, file=FileSlice(file, 0, size))
    offset, count = part
    content_range = ("Content-Range", f"bytes {offset}-{offset + count - 1}/{size}")
    return Response(206, (*headers, content_range), file=FileSlice(file, offset, count))
