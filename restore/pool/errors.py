"""How a call into a child may end without a result."""


class ChildError(Exception):
    """A call came to no result. `detail` is for the log only."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ChildDied(ChildError):  # noqa: N818  (says what happened)
    """The child ended, or what it returned can't be used."""


class ChildNotStarted(ChildDied):
    """No child came up, or none lived to begin the call: this says nothing about the call."""


class ChildStalled(ChildError):  # noqa: N818
    """The child was killed: it made no progress, or took longer than allowed."""


class MachineLost(ChildError):  # noqa: N818
    """The machine on which the child ran is gone: this says nothing about the call."""


class MachineAway(MachineLost):
    """The machine was gone before the call had begun there."""
