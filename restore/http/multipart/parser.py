"""Frames the parts of a form and bounds all that isn't data (RFC 2046, 5.1).

What the header values say is headers.py's matter. Rule: the events depend on the bytes alone, never
on how they were cut, and each byte is looked at a bounded number of times, whatever it is.

Line ends are CRLF and nothing else. A parser that also takes a bare LF sees parts in the middle of
other parsers' data and the other way round; no client in use writes it. A line that begins like a
delimiter and isn't one is data, except where it goes on with a bare CR or LF or endless blanks:
nobody's data holds those behind his own boundary, so that is damage.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import partial
from typing import Final, NamedTuple

from restore.http.multipart.encodings import DECODERS, Decoder
from restore.http.multipart.headers import (
    DEFAULT_LIMITS,
    FormError,
    FormLimits,
    FormTooLargeError,
    missing_boundary,
    part_headers_of,
)


class State(StrEnum):
    """Where in the body the parser is. It moves down only, or between the two of a part."""

    PREAMBLE = auto()
    PART_HEADERS = auto()
    PART_DATA = auto()
    EPILOGUE = auto()
    DONE = auto()  # EndOfForm was given
    FAILED = auto()  # a FormError was raised


class NeedData(Enum):
    """Says that nothing more can be said until more bytes, or their end, arrive."""

    NEED_DATA = auto()


NEED_DATA: Final = NeedData.NEED_DATA


class Part(NamedTuple):
    """A part begins.

    `name` is "" where the client gave none. `filename` is the last component of what the client
    said, None for a plain field, and for people only. `content_type` is `type/subtype` in lower
    case, "" where it is absent or isn't one. `encoding` is the Content-Transfer-Encoding that its
    data come decoded from, "" where there is nothing to decode.
    """

    name: str
    filename: str | None
    content_type: str
    encoding: str = ""


class Data(NamedTuple):
    """Some bytes of the part, never none. A view into a received chunk, which it keeps alive."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class EndOfPart:
    """The part is whole."""


@dataclass(frozen=True, slots=True)
class EndOfForm:
    """The form is whole, its epilogue too; comes behind receive_eof()."""


_END_OF_PART: Final = EndOfPart()
Event = Part | Data | EndOfPart | EndOfForm | NeedData

# Blanks between a boundary and its line end. RFC 2046 allows for mail gateways that add some; none
# stands in front of this server, and a fixed number bounds what is held back.
_PADDING_BYTES = 64
# What follows a boundary: the close, a line end, damage, or the end of what is here, at which it
# can't be told (then no group matches). Anything else means that it wasn't a delimiter.
_REST_OF_LINE = re.compile(
    rb"(?![^- \t\r\n])"  # first of all, since look-alikes may be many
    rb"(?:(?P<close>--)|-?\Z|[ \t]{0,%d}+(?:(?P<next>\r\n)|\r?\Z|(?P<damage>[\r\n \t])))"
    % _PADDING_BYTES
)


