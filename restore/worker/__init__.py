"""What runs in a child process.

The server imports it for its names and never runs it; Pillow is imported inside its functions only.

    setup    a child made ready, and put right between two calls
    job      one job from upload to result, one look at a header, the provider's models
    limits   what a child may keep from one job to the next
"""

from restore.worker.job import Inspection, Outcome, Task, inspect_all, load_models, run_job
from restore.worker.setup import (
    HEAD,
    IGNORED_SIGNALS,
    RESULT_BYTES,
    ChildSettings,
    Reply,
    begin,
    call,
    serve,
)

__all__ = [
    "HEAD",
    "IGNORED_SIGNALS",
    "RESULT_BYTES",
    "ChildSettings",
    "Inspection",
    "Outcome",
    "Reply",
    "Task",
    "begin",
    "call",
    "inspect_all",
    "load_models",
    "run_job",
    "serve",
]
