"""Every limit of the server in one place, with its unit and what it bounds.

Settings that a person may want to change are in config.py; these hold for everybody. The limits of
the two parsers are arguments of theirs (HttpLimits, FormLimits) and stand beside their code.
"""

KIB = 1024
MIB = 1024 * KIB

# -- one upload
FORM_OVERHEAD_BYTES = 64 * KIB  # a body may be this much longer than the image it carries
FIELD_BYTES = 4 * KIB  # one text field
IMAGE_HEAD_BYTES = 4 * KIB  # first bytes of a file kept to tell its format
WRITE_BYTES = (
    256 * KIB
)  # gathered before a write to disk; 16 uploads at once hold two of these each
INSPECT_S = 5.0  # looking at an image's header

# -- one connection
HEAD_S = 15.0  # first byte of a request head to its last
IDLE_S = 60.0  # between two requests, and to the first byte of one
BODY_STALL_S = 20.0  # without one byte of a body
BODY_MIN_BYTES_PER_S = 1 * KIB  # mean over a body after BODY_GRACE_S
BODY_GRACE_S = 20.0
WRITE_STALL_S = 30.0  # an answer of which the client takes no byte
WRITE_MIN_BYTES_PER_S = 1 * KIB  # mean over an answer after WRITE_STALL_S
LINGER_S = 30.0  # reading on after a refusal, so that the client sees the answer
LINGER_STALL_S = 5.0  # of which without a byte
LINGER_BYTES = 32 * MIB
PIPELINE_BYTES = 64 * KIB  # of further requests held while one is answered

# -- all connections
MAX_CONNECTIONS = 4096
SPARE_DESCRIPTORS = 128  # for files, database, children
BACKLOG = 1024

# -- jobs
WORKER_OUTPUT_BYTES = 16 * KIB  # of what a worker prints during one job, kept in the log
JOBS_PER_CHILD = 200  # then the child is replaced, against leaks of codecs
CHILD_GROWTH_MIB = 512  # memory kept after a job, over which the child is replaced
KILL_WAIT_S = 5.0  # for a killed child to be gone
