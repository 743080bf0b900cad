"""The grammar of the header values that a form is made of: media types, parameters, part headers.

It turns Content-Type, Content-Disposition and a part's header lines into plain values, and holds
what both files of this parser need: FormLimits and FormError. It doesn't find the parts (that is
parser.py) and doesn't judge what is in them. Rule: what some real client writes is understood, what
none writes and could be read in two ways is damage.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

# RFC 9110, 5.6.2. All of it is ASCII, whatever the text around it.
_TCHARS = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_MEDIA_TYPE = re.compile(f"{_TCHARS}/{_TCHARS}")
_DISPOSITION_TYPE = re.compile(f"[ \t]*+({_TCHARS})[ \t]*+(?:;|\\Z)")
_FIELD_LINE = re.compile(f"({_TCHARS}):([\t -~\x80-\xff]*+)".encode("latin-1"))
_FOLD = re.compile(rb"\r\n[ \t]++")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# One parameter and the semicolon or end behind it. No quantifier gives anything back: with plain
# ones 8 KiB of blanks before a wrong character take most of a second, others minutes.
_PARAMETER = re.compile(
    rf"""[ \t]*+(?:({_TCHARS})[ \t]*+=[ \t]*+
    (?:"((?>(?:[^"\\]|\\.)*))"     # quoted, with escapes
      |"([^"]*+)"                  # quoted by a browser, whose names may end in a backslash
      |([^";]*+))                  # plain; Ktor leaves more than tokens unquoted
    (?:[ \t]*+(?<=[ \t])"\Z)?)?     # a lone last quote: see disposition_of()
    [ \t]*+(?:;|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\([\"\\])")
# RFC 8187, 3.2: charset'language'percent-encoded; iso-8859-1 comes from its forerunner RFC 5987.
_EXTENDED_VALUE = re.compile(
    r"(utf-8|iso-8859-1)'[^']*'((?>(?:[^%']|%[0-9a-f]{2})*))", re.IGNORECASE | re.ASCII
)
# RFC 7578, 4.7 and RFC 2045, 6.2: "" are those that leave the bytes as they are. Retrofit writes
# "binary" into every part, Apache HttpClient "8bit" and "7bit".
_ENCODINGS = {
    b"": "",
    b"7bit": "",
    b"8bit": "",
    b"binary": "",
    b"base64": "base64",
    b"quoted-printable": "quoted-printable",
}


class FormError(Exception):
    """The form can't be read.

    `reason` says why in words of our own, in ASCII, fit for the log and for the client: it goes on
    behind "The form can't be read: " and says nothing of what was received.
    """

    status = 400
    code = "malformed_form"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FormTooLargeError(FormError):
    """The form is beyond a limit."""

    code = "form_too_large"


class FormLimits(NamedTuple):
    """What a form may cost beside its data. Beyond any of them it is refused."""

    part_count: int = 128  # each costs 20 µs of parsing and three events; the longest form has 4
    part_header_bytes: int = 8192  # of one part with its line ends: held in memory till they end
    part_header_count: int = 32  # lines of one part, folded ones too: one pattern match each
    name_bytes: int = 256  # of a field's name in UTF-8: kept by who reads the form
    preamble_bytes: int = 16384  # skipped, so a body of nothing else costs a search, no memory
    epilogue_bytes: int = 16384  # likewise, behind the last part
    boundary_bytes: int = 70  # RFC 2046, 5.1.1; this much and a few bytes are held between feeds


DEFAULT_LIMITS = FormLimits()


class PartHeaders(NamedTuple):
    """What a part's headers say; "" where they don't (a file name: None)."""

    name: str = ""
    filename: str | None = None
    content_type: str = ""
    encoding: str = ""  # "base64" or "quoted-printable" where the data have to be decoded


def essence_of(value: str) -> str:
    """Return `type/subtype` of a Content-Type value in lower case, "" if it isn't one."""
    essence = value.partition(";")[0].strip(" \t").lower()
    return essence if _MEDIA_TYPE.fullmatch(essence) else ""


def media_type(value: str) -> tuple[str, dict[str, str]]:
    """Split a Content-Type value into its essence and parameters, by names in lower case.

    What isn't a media type is ("", {}): it is of an unsupported type before anything else. Raises
    FormError for damaged or repeated parameters (RFC 9110, 8.3.1 and 5.6.6).
    """
    essence = essence_of(value)
    return (essence, parameters_of(value.partition(";")[2])) if essence else ("", {})


def boundary_of(content_type: str, limits: FormLimits = DEFAULT_LIMITS) -> bytes:
    """Return the boundary that a Content-Type value names; the type itself isn't looked at here.

    Wider than RFC 2046, 5.1.1: any visible ASCII and blanks, for the `*****` of much Android code.
    Raises FormError where it is missing, repeated, longer than `limits.boundary_bytes` or damaged.
    """
    boundary = media_type(content_type)[1].get("boundary", "")
    if not boundary.strip(" "):
        raise FormError(
            "the Content-Type has no boundary (let your HTTP library set this header itself)"
        )
    if not (boundary.isascii() and boundary.isprintable()):
        raise FormError("the boundary in the Content-Type has characters that none may have")
    if len(boundary) > limits.boundary_bytes:
        raise FormError(
            f"the boundary in the Content-Type is longer than {limits.boundary_bytes} characters"
        )
    return boundary.encode("ascii")


def missing_boundary(opening: bytes, boundary: bytes) -> str:
    """Why a body that begins with `opening` doesn't hold `boundary`: the reason of a FormError."""
    if opening.startswith(b"\x1f\x8b"):
        return "the body is compressed with gzip"
    if opening.startswith(boundary):
        return "the boundary in the body lacks the two dashes that stand before it"
    if opening.startswith(b"--"):
        return "the body has another boundary than the Content-Type"
    return "the boundary that the Content-Type names is not in the body"


def parameters_of(text: str) -> dict[str, str]:
    r"""Parse `; `-separated `name=value`, names in lower case. Raises FormError.

    Inside quotes `\"` and `\\` are escapes and any other backslash is itself: curl before 7.81,
    Go and old Firefox escape, while other browsers write paths and names as they are.
    """
    parameters: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise FormError("a parameter of a Content-Type or Content-Disposition is damaged")
        position = match.end()
        if match[1] is None:
            continue
        name = match[1].lower()
        if name in parameters:
            raise FormError("a Content-Type or Content-Disposition has a parameter twice")
        parameters[name] = _value_of(match)
    return parameters


def _value_of(match: re.Match[str]) -> str:
    escaped, literal, plain = match.group(2, 3, 4)
    if escaped is not None:
        return _ESCAPED.sub(r"\1", escaped) if "\\" in escaped else escaped
    return literal if literal is not None else plain.strip(" \t")


def disposition_of(value: str) -> tuple[str, str | None]:
    r"""Return name and file name of a Content-Disposition value (RFC 7578, 4.2). Raises FormError.

    Another type than form-data names no field. `%22` is the quote that browsers can't write
    otherwise (WHATWG form-data encoding); their other escapes stand for line ends, which no name
    needs, and stay as they are. A well-known answer for Retrofit declares a part as
    `file"; filename="pp.png" ` and so leaves one lone quote at the very end, behind a blank.
    """
    kind = _DISPOSITION_TYPE.match(value)
    if kind is None:
        raise FormError("the Content-Disposition of a part is damaged")
    parameters = parameters_of(value[kind.end() :])
    if kind[1].lower() != "form-data":
        return "", None
    name = parameters.get("name", "").replace("%22", '"')
    return name, _filename_of(parameters)


def _filename_of(parameters: dict[str, str]) -> str | None:
    """The last component of the file name: old Internet Explorer sends whole paths.

    `filename*` goes before `filename` where it can be decoded (RFC 6266, 4.3); where it can't, it
    only says that this part is a file.
    """
    plain, extended = parameters.get("filename"), parameters.get("filename*")
    if extended is not None:
        decoded = _decode_extended(extended)
        name = decoded if decoded is not None else plain or ""
    elif plain is not None:
        name = plain.replace("%22", '"')
    else:
        return None
    return name.rpartition("/")[2].rpartition("\\")[2]


def _decode_extended(value: str) -> str | None:
    """Decode an extended value; None where that is impossible. Raises FormError for controls."""
    match = _EXTENDED_VALUE.fullmatch(value)
    if match is None:
        return None
    try:
        decoded = unquote(match[2], encoding=match[1], errors="strict")
    except UnicodeDecodeError:
        return None
    if _CONTROL.search(decoded):
        raise FormError("a file name has a control character")
    return decoded


def part_headers_of(block: bytes, limits: FormLimits = DEFAULT_LIMITS) -> PartHeaders:
    """Read the header lines of one part, each with its CRLF, the empty one left out.

    Only Content-Disposition decides which field this is, so a second one is damage. Of two
    Content-Types the first counts: Dio adds one of its own to the caller's, and the bytes alone
    tell a format anyway. Headers of any other name say nothing here.

    A part without Content-Disposition, or without a name in it, has the name "". RFC 7578 wants
    both, yet it isn't refused: OkHttp's addPart(body) and curl's -F =text write such parts beside
    good ones, no field is called "", so nobody ever mistakes it for one, and it costs what any
    unknown field costs, within the same limits.

    A name that isn't UTF-8 gets U+FFFD (an old page's charset is its own affair): it can still be
    told that it is none of ours, and a file's name is for people to read. Raises FormError.
    """
    disposition: bytes | None = None
    content_type: bytes | None = None
    encoding: str | None = None
    for name, value in _fields_of(block, limits.part_header_count):
        if name == b"content-disposition":
            if disposition is not None:
                raise FormError("a part has two Content-Dispositions")
            disposition = value
        elif name == b"content-type":
            content_type = value if content_type is None else content_type
        elif name == b"content-transfer-encoding":
            encoding = _encoding_of(value, encoding)
    field, filename = ("", None) if disposition is None else disposition_of(_text(disposition))
    if len(field.encode()) > limits.name_bytes:
        raise FormTooLargeError(f"the name of a field is longer than {limits.name_bytes} bytes")
    return PartHeaders(field, filename, essence_of(_text(content_type or b"")), encoding or "")


def _encoding_of(value: bytes, before: str | None) -> str:
    """The encoding that a header line names; `before` is what another line of the part named."""
    encoding = _ENCODINGS.get(value.lower())
    if encoding is None:
        raise FormError("a part has a Content-Transfer-Encoding that is not known here")
    if before not in (None, encoding):
        raise FormError("a part has two Content-Transfer-Encodings")
    return encoding


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _fields_of(block: bytes, most: int) -> Iterator[tuple[bytes, bytes]]:
    """Split at most `most` header lines at their colons: names in lower case, values trimmed.

    HTTP refuses folded lines because two parsers may see two messages. A part's headers are
    MIME's, where folding is lawful (RFC 2046, 5.1; RFC 5322, 2.2.3), no other parser sees them
    before or after us, and JavaMail and Python's email package fold: so here it is one space.
    """
    if block.count(b"\r\n") > most:
        raise FormTooLargeError(f"a part has more than {most} header lines")
    for line in _FOLD.sub(b" ", block).split(b"\r\n")[:-1]:
        match = _FIELD_LINE.fullmatch(line)
        if match is None:
            raise FormError("a header line of a part is damaged")
        yield match[1].lower(), match[2].strip(b" \t")
