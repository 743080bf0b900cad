"""Counts what the server in this process asks of the outside, and how often it copies an upload.

While a `Ledger` is open it listens at the boundaries: SQLite's trace of statements, syncs, files
opened, work given to threads and to children, and the objects in which an upload's bytes are handed
from module to module. Bytes count as copied where they are handed on in another object than the one
they came in. Time plays no part.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from restore.http import http11
from restore.http.multipart import Data, MultipartParser
from restore.pool.process import ChildProcess
from restore.storage import disk
from restore.storage.uploads import UploadFile

_listening: list["Ledger"] = []  # an audit hook can't be taken away again


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and not isinstance(arguments[0], int):  # a descriptor is open already
        for ledger in _listening:
            ledger.opens.append(str(arguments[0]))


sys.addaudithook(_hear)


class Ledger:
    """What was counted since the last `clear()`."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.syncs = 0
        self.opens: list[str] = []
        self.thread_hops = 0
        self.child_calls = 0
        self.disk_writes = 0
        self.copied_bytes = 0
        self._handed_on: list[object] = []  # kept alive, so that an identity stays one

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]

    @property
    def verbs(self) -> list[str]:
        """The statements' first words."""
        return [statement.split()[0] for statement in self.statements]

    def hand_on(self, data: bytes | bytearray | memoryview) -> None:
        """`data` goes into the next module."""
        whole = data.obj if isinstance(data, memoryview) else data
        if not any(whole is known for known in self._handed_on[-64:]):
            self.copied_bytes += len(data)
            self._handed_on.append(whole)


@contextmanager
def opened() -> Iterator[Ledger]:
    """A ledger that counts until the block ends. Databases are heard that are opened inside."""
    ledger = Ledger()
    with ExitStack() as patches:
        for place, name, hear in (
            (sqlite3, "connect", _connecting),
            (disk, "sync", _adding("syncs")),
            (ThreadPoolExecutor, "submit", _adding("thread_hops")),
            (ChildProcess, "submit", _adding("child_calls")),
            (http11.Connection, "receive_data", _receiving),
            (MultipartParser, "receive_data", _receiving),
            (MultipartParser, "next_event", _telling),
            (UploadFile, "write", _writing),
        ):
            patches.enter_context(patch.object(place, name, hear(ledger, getattr(place, name))))
        _listening.append(ledger)
        try:
            yield ledger
        finally:
            _listening.remove(ledger)


Function = Callable[..., Any]


def _adding(name: str) -> Callable[[Ledger, Function], Function]:
    def hear(ledger: Ledger, original: Function) -> Function:
        def counted(*args: Any, **kwargs: Any) -> Any:
            setattr(ledger, name, getattr(ledger, name) + 1)
            return original(*args, **kwargs)

        return counted

    return hear


def _connecting(ledger: Ledger, original: Function) -> Function:
    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = original(*args, **kwargs)
        connection.set_trace_callback(lambda statement: ledger.statements.append(statement))
        return connection

    return connect


def _receiving(ledger: Ledger, original: Function) -> Function:
    def receive_data(self: object, data: bytes | memoryview) -> None:
        ledger.hand_on(data)
        original(self, data)

    return receive_data


def _telling(ledger: Ledger, original: Function) -> Function:
    def next_event(self: object) -> Any:
        event = original(self)
        if isinstance(event, Data):
            ledger.hand_on(event.data)
        return event

    return next_event


def _writing(ledger: Ledger, original: Function) -> Function:
    def write(self: object, chunks: Sequence[bytes | bytearray | memoryview]) -> None:
        ledger.disk_writes += 1
        for chunk in chunks:
            ledger.hand_on(chunk)
        original(self, chunks)

    return write
