"""A job's life from its promise to its end.

It knows storage and pool; it knows no HTTP.

    dispatcher   which job runs when, and where
    run          one job from its claim to its end
    retry        what is tried again, how often and after what pause
    recovery     what a crash left behind
    retention    removes what has been kept long enough
    budget       whether a job's memory fits beside the others
    events       the telemetry
    tally        what became of the jobs, in numbers
"""

from restore.jobs.budget import PROCESS_MIB, cores_for, estimate_mib, fits
from restore.jobs.dispatcher import Dispatcher
from restore.jobs.events import Telemetry
from restore.jobs.tally import BOUNDS_S, Distribution, Tally

__all__ = [
    "BOUNDS_S",
    "PROCESS_MIB",
    "Dispatcher",
    "Distribution",
    "Tally",
    "Telemetry",
    "cores_for",
    "estimate_mib",
    "fits",
]
