"""The command `restore-photo`: photos in, restored photos beside them, no server needed.

It runs each photo the same way as a job of the server, or sends it to one.

    command     from the arguments to the exit status
    arguments   what may be typed, and its help
    sources     which photos are meant, and where their results go
    local       restores here, in child processes that may crash
    remote      lets a server do it
    screen      what is told while it works, and at the end
"""

from restore.app.photo.command import main

__all__ = ["main"]
