"""`Idempotency-Key`: an upload sent again under its key becomes no second job.

What was promised stands in the database with the job, so that it outlives the server; retention
forgets it after a day.

Rule: of uploads under one key one at a time is under way; the next of them finds what became of it,
before it has read a byte of its own.
"""

import asyncio
import hashlib
import re
from weakref import WeakValueDictionary

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def is_key(*values: str) -> bool:
    """Whether the header was given once, as a key may be."""
    return len(values) == 1 and _KEY.fullmatch(values[0]) is not None


def scoped_key(key: str, client: str) -> str:
    """What `key` is kept as: one client can't meet another's, and no address is written down."""
    return hashlib.sha256(f"{client} {key}".encode()).hexdigest()


class KeysUnderWay:
    """A lock for each key whose upload is under way, kept as long as somebody holds or wants it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, key: str) -> asyncio.Lock:
        """What runs under it runs while no other does under `key`."""
        return self._locks.setdefault(key, asyncio.Lock())

    def __len__(self) -> int:
        return len(self._locks)