class MultipartParser:
    """Parses one body. `boundary` as boundary_of() returns it.

    After each receive_data() ask next_event() until it says NEED_DATA: what isn't asked for stays
    in memory. After a FormError nothing more comes.
    """

    __slots__ = (
        "_buffer",
        "_decoder",
        "_delimiter",
        "_eof",
        "_failure",
        "_headers",
        "_lead",
        "_limits",
        "_opening",
        "_parts",
        "_position",
        "_skipped",
        "_state",
    )

    def __init__(self, boundary: bytes, limits: FormLimits = DEFAULT_LIMITS) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._limits = limits
        self._buffer = b""
        self._position = 0  # in the buffer; all before it is dealt with
        self._lead = 0  # bytes at the position that may begin a delimiter but are no content
        self._parts = 0
        self._skipped = 0  # bytes of preamble or epilogue
        self._headers = bytearray()  # of a part, while they arrive
        self._decoder: Decoder | None = None  # of a part's data, where they are encoded
        self._opening = b""  # the first bytes of a preamble: they tell what went wrong
        self._eof = False
        self._failure = partial(FormError, "")  # what is raised again
        self._state = State.PREAMBLE
        self._enter_content()

    @property
    def state(self) -> State:
        """Where the parser is in the body."""
        return self._state

    @property
    def buffered(self) -> int:
        """Bytes held: received and not given out yet."""
        held = self._decoder.held if self._decoder is not None else 0
        return len(self._buffer) - self._position - self._lead + len(self._headers) + held

    def receive_data(self, data: bytes | memoryview) -> None:
        """Take more of the body; b"" says that it has ended, as receive_eof() does.

        `bytes` are kept as they are. A memoryview is copied: it is only borrowed, while Data may
        be kept for a later write.
        """
        if not data:
            self._eof = True
        elif self._state not in (State.DONE, State.FAILED):
            rest = self._buffer[self._position :]
            self._buffer = rest + data if rest else bytes(data)
            self._position = 0

    def receive_eof(self) -> None:
        """Say that the body has ended."""
        self._eof = True

    def next_event(self) -> Event:
        """Say what the bytes so far mean.

        Raises FormError for a form that is damaged, cut off or beyond a limit, and the same again
        whenever asked later.
        """
        try:
            event = None
            while event is None:
                event = _STEPS[self._state](self)
            if event is NEED_DATA and self._eof and self._state is not State.DONE:
                raise FormError(self._cut_off())
            return event
        except FormError as error:
            self._state = State.FAILED
            self._failure = partial(type(error), error.reason)  # not itself: its frames hold us
            self._buffer = b""
            self._position = self._lead = 0
            self._headers.clear()
            self._decoder = None
            raise

    # -- the steps: each returns an event, or None when the next step can go on

    def _pass_preamble(self) -> Event | None:
        content = self._take_content()
        self._opening += bytes(content[: len(self._delimiter) - len(self._opening)])
        self._skipped += len(content)
        if self._skipped > self._limits.preamble_bytes:
            raise FormError(missing_boundary(self._opening, self._delimiter[4:]))
        return None if self._pass_delimiter() else NEED_DATA

    def _take_data(self) -> Event:
        if self._position == len(self._buffer):
            return NEED_DATA  # most often so: asked again after the whole of a chunk was data
        content: bytes | memoryview = self._take_content()
        if self._decoder is not None:
            content = self._decoder.decode(content)
            if not content and self._at_delimiter():
                content, self._decoder = self._decoder.finish(), None
        if content:
            return Data(content)
        return _END_OF_PART if self._pass_delimiter() else NEED_DATA

    def _take_headers(self) -> Event:
        """Gather a part's headers, from the CRLF in front of them to their empty line."""
        block, held = self._headers, len(self._headers)
        most = 2 + self._limits.part_header_bytes
        block += self._buffer[self._position : self._position + most - held]
        end = block.find(b"\r\n\r\n", max(0, held - 3))
        if end < 0:
            self._position += len(block) - held
            if len(block) == most:
                raise FormTooLargeError(
                    f"the headers of a part are longer than {self._limits.part_header_bytes} bytes"
                )
            return NEED_DATA
        self._position += end + 4 - held
        headers = part_headers_of(bytes(block[2 : end + 2]), self._limits)
        block.clear()
        self._state = State.PART_DATA
        self._enter_content()
        if headers.encoding:
            self._decoder = DECODERS[headers.encoding]()
        return Part(*headers)

    def _pass_epilogue(self) -> Event:
        self._skipped += len(self._buffer) - self._position
        self._position = len(self._buffer)
        if self._skipped > self._limits.epilogue_bytes:
            raise FormTooLargeError("too much follows its closing boundary")
        if not self._eof:
            return NEED_DATA
        self._state = State.DONE
        return EndOfForm()

    def _stay_done(self) -> Event:
        return NEED_DATA

    def _fail_again(self) -> Event:
        raise self._failure()

    def _cut_off(self) -> str:
        """Why the body's end is no end of a form."""
        if self._state is not State.PREAMBLE:
            return "its end is missing; the body was cut off, or has no closing boundary"
        opening = self._opening + self._buffer[self._position + self._lead :]
        return missing_boundary(opening, self._delimiter[4:]) if opening else "the body is empty"

    # -- content and delimiters

    def _enter_content(self) -> None:
        """Begin a preamble or a part's data, at which a delimiter may stand at once.

        A delimiter begins with the CRLF in front of it. At the very start of a body there is none,
        and an empty part may share the one of its empty header line (RFC 2046, 5.1.1). So the
        search begins at a CRLF, read or made up, that is no content.
        """
        if self._position < 2:
            self._buffer = b"\r\n" + self._buffer[self._position :]
            self._position = 2
        self._position -= 2
        self._lead = 2

    def _take_content(self) -> memoryview:
        """Pass all that is certain to be content, up to what is or may become a delimiter."""
        end = self._find_delimiter()
        if end < 0:
            end = self._find_held()
        start = self._position + self._lead
        if end < start:
            return memoryview(b"")
        self._position = end
        self._lead = 0
        return memoryview(self._buffer)[start:end]

    def _find_delimiter(self) -> int:
        """Index of the first line that is a delimiter or may become one, -1 if there is none.

        bytes.find costs no more than a pass over the buffer on anything. A pattern would find
        delimiters and nothing else, but is slower on honest bodies and has to be compiled for each
        request's own boundary (docs/MEASURED.md). So it helps only once a look-alike was met: with
        it a body of nothing else costs one search a chunk instead of one for every few bytes.
        """
        behind = len(self._delimiter)
        found = self._buffer.find(self._delimiter, self._position)
        if found < 0 or _REST_OF_LINE.match(self._buffer, found + behind):
            return found
        exact = re.compile(re.escape(self._delimiter) + _REST_OF_LINE.pattern)
        match = exact.search(self._buffer, found + behind)
        return match.start() if match else -1

    def _find_held(self) -> int:
        """Index of the tail that may be the beginning of a delimiter; the buffer's end if none.

        A delimiter holds no other CR than its first byte, so only the last CR can begin one.
        """
        size = len(self._buffer)
        found = self._buffer.rfind(b"\r", max(self._position, size - len(self._delimiter)))
        if found >= 0 and self._delimiter.startswith(self._buffer[found:]):
            return found
        return size

    def _at_delimiter(self) -> bool:
        """Whether a whole delimiter line stands at the position."""
        if not self._buffer.startswith(self._delimiter, self._position):
            return False
        rest = _REST_OF_LINE.match(self._buffer, self._position + len(self._delimiter))
        return rest is not None and rest.lastgroup is not None

    def _pass_delimiter(self) -> bool:
        """Pass the delimiter line at the position; False if it isn't all here."""
        if not self._buffer.startswith(self._delimiter, self._position):
            return False
        rest = _REST_OF_LINE.match(self._buffer, self._position + len(self._delimiter))
        assert rest is not None  # _find_delimiter() goes past look-alikes
        if rest.lastgroup is None:
            return False
        if rest["damage"]:
            raise FormError("a boundary has no CRLF behind it")
        self._position = rest.end()
        self._lead = 0
        if rest["close"]:
            self._state = State.EPILOGUE
            self._skipped = 0
        else:
            self._state = State.PART_HEADERS
            self._headers += b"\r\n"  # the delimiter's own, so that CRLF CRLF always ends them
            self._parts += 1
        if self._parts > self._limits.part_count:
            raise FormTooLargeError(f"it has more than {self._limits.part_count} parts")
        return True


_STEPS: Final[Mapping[State, Callable[[MultipartParser], Event | None]]] = {
    State.PREAMBLE: MultipartParser._pass_preamble,
    State.PART_HEADERS: MultipartParser._take_headers,
    State.PART_DATA: MultipartParser._take_data,
    State.EPILOGUE: MultipartParser._pass_epilogue,
    State.DONE: MultipartParser._stay_done,
    State.FAILED: MultipartParser._fail_again,
}
