"""What children may cost, and how long each wait for one may take."""

from restore.contract import KIB, MIB

INSPECT_TURN_S = 30.0  # an upload waits this long for its turn
INSPECT_S = 5.0  # looking at an image's header
# -- jobs
WORKER_OUTPUT_BYTES = 16 * KIB  # of what a worker prints during one job, kept in the log
JOBS_PER_CHILD = 200  # then the child is replaced, against leaks of codecs
CHILDREN_IDLE_S = 600.0  # without a call, after which all children are let go
KILL_WAIT_S = 5.0  # for a killed child to be gone
# -- a cluster
PROGRESS_S = 0.25  # between two words of a machine on how far a call is
LOOK_S = 1.0  # between two looks at who is there, where nobody tells
CONNECT_S = 3.0  # for a connection to come about
ANSWER_S = 10.0  # for the scheduler or a machine to answer; a pulled cable shows so
SEEN_S = 3.0  # after a broken call, for the scheduler to say that the machine is gone
REST_S = 60.0  # in which a machine whose disk is full gets no calls
PIECE_BYTES = 8 * MIB  # of a result, at once
LOST_S = (
    12  # without a sign of life, and a machine or the scheduler is gone; Dask takes no less than 11
)
