"""The child processes, seen from the server: started, watched, killed and replaced.

It knows what runs in them by reference only, and nothing of jobs' states, files or HTTP.

    protocol     what the rest of the server needs of a pool
    local        the pool of this machine
    slot         one place where one call at a time runs
    process      one child process
    forkserver   the process that children are forked from
    cluster      the pool of other machines
    output       what children print, for the log
    inspector    looks at an upload's header in a child
    errors       how a call may end without a result
    limits       what children may cost
"""

from restore.pool.cluster import ClusterPool, Facts, Member, Offer, SchedulerFailed, Tls, join
from restore.pool.errors import (
    ChildDied,
    ChildError,
    ChildNotStarted,
    ChildStalled,
    MachineAway,
    MachineLost,
)
from restore.pool.inspector import Inspector, InspectorBusy
from restore.pool.limits import KILL_WAIT_S
from restore.pool.local import LocalPool
from restore.pool.protocol import Machine, Pool, Slot

__all__ = [
    "KILL_WAIT_S",
    "ChildDied",
    "ChildError",
    "ChildNotStarted",
    "ChildStalled",
    "ClusterPool",
    "Facts",
    "Inspector",
    "InspectorBusy",
    "LocalPool",
    "Machine",
    "MachineAway",
    "MachineLost",
    "Member",
    "Offer",
    "Pool",
    "SchedulerFailed",
    "Slot",
    "Tls",
    "join",
]
