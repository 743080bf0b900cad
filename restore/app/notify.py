"""Tells a service manager how the server stands: systemd's `Type=notify`.

Rule: it never disturbs the server. Without NOTIFY_SOCKET, or where nobody listens there, nothing
happens. (sd_notify(3): one datagram of VARIABLE=value lines to a Unix socket.)
"""

import logging
import os
import socket

READY, STOPPING = "READY=1", "STOPPING=1"

log = logging.getLogger("restore")


def notify(state: str) -> None:
    """Send `state`, one or more VARIABLE=value lines, to the manager that started the server."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # Linux's abstract names begin with a zero byte
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(state.encode(), address)
    except OSError as error:
        log.warning("The service manager can't be told %s: %s", state, error)
