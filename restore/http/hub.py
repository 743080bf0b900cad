"""What connections share, as each of them sees it; server.py is what stands behind it.

It says what there is and holds nothing. Without it connection.py and server.py would import each
other.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from restore.http.accesslog import AccessLog
from restore.http.exchange import Answer, Exchange
from restore.http.limits import ConnectionLimits
from restore.http.outbox import Outbox
from restore.http.responses import Headers

C = TypeVar("C", contravariant=True)


class Hub(Protocol[C]):
    """What a connection, of class C, needs of the server it belongs to."""

    handle: Callable[[Exchange], Answer]
    client: Callable[[Exchange], str]
    headers: Callable[[Exchange], Headers]  # of every answer, beside its own
    access: AccessLog
    outbox: Outbox
    limits: ConnectionLimits
    buffer: memoryview  # where all connections receive; what is in it is used up at once
    stopping: bool

    @property
    def date(self) -> str:
        """Now, for a header."""

    def admit(self, connection: C) -> bool:
        """Whether there is room for one more."""

    def begin_work(self, connection: C) -> None:
        """A request is whole: this connection won't be closed to make room."""

    def end_work(self, connection: C) -> None:
        """It may be closed to make room again."""

    def forget(self, connection: C) -> None:
        """It is closed."""
