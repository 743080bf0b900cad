"""A coverage-guided search for bytes that break the HTTP/1.1 parser's word.

    pip install atheris
    python -m fuzz.fuzz_http11 CORPUS_FOLDER -max_total_time=300

An empty corpus folder is filled with the conversations of the tests first. Each input is a byte
that says how to cut, and a conversation. It must give the same events whole and cut, only
documented errors, and only requests that keep the rules; a finding becomes a case in tests/.
"""

import sys
from functools import partial
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["restore"]):
    from restore.http.http11 import HttpLimits, Request
    from tests.http.http11.test_connection_smuggling import (
        ATTEMPTS,
        CHUNK_ATTEMPTS,
        CHUNKED,
        HIDDEN,
        MutationTest,
    )
    from tests.support.http11_testcase import CODES, Answering
    from tests.support.sansio import Refused, events_of

LIMITS = HttpLimits(
    request_line_bytes=100,
    header_bytes=300,
    header_count=8,
    chunk_line_bytes=40,
    chunk_overhead_bytes=100,
    trailer_bytes=60,
)  # so small that a short input passes them


def check(data: bytes) -> None:
    """Hold one conversation in three cuts; AssertionError where the parser breaks its word."""
    stride, wire = 1 + data[0] % 16 if data else 1, data[1:]
    for limits in (HttpLimits(), LIMITS):
        outcomes = [
            events_of(partial(Answering, limits), wire, cuts, eof=True)
            for cuts in ((), range(len(wire)), range(stride, len(wire), stride))
        ]
        assert outcomes[0] == outcomes[1] == outcomes[2], outcomes
        for event in outcomes[0]:
            check_event(event)


def check_event(event: object) -> None:
    """Check what holds of every refusal and every request."""
    if isinstance(event, Refused):
        assert CODES[event.status] == event.code, event
    elif isinstance(event, Request):
        assert event.host or event.http_version == (1, 0), event
        assert event.path == "*" or event.path[0] == "/", event
        assert event.target.isascii() and event.target.isprintable(), event
        assert not (event.chunked and event.content_length is not None), event
        assert not set("\r\n\0").intersection("".join(map(str, event.headers))), event


def seed(folder: Path) -> None:
    """Fill an empty corpus with what the tests know."""
    if any(folder.iterdir()):
        return
    heads = [attempt + HIDDEN for _, attempt in ATTEMPTS.values()]
    chunks = [CHUNKED + attempt + HIDDEN for attempt in CHUNK_ATTEMPTS.values()]
    for number, wire in enumerate([*MutationTest.SEEDS, *heads, *chunks]):
        (folder / f"seed-{number}").write_bytes(b"\x06" + wire)


if __name__ == "__main__":
    seed(Path(sys.argv[1]))
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
