"""What runs in a child process.

The server imports it for its names and never runs it; Pillow is imported inside its functions only.

    setup    a child made ready, once
    calls    what runs around each call into it
    job      one job from upload to result, one look at a header, the provider's models
    limits   what a child may keep from one job to the next
"""

from restore.worker.calls import RESULT_BYTES, Reply, call
from restore.worker.job import Inspection, Models, Outcome, Task, inspect, load_models, run_job
from restore.worker.setup import IGNORED_SIGNALS, ChildSettings, begin

__all__ = [
    "IGNORED_SIGNALS",
    "RESULT_BYTES",
    "ChildSettings",
    "Inspection",
    "Models",
    "Outcome",
    "Reply",
    "Task",
    "begin",
    "call",
    "inspect",
    "load_models",
    "run_job",
]
