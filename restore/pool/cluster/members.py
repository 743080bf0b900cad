"""Who is there: the machines that are members of a cluster, and the slots that come with them.

Membership is the scheduler's; it tells of each change, and is asked besides. A machine that is of
another version, Python or provider is refused in a sentence. One server at a time may lead a
cluster: whoever greets a machine ends the calls it has.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from restore.pool import limits
from restore.pool.cluster.calls import ClusterSlot
from restore.pool.cluster.machine import serve
from restore.pool.cluster.messages import TOPIC, Facts, Offer, Tls, prepare, security
from restore.pool.errors import ChildDied

_log = logging.getLogger("restore")


class ClusterPool:
    """The slots of all machines that are members of the cluster at `address`.

    `shared` is a folder that machines see too, for the files of calls. Raises ImportError without
    the extra.
    """

    def __init__(self, address: str, tls: Tls | None = None, shared: Path | None = None) -> None:
        prepare()
        self.slots: tuple[ClusterSlot, ...] = ()
        self._address, self._tls, self._shared = address, tls, shared
        self._client: Any = None
        self._listener: Callable[[], None] = lambda: None
        self._refused: set[str] = set()  # addresses
        self._resting: dict[str, list[ClusterSlot]] = {}  # by addresses, for a while
        self._news = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._calls: dict[str, ClusterSlot] = {}
        self._ended = self._deaths = 0

    def start(self, facts: Facts) -> None:
        """Begin to look for machines that are as `facts` say; needs a running loop."""
        self._watching = asyncio.create_task(self._watch(facts))

    def on_change(self, listener: Callable[[], None]) -> None:
        """As protocol.Pool says."""
        self._listener = listener

    def stats(self) -> dict[str, int]:
        """Plain numbers for whoever watches."""
        return {
            "slots": len(self.slots),
            "slots_busy": len(self._calls),
            "children_died": self._deaths,
            "calls": self._ended,
        }

    async def close(self) -> None:
        """End every call, here and there, and leave the cluster; bounded."""
        closing = {*self.slots, *self._calls.values()}
        await asyncio.gather(*(slot.close() for slot in closing))
        self.slots = ()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching}, timeout=2 * limits.KILL_WAIT_S)

    async def ask(self, address: str, method: str, *args: object) -> Any:
        """As calls.Line says."""
        if self._client is None:
            raise OSError("the scheduler is away")
        answers = await self._client.run(serve, method, *args, workers=[address])
        answer, failure = answers[address]
        if failure:
            raise ChildDied(failure)
        return answer

    def begin(self, name: str, slot: ClusterSlot) -> None:
        """As calls.Line says."""
        self._calls[name] = slot

    def done(self, name: str, *, died: bool) -> None:
        """As calls.Line says."""
        del self._calls[name]
        self._ended += 1
        self._deaths += died

    async def _watch(self, facts: Facts) -> None:
        """Keep up with who is there, through scheduler after scheduler."""
        said = ""
        while True:
            try:
                await self._follow(facts)
                reason = detail = ""
            except Exception as error:
                reason, detail = type(error).__name__, str(error)
            finally:
                self._keep(set())
            if said != reason:  # the detail names another port each time
                told = detail or reason
                _log.warning("The scheduler %s can't be reached: %s", self._address, told)
            said = reason
            await asyncio.sleep(limits.LOOK_S)

    async def _follow(self, facts: Facts) -> None:
        """Keep up with one scheduler until it is lost. Raises whatever distributed does then."""
        from distributed import Client

        client = Client(
            self._address,
            asynchronous=True,
            set_as_default=False,
            security=security(self._tls),
            timeout=limits.CONNECT_S,
        )
        try:
            self._client = await client
            client.subscribe_topic("all", lambda _: self._news.set())  # who comes, who goes
            client.subscribe_topic(TOPIC, self._tell)
            while True:
                self._news.clear()
                async with asyncio.timeout(limits.ANSWER_S):
                    identity = await client.scheduler.identity(n_workers=-1)
                await self._meet(set(identity["workers"]), facts)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(limits.LOOK_S):
                        await self._news.wait()
        finally:
            self._client = None
            with contextlib.suppress(Exception):
                async with asyncio.timeout(limits.KILL_WAIT_S):
                    await client.close()

    async def _meet(self, there: set[str], facts: Facts) -> None:
        """Let go who is gone, greet who has come."""
        self._keep(there)
        known = {slot.address for slot in self.slots} | self._refused | self._resting.keys()
        for address in sorted(there - known):
            try:
                async with asyncio.timeout(limits.ANSWER_S):
                    offer = await self.ask(address, "greet", facts)
                unlike = offer.facts.unlike(facts)
            except Exception as error:
                unlike = f"It doesn't answer as a machine of restore does: {error!r}."
            if unlike:
                self._refused.add(address)
                _log.warning("The machine at %s can't serve. %s", address, unlike)
            else:
                self._welcome(address, offer)

    def _welcome(self, address: str, offer: Offer) -> None:
        name = f"{offer.machine.name} ({address.rpartition('/')[2]})"
        machine = offer.machine._replace(name=name)
        shared = self._shared / offer.shared if self._shared and offer.shared else None
        if shared is not None and not shared.is_dir():
            _log.warning("Machine %s has another shared folder; files travel with calls.", name)
            shared = None
        came = (ClusterSlot(self, address, index, machine, shared) for index in range(offer.slots))
        self.slots = (*self.slots, *came)
        _log.info("Machine %s serves; slots: %d", name, len(self.slots))
        self._listener()

    def rest(self, address: str, why: str) -> None:
        """As calls.Line says; what is under way there goes on."""
        resting = [slot for slot in self.slots if slot.address == address]
        if resting:
            name = resting[0].machine.name
            _log.warning("Machine %s rests for %g s. %s", name, limits.REST_S, why)
            self._resting[address] = resting
            self.slots = tuple(slot for slot in self.slots if slot.address != address)
            asyncio.get_running_loop().call_later(limits.REST_S, self._wake, address)
            self._listener()

    def _wake(self, address: str) -> None:
        self.slots = (*self.slots, *self._resting.pop(address, ()))
        self._listener()

    def _keep(self, there: set[str]) -> None:
        """Have the slots of these addresses alone."""
        self._refused &= there
        for address in self._resting.keys() - there:
            del self._resting[address]
        for slot in {*self.slots, *self._calls.values()}:
            if slot.address not in there:
                slot.lose()
        gone = {slot.machine.name for slot in self.slots if slot.address not in there}
        self.slots = tuple(slot for slot in self.slots if slot.address in there)
        for name in sorted(gone):
            _log.warning("Machine %s is gone; slots: %d", name, len(self.slots))
        if gone:
            self._listener()

    def _tell(self, event: tuple[float, tuple[str, float]]) -> None:
        name, fraction = event[1]
        if name in self._calls:
            self._calls[name].tell(fraction)
