"""Files told apart by their validators: conditional requests and ranges (RFC 9110, 13 and 14).

Pure: it opens nothing; which file a request means is its handler's business.
"""

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import NamedTuple

from restore.contract import Refusal
from restore.http.responses import Headers

# No more digits than int() takes (4,300; Python 3.11).
_RANGE = re.compile(r"bytes=\s*([0-9]{0,4000})-([0-9]{0,4000})\s*", re.ASCII | re.IGNORECASE)
_ENTITY_TAG = re.compile(r'(W/)?("[^"]*")')


class Validators(NamedTuple):
    """What tells one state of a file from another: a strong ETag, and its time in whole seconds."""

    etag: str
    modified: int

    @property
    def headers(self) -> Headers:
        return (("ETag", self.etag), ("Last-Modified", formatdate(self.modified, usegmt=True)))


Get = Callable[[str], str | None]


def precondition_failed(get: Get, validators: Validators) -> bool:
    """Whether a request wants another state than this one (RFC 9110, 13.1.1 and 13.1.4)."""
    tags = get("if-match")
    if tags is not None:  # strongly compared
        return tags.strip() != "*" and ("", validators.etag) not in _ENTITY_TAG.findall(tags)
    since = get("if-unmodified-since")
    return (
        since is not None
        and (seconds := _http_date(since)) is not None
        and validators.modified > seconds
    )


def not_modified(get: Get, validators: Validators) -> bool:
    """Whether a GET's condition says that the client has this state already (RFC 9110, 13.2.2)."""
    tags = get("if-none-match")
    if tags is not None:
        return etag_matches(tags, validators.etag)
    since = get("if-modified-since")
    return (
        since is not None
        and (seconds := _http_date(since)) is not None
        and (validators.modified <= seconds)
    )


def etag_matches(tags: str | None, etag: str) -> bool:
    """Whether an If-None-Match names this ETag, weakly compared (RFC 9110, 13.1.2)."""
    if tags is None:
        return False
    return tags.strip() == "*" or any(tag == etag for _, tag in _ENTITY_TAG.findall(tags))


def select_range(get: Get, validators: Validators, size: int) -> tuple[int, int] | None:
    """The one range that a GET asks for, as (offset, count); None means the whole file.

    Several ranges, another unit or bad syntax get the whole file, as the RFC allows (14.2). Raises
    Refusal (416) where the range lies outside.
    """
    match = _RANGE.fullmatch(get("range") or "")
    if match is None or match.group(1) == match.group(2) == "" or not _if_range(get, validators):
        return None
    first, last = match.groups()
    if not first:
        offset, end = max(0, size - int(last)), size
    else:
        offset, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < offset:
            return None
    if offset >= end:
        raise Refusal("range_not_satisfiable", headers=(("Content-Range", f"bytes */{size}"),))
    return offset, end - offset


def _if_range(get: Get, validators: Validators) -> bool:
    """If-Range: only the same ETag, strongly compared, or the same date (RFC 9110, 13.1.5)."""
    condition = get("if-range")
    if condition is None:
        return True
    if condition.strip().startswith(('"', "W/")):
        return condition.strip() == validators.etag
    return _http_date(condition) == validators.modified


def _http_date(text: str) -> int | None:
    """Seconds since the epoch of a date in any of HTTP's three forms; None where it isn't one.

    The oldest of them names no zone, and is UTC like the others (RFC 9110, 5.6.7).
    """
    try:
        date = parsedate_to_datetime(text)
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def file_headers(media_type: str, file_name: str, validators: Validators) -> Headers:
    """What stands above a result: immutable, never guessed at, saved under a name of its own."""
    return (
        ("Content-Type", media_type),
        ("Cache-Control", "public, max-age=31536000, immutable"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Disposition", f'inline; filename="{file_name}"'),
        ("Accept-Ranges", "bytes"),
        *validators.headers,
    )
