"""What children may cost, and how long each wait for one may take."""

from restore.contract import KIB

INSPECT_TURN_S = 30.0  # an upload waits this long for its turn
INSPECT_S = 5.0  # looking at an image's header
# -- jobs
WORKER_OUTPUT_BYTES = 16 * KIB  # of what a worker prints during one job, kept in the log
JOBS_PER_CHILD = 200  # then the child is replaced, against leaks of codecs
CHILDREN_IDLE_S = 600.0  # without a call, after which all children are let go
KILL_WAIT_S = 5.0  # for a killed child to be gone
