"""The child processes, seen from the server: started, watched, killed and replaced.

It knows what runs in them by reference only, and nothing of jobs' states, files or HTTP.

    local         the pool of this machine and its slots
    process       one child process
    pipe_process  the kind of child that looks at headers
    forkserver    the process that children are forked from
    output        the pipe that children print into
    childlog      what a child prints, made fit for the log
    inspector     looks at an upload's header in a child
    limits        what children may cost
"""

from restore.pool.inspector import Inspector
from restore.pool.limits import KILL_WAIT_S
from restore.pool.local import ChildDied, ChildError, ChildNotStarted, ChildStalled, Pool, Slot

__all__ = [
    "KILL_WAIT_S",
    "ChildDied",
    "ChildError",
    "ChildNotStarted",
    "ChildStalled",
    "Inspector",
    "Pool",
    "Slot",
]
