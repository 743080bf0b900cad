"""What the rest of the server needs of a pool: the seam for another place where the work is done.

What crosses is a function by its name, plain values, and files under a work folder, so that the
place may be another machine. LocalPool is one implementation, the tests' double another.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

T = TypeVar("T")


class Machine(NamedTuple):
    """Where slots are: a name, "" for this machine, and what its calls may use together."""

    name: str = ""
    memory_mib: int = 1 << 30
    cores: int = 1


class Slot(Protocol):
    """A place where one call at a time runs in a child; further calls wait in turn."""

    @property
    def name(self) -> str:
        """For the log."""

    @property
    def machine(self) -> Machine:
        """Where the child is; slots of one machine have equal ones."""

    @property
    def progress(self) -> float:
        """How far the call under way is, 0.0..1.0; 0.0 when there is none."""

    async def run(
        self,
        function: Callable[..., T],
        *args: object,
        stall_s: float | None,
        bound_s: float | None = None,
        job: str = "",
    ) -> T:
        """Call `function(*args)` in the child.

        `stall_s`: how long `progress` may stand still, `bound_s`: how long the call may take at
        most; over either the child is killed. `job` names what it prints in the log. Cancelling the
        awaiting task kills it too. When this returns or raises, the child has stopped working on
        the call, or its machine can't be reached. Raises ChildDied, ChildNotStarted, ChildStalled,
        MachineLost, MachineAway.
        """

    def kill(self) -> None:
        """SIGKILL for the child, if there is one; a call under way ends with ChildDied."""


class Pool(Protocol):
    """Slots for jobs, which may come and go with their machines."""

    @property
    def slots(self) -> Sequence[Slot]:
        """All there are now. Those of a lost machine never come back; it has others then."""

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have `listener` called on the loop when slots have come or gone."""

    def stats(self) -> dict[str, int]:
        """Plain numbers for whoever watches."""

    async def close(self) -> None:
        """Kill every child; returns when they are gone, bounded."""
