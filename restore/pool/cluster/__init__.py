"""A pool of other machines, reached through a Dask scheduler (extra `dask`).

The scheduler knows which machines are there and carries calls to them; order, memory and attempts
stay the dispatcher's. Each machine runs our own children, so that a crash, a hang or want of memory
harms one job there as it does here. Nothing here imports distributed before it is used.

    members    the front's: who is there, and the slots that come and go with them
    calls      the front's: one call on one machine's slot, photo there and result back
    machine    a machine's: what it does when the front calls
    joining    a machine's: a member of the cluster for as long as there is a scheduler
    messages   what crosses, and how it is locked
"""

from restore.pool.cluster.joining import SchedulerFailed, join
from restore.pool.cluster.machine import Member
from restore.pool.cluster.members import ClusterPool
from restore.pool.cluster.messages import Facts, Offer, Tls

__all__ = ["ClusterPool", "Facts", "Member", "Offer", "SchedulerFailed", "Tls", "join"]
