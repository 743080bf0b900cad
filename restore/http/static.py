"""Files that are part of the program: read once, on the first request, and told apart by ETag.

They are read by the import system's own loader, so that they are found in a zip as well, and not at
the start, so that they cost it nothing. Rule: a name is looked up in a table that the program
wrote; nothing that a client sends ever becomes a path.
"""

from collections.abc import Mapping
from typing import NamedTuple

from restore.contract import Refusal
from restore.http.conditional import Get, etag_matches
from restore.http.responses import Headers, Response

# Asked for again each time, and answered 304: a browser never mixes files of two versions.
_CACHED: Headers = (
    ("Cache-Control", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
)


class StaticFile(NamedTuple):
    """A file's content, ready to be answered."""

    media_type: str
    body: bytes
    etag: str


def static_file(media_type: str, body: bytes) -> StaticFile:
    """A file of this content; its ETag is strong, for it is made of every byte."""
    import hashlib  # a start need not wait for what only a visitor needs

    return StaticFile(media_type, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class StaticFiles:
    """The files of a folder inside `package`: `media_types` says which there are, by their names.

    `headers` stand above each of them.
    """

    def __init__(
        self, package: str, folder: str, media_types: Mapping[str, str], headers: Headers
    ) -> None:
        self._package = package
        self._folder = folder
        self._media_types = media_types
        self._headers = headers
        self._read: dict[str, StaticFile] = {}

    def answer(self, get: Get, name: str) -> Response:
        """The file, or that the client has it already; `get` finds a header of the request.

        Raises Refusal (404) where there is none, OSError where it can't be read.
        """
        return self.answer_with(get, self._find(name))

    def answer_with(self, get: Get, file: StaticFile) -> Response:
        """As `answer`, for a file that lies in no folder."""
        headers = (*_CACHED, ("ETag", file.etag), *self._headers)
        if etag_matches(get("if-none-match"), file.etag):
            return Response(304, headers)
        return Response(200, (("Content-Type", file.media_type), *headers), file.body)

    def _find(self, name: str) -> StaticFile:
        media_type = self._media_types.get(name)
        if media_type is None:
            raise Refusal("not_found")
        if name not in self._read:
            import pkgutil  # as above

            body = pkgutil.get_data(self._package, f"{self._folder}/{name}")
            if body is None:
                raise FileNotFoundError(f"the loader of {self._package} reads no files")
            self._read[name] = static_file(media_type, body)
        return self._read[name]
