"""`Idempotency-Key`: an upload sent again under its key becomes no second job.

The rule kept here: of uploads under one key one at a time is under way; the next of them finds what
became of it, before it has read a byte of its own. What was promised stands in the database with
the job, so that it outlives the server; retention forgets it after a day.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def is_key(*values: str) -> bool:
    """Whether the header was given once, as a key may be."""
    return len(values) == 1 and _KEY.fullmatch(values[0]) is not None


def scoped_key(key: str, client: str) -> str:
    """What `key` is kept as: one client can't meet another's, and no address is written down."""
    return hashlib.sha256(f"{client} {key}".encode()).hexdigest()


class KeysUnderWay:
    """The keys of uploads that are under way or wait for one under the same key."""

    def __init__(self) -> None:
        self._turns: dict[str, tuple[asyncio.Lock, list[None]]] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """The block runs once no other under `key` does."""
        lock, holders = self._turns.setdefault(key, (asyncio.Lock(), []))
        holders.append(None)
        try:
            async with lock:
                yield
        finally:
            holders.pop()
            if not holders:
                del self._turns[key]

    def __len__(self) -> int:
        return len(self._turns)
