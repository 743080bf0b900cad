"""A coverage-guided search for bytes that break the form parser's word.

    pip install atheris
    python -m fuzz.fuzz_multipart CORPUS_FOLDER -max_total_time=300

An empty corpus folder is filled with the uploads of the tests first. Each input is a byte that says
how to cut, and a body with the boundary `b`. The same bytes then stand as the data of a form, and
as a Content-Type. A finding becomes a case in tests/.
"""

import re
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["restore"]):
    from restore.http.multipart import (
        DEFAULT_LIMITS,
        EndOfForm,
        EndOfPart,
        FormError,
        FormLimits,
        MultipartParser,
        Part,
        boundary_of,
    )
    from tests.http.multipart.test_parser_clients import CLIENTS
    from tests.http.multipart.test_parser_hostile import HOSTILE
    from tests.http.multipart.test_parser_libraries import LIBRARIES
    from tests.support.multipart_testcase import PART_F, REFUSED, form
    from tests.support.sansio import events_of

LIMITS = FormLimits(
    part_count=3,
    part_header_bytes=100,
    part_header_count=4,
    name_bytes=8,
    preamble_bytes=20,
    epilogue_bytes=20,
)  # so small that a short input passes them


def check(data: bytes) -> None:
    """AssertionError where the parser breaks its word on `data`."""
    stride, body = 1 + data[0] % 16 if data else 1, data[1:]
    for limits in (DEFAULT_LIMITS, LIMITS):
        said = check_cuts(body, stride, limits)
        check_order(said)
    if not re.search(rb"\r\n--b(--|[ \t]*[\r\n]|[ \t]{65})", b"\r\n" + body + b"\r\n--b"):
        said = check_cuts(form(body), stride, DEFAULT_LIMITS)
        assert said == [PART_F, *([body] if body else []), EndOfPart(), EndOfForm()], said
    with suppress(FormError):
        boundary = boundary_of(body.decode("latin-1"))
        assert 0 < len(boundary) <= 70 and boundary.strip(b" "), boundary


def check_cuts(body: bytes, stride: int, limits: FormLimits) -> list[object]:
    """The same events whole, byte by byte and in pieces of `stride` bytes; return them."""
    outcomes = [
        events_of(partial(MultipartParser, b"b", limits), body, cuts, eof=True)
        for cuts in ((), range(len(body)), range(stride, len(body), stride))
    ]
    assert outcomes[0] == outcomes[1] == outcomes[2], outcomes
    return outcomes[0]


def check_order(said: list[object]) -> None:
    """Parts are opened, filled and closed in turn, and the end is one of two."""
    opened = False
    for event in said[:-1]:
        if isinstance(event, Part):
            assert not opened, said
            assert not re.search(r"[\x00-\x1f\x7f]", event.name + (event.filename or "")), event
            assert not re.search(r"[/\\]", event.filename or ""), event
            opened = True
        elif event == EndOfPart():
            assert opened, said
            opened = False
        else:
            assert opened and isinstance(event, bytes) and event, said
    assert said[-1] == REFUSED or (said[-1] == EndOfForm() and not opened), said


def seed(folder: Path) -> None:
    """Fill an empty corpus with what the tests know."""
    if any(folder.iterdir()):
        return
    bodies = []
    for client in (*CLIENTS, *LIBRARIES):
        bodies.append(client.body.replace(b"--" + boundary_of(client.content_type), b"--b"))
        bodies.append(client.content_type.encode("latin-1"))
    for number, body in enumerate([*bodies, *HOSTILE]):
        (folder / f"seed-{number}").write_bytes(b"\x06" + body)


if __name__ == "__main__":
    seed(Path(sys.argv[1]))
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
