"""One upload: the parts of a form to the pieces of an image and the fields' texts.

It reads a body as it arrives, tells the image's format by its first bytes, counts its size, and
hands it on in larger pieces, the next one arriving while the last is written. It holds no more of
the image than two such pieces, however small the chunks in which it came. It doesn't decide what
the fields may say (contract.parse_fields), nor does it look into the image (the inspector does, in
a child). Rule: a form is refused as soon as what has arrived tells; a write that is on its way then
is its owner's, who throws the file away.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from restore.api import limits
from restore.contract import (
    ACCEPTED,
    IMAGE_FIELD,
    KIB,
    MIB,
    TEXT_FIELDS,
    Kind,
    Refusal,
    refusal_sentence,
    sniff,
)
from restore.http import (
    Body,
    Data,
    EndOfPart,
    FormError,
    MultipartParser,
    Part,
    Request,
    boundary_of,
    essence_of,
)
from restore.storage import Chunk

_WORTH_A_VIEW = 32 * KIB  # handed on as it came; less is copied, and the chunk let go
_TELLING_BYTES = 16  # enough to tell every accepted format but the boxes of ISO base media files
# Bytes that one of the image may take in the body; lines and their ends are counted.
_WIRE_BYTES = {"": 1.0, "base64": 1.5, "quoted-printable": 3.2}
_NO_PART = Part("", None, "")


# Takes a piece of the image, and whether it is the last: then the form is whole and in order. It
# may be told by a cancel that nobody waits for its end.
Write = Callable[[Sequence[Chunk], bool], "asyncio.Future[None]"]


class Form(NamedTuple):
    """What one upload held: the image's format and size, and the texts of the known fields.

    `fingerprint` tells it from any other, where that was asked for (SHA-256, hexadecimal).
    """

    kind: Kind
    image_bytes: int
    fields: Mapping[str, str]
    fingerprint: str = ""


class FormParser:
    """Reads one form.

    `write` keeps a piece of the image, never two at a time; `piece_bytes` says how
    large a piece may become now.
    """

    def __init__(
        self,
        boundary: bytes,
        max_image_bytes: int,
        write: Write,
        piece_bytes: Callable[[], int] = lambda: limits.WRITE_BYTES,
        *,
        fingerprints: bool = False,
    ) -> None:
        self._parser = MultipartParser(boundary)
        self._max_image_bytes = max_image_bytes
        self._write = write
        self._piece_bytes = piece_bytes
        self._digest = hashlib.sha256() if fingerprints else None
        self._received = 0  # bytes of the body
        self._part = _NO_PART
        self._fields: dict[str, str] = {}
        self._text = bytearray()
        self._image_seen = False
        self._misnamed = ""  # the first other field that has a file
        self._image_bytes = 0
        self._image_encoding = ""
        self._kind: Kind | None = None
        self._head = bytearray()  # of the image, until its format is told
        self._piece: list[Chunk] = []
        self._small: bytearray | None = None  # the last chunk of the piece, where it may grow
        self._gathered = 0  # bytes of the piece
        self._begun = False  # a piece has been handed on
        self._writing: asyncio.Future[None] | None = None

    async def parse(self, body: Body) -> Form:
        """Read `body` to its end. Raises Refusal (400, 413, 415) and what `write` raises."""
        try:
            while chunk := await body.read():
                self._received += len(chunk)
                self._parser.receive_data(chunk)
                await self._take_events()
                carried = self._image_bytes * _WIRE_BYTES[self._image_encoding]
                if self._received - carried > limits.FORM_OVERHEAD_BYTES:
                    raise self._misplaced() or Refusal("form_too_large")
            self._parser.receive_eof()
            await self._take_events()
            if self._kind is None:
                raise self._misplaced() or Refusal("image_missing")
            await self._flush(last=True)
            await self._settle()
        except FormError as error:
            raise unreadable(error) from None
        finally:
            if self._writing is not None:
                self._writing.cancel()
        return Form(self._kind, self._image_bytes, self._fields, self._fingerprint())

    def _misplaced(self) -> Refusal | None:
        """The 400 for a photo in a field of another name, where that is why there is none."""
        if self._image_seen or not self._misnamed:
            return None
        sentence = f"The file is in the field '{self._misnamed}', and belongs in the field 'image'."
        return Refusal("image_missing", sentence, detail="the file is in another field")

    def _fingerprint(self) -> str:
        if self._digest is None:
            return ""
        self._digest.update(json.dumps(self._fields, sort_keys=True).encode())
        return self._digest.hexdigest()

    async def _take_events(self) -> None:
        while True:
            event = self._parser.next_event()
            if isinstance(event, Data):
                await self._take_data(event.data)
            elif isinstance(event, Part):
                self._begin_part(event)
            elif isinstance(event, EndOfPart):
                self._end_part()
            else:
                return

    def _begin_part(self, part: Part) -> None:
        self._part = part
        if part.name == IMAGE_FIELD:
            if self._image_seen:
                raise Refusal("image_repeated")
            self._image_seen = True
            self._image_encoding = part.encoding
        elif part.name in self._fields:
            raise Refusal("field_repeated", f"The field {part.name} is given more than once.")
        elif part.filename is not None:
            self._misnamed = self._misnamed or part.name
        self._text.clear()

    async def _take_data(self, data: bytes | memoryview) -> None:
        if self._part.name == IMAGE_FIELD:
            await self._take_image(data)
        elif self._part.name in TEXT_FIELDS:
            self._text += data
            if len(self._text) > limits.FIELD_BYTES:
                raise Refusal("form_too_large")

    def _end_part(self) -> None:
        if self._part.name == IMAGE_FIELD:
            if not self._image_bytes:
                raise Refusal("image_empty")
            if self._kind is None:
                self._tell_kind(whole=True)
        elif self._part.name in TEXT_FIELDS:
            self._fields[self._part.name] = _text_of(self._part, bytes(self._text))

    # -- the image

    async def _take_image(self, data: bytes | memoryview) -> None:
        self._image_bytes += len(data)
        if self._image_bytes > self._max_image_bytes:
            raise too_large(self._max_image_bytes)
        if self._digest is not None:
            self._digest.update(data)
        if self._kind is None:
            self._head += data[: limits.IMAGE_HEAD_BYTES - len(self._head)]
            self._tell_kind(whole=len(self._head) >= limits.IMAGE_HEAD_BYTES)
        self._gather(data)
        # The first piece is small: a full disk tells before much has arrived for nothing.
        most = self._piece_bytes() if self._begun else limits.LEAST_WRITE_BYTES
        if self._gathered >= most:
            await self._flush()

    def _tell_kind(self, *, whole: bool) -> None:
        """Tell the format once the first bytes can; `whole` says that no more of them will come."""
        if not whole and (len(self._head) < _TELLING_BYTES or self._head[4:8] == b"ftyp"):
            return
        kind = sniff(bytes(self._head))
        if kind not in ACCEPTED:
            raise Refusal("unsupported_image", refusal_sentence(kind), detail=kind)
        self._kind = kind

    def _gather(self, data: bytes | memoryview) -> None:
        self._gathered += len(data)
        if len(data) >= _WORTH_A_VIEW:
            self._piece.append(data)
            self._small = None
        elif self._small is None:
            self._small = bytearray(data)
            self._piece.append(self._small)
        else:
            self._small += data

    async def _flush(self, *, last: bool = False) -> None:
        """Hand the gathered piece to the disk, once the one before it is written."""
        await self._settle()
        piece, self._piece, self._small, self._gathered = self._piece, [], None, 0
        self._begun = True
        self._writing = self._write(piece, last)

    async def _settle(self) -> None:
        """Wait for the write under way; what it raised is raised here."""
        if self._writing is not None:
            await self._writing
            self._writing = None


def declared_boundary(request: Request, max_image_bytes: int) -> bytes:
    """The form's boundary, once the declared type and length fit.

    Raises Refusal (415, 413, 400), before a byte of the body is read.
    """
    content_type = request.headers.get("content-type") or ""
    coding = (request.headers.get("content-encoding") or "identity").strip().lower()
    if essence_of(content_type) != "multipart/form-data":
        raise Refusal("unsupported_content_type")
    if coding != "identity":
        raise Refusal(
            "unsupported_content_type",
            "Send the form as it is, without a Content-Encoding such as gzip.",
        )
    length = request.content_length
    if length is not None and length > max_image_bytes + limits.FORM_OVERHEAD_BYTES:
        raise too_large(max_image_bytes, "upload")  # which in base64 says little of the image
    try:
        return boundary_of(content_type)
    except FormError as error:
        raise unreadable(error) from None


def unreadable(error: FormError) -> Refusal:
    """The 400 that says to whoever wrote the client what is wrong with the form."""
    sentence = f"The form can't be read: {error.reason}."
    return Refusal(error.code, sentence, detail=error.reason)


def too_large(max_image_bytes: int, what: str = "image") -> Refusal:
    """The 413 that names the limit, and what is known to be beyond it."""
    mebibytes = max_image_bytes / MIB
    return Refusal("payload_too_large", f"The {what} is larger than {mebibytes:g} MB.")


def _text_of(part: Part, raw: bytes) -> str:
    """A field's text. Retrofit with Gson sends it as JSON, a string or a number."""
    try:
        text = raw.decode()
        if part.content_type != "application/json" or not text.strip():
            return text
        value = json.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise Refusal("malformed_form", f"The field {part.name} can't be read.") from None
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal("malformed_form", f"The field {part.name} must be a text or a number.")
    return text.strip()
