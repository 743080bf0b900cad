"""What connections may cost, and how long each wait for a client may take.

The two parsers take theirs as arguments (HttpLimits, FormLimits), which stand beside their code.
"""

from typing import Final, NamedTuple

from restore.contract import KIB, MIB

# -- all connections
SPARE_DESCRIPTORS = 160  # for database, children, uploads, and connections not yet judged
DESCRIPTORS_PER_CONNECTION = 3  # of a download: its socket twice (see writer), and its file
BACKLOG = 1024  # connections that the kernel holds ready
ACCEPTED_AT_ONCE = 8  # before the first of them is judged
TURNED_AWAY = 32  # being answered that there is no room, beside those that are served


class ConnectionLimits(NamedTuple):
    """What the connections may cost, and how long each wait for a client may take."""

    most: int = 4096  # connections at once, as far as the descriptors go
    head_s: float = 15.0  # first byte of a request head to its last
    idle_s: float = 75.0  # between two requests, and to the first byte of one; proxies keep 60 s
    body_stall_s: float = 20.0  # without one byte of a body
    body_grace_s: float = 20.0  # of waiting for a body before the mean counts
    body_min_bytes_per_s: float = 1 * KIB  # mean over a body after that
    write_stall_s: float = 30.0  # an answer of which the client takes no byte
    write_min_bytes_per_s: float = 1 * KIB  # mean over an answer after that
    linger_stall_s: float = 5.0  # without a byte, behind the last answer
    linger_s: float = 300.0  # reading on behind it: 12 MB from a phone that sends 64 KiB a second
    linger_bytes: int = 32 * MIB  # read behind it
    held_bytes: int = 16 * KIB  # received and not used, at which reading pauses
    served_at_once: int = 32  # pipelined requests, then the other clients have their turn
    sweep_s: float = 1.0  # between two looks at the clock: deadlines are kept to within this


DEFAULT_CONNECTION_LIMITS: Final = ConnectionLimits()
