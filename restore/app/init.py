"""The first process of a container: what it inherits is reaped, what it is told is passed on.

Orphans become children of process 1 and stay zombies until it waits for them; and the server can't
wait for just any child, for the pool's own would be taken from under it. So process 1 forks at
once: the server runs in its child, and it does nothing but wait. Elsewhere nothing happens.

Rule: process 1 ends as the server ends, with its status.
"""

import os
import signal
from types import FrameType

_FIRST = 1  # its process id, in a container or a PID namespace
_KEPT = (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)


def leave_first_process() -> None:
    """Return in a process that isn't the first one; must be called before there is any thread.

    The server gets a process group of its own, so that a Ctrl-C reaches it once: by us.
    """
    if os.getpid() != _FIRST:
        return
    blocked = signal.valid_signals() - set(_KEPT)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    server = os.fork()
    if server == 0:
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return

    def pass_on(number: int, _: FrameType | None) -> None:
        os.kill(server, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    while True:
        pid, status = os.wait()
        if pid == server:
            # A signal's number is said as a shell says it; the kernel ends whatever else is left.
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
