"""The web page: its files, and what the page has to know of the settings.

The files lie in restore/web. The page needs nothing but them and the routes of the contract, asks
nobody else, and is told so: the policy below lets it run no script and show no style but its own.
"""

import json

from restore.contract import MAX_SIDE_PX, UPSCALES, Refusal
from restore.http import Exchange, Response, StaticFile, StaticFiles, static_file

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"),
)
INDEX = "index.html"
LIMITS = "limits.json"
_SCRIPTS = (
    *("api", "app", "card", "chooser", "compare", "connection", "dom", "geometry", "jobs"),
    *("photo", "picture", "save", "session", "settings", "texts", "uploads"),
)
MEDIA_TYPES = {
    INDEX: "text/html; charset=utf-8",
    "example.jpg": "image/jpeg",
    **{f"{name}.svg": "image/svg+xml" for name in ("handle", "icon")},
    **{f"{name}.css": "text/css; charset=utf-8" for name in ("base", "card", "chooser", "compare")},
    **{f"{name}.js": "text/javascript; charset=utf-8" for name in _SCRIPTS},
}


class Pages:
    """Answers for the page and each of its files."""

    def __init__(self, max_image_bytes: int) -> None:
        self._max_image_bytes = max_image_bytes
        self._files = StaticFiles("restore", "web", MEDIA_TYPES, _HEADERS)
        self._limits: StaticFile | None = None

    def answer(self, exchange: Exchange, name: str) -> Response:
        """The page; with a name, that file of it. Raises Refusal (404)."""
        get = exchange.request.headers.get
        if name == LIMITS:
            return self._files.answer_with(get, self._describe_limits())
        if name == INDEX:  # its relative addresses lead astray from there
            raise Refusal("not_found")
        return self._files.answer(get, name or INDEX)

    def _describe_limits(self) -> StaticFile:
        """What the page says of limits before an upload and not after it."""
        if self._limits is None:
            limits = {
                "max_image_bytes": self._max_image_bytes,
                "max_side_px": MAX_SIDE_PX,
                "upscales": UPSCALES,
            }
            self._limits = static_file("application/json", json.dumps(limits).encode())
        return self._limits
