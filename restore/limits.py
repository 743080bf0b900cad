"""Every limit of the server in one place, with its unit and what it bounds.

Settings that a person may want to change are in config.py; these hold for everybody. The limits of
the two parsers are arguments of theirs (HttpLimits, FormLimits) and stand beside their code.
Those of the connections are one value too, so that a test can shorten its waits.
"""

from typing import Final, NamedTuple

KIB = 1024
MIB = 1024 * KIB

# -- one upload
FORM_OVERHEAD_BYTES = 64 * KIB  # a body may be this much longer than the image it carries
FIELD_BYTES = 4 * KIB  # one text field
IMAGE_HEAD_BYTES = 4 * KIB  # first bytes of a file kept to tell its format
WRITE_BYTES = MIB  # gathered before a write to disk; an upload may hold two of these
GATHERED_BYTES = 8 * MIB  # by all uploads at once: with many each gathers less,
LEAST_WRITE_BYTES = 128 * KIB  # though not less than this (200 uploads at once: 36 MB in all)
SMALL_UPLOAD_BYTES = 64 * KIB  # an upload up to this size is kept in its row, not in a file
CALL_BYTES = MIB  # of one call over a child's pipe: eight small uploads, and room to spare
INSPECT_S = 5.0  # looking at an image's header

# -- all connections
SPARE_DESCRIPTORS = 160  # for database, children, uploads, and connections not yet judged
DESCRIPTORS_PER_CONNECTION = 3  # of a download: its socket twice (see delivery), and its file
BACKLOG = 1024  # connections that the kernel holds ready
ACCEPTED_AT_ONCE = 8  # before the first of them is judged
TURNED_AWAY = 32  # told that there is no room and reading it, beside those that are served


class ConnectionLimits(NamedTuple):
    """What the connections may cost, and how long each wait for a client may take."""

    most: int = 4096  # connections at once, as far as the descriptors go
    head_s: float = 15.0  # first byte of a request head to its last
    idle_s: float = 55.0  # between two requests, and to the first byte of one
    body_stall_s: float = 20.0  # without one byte of a body
    body_grace_s: float = 20.0  # of waiting for a body before the mean counts
    body_min_bytes_per_s: float = 1 * KIB  # mean over a body after that
    write_stall_s: float = 30.0  # an answer of which the client takes no byte
    write_min_bytes_per_s: float = 1 * KIB  # mean over an answer after that
    linger_stall_s: float = 5.0  # without a byte, behind the last answer
    linger_s: float = 30.0  # reading on behind it before the mean counts
    linger_min_bytes_per_s: float = 64 * KIB  # mean after that
    linger_bytes: int = 32 * MIB  # read behind it
    held_bytes: int = 16 * KIB  # received and not used, at which reading pauses
    served_at_once: int = 32  # pipelined requests, then the other clients have their turn
    sweep_s: float = 1.0  # between two looks at the clock: deadlines are kept to within this


DEFAULT_CONNECTION_LIMITS: Final = ConnectionLimits()

# -- jobs
WORKER_OUTPUT_BYTES = 16 * KIB  # of what a worker prints during one job, kept in the log
JOBS_PER_CHILD = 200  # then the child is replaced, against leaks of codecs
CHILD_GROWTH_MIB = 512  # memory kept after a job, over which the child is replaced
CHILDREN_IDLE_S = 600.0  # without a call, after which all children are let go
KILL_WAIT_S = 5.0  # for a killed child to be gone
STORAGE_GONE_S = 30.0  # a STORAGE_DIR that is taken away may be put back, before jobs fail of it
