"""Keeping sightings in the store, where every producer finds them, and the next one, too.

A request is answered when the store has what the request taught: a registry does not send it again,
and after a kill it would be missing. The rows of requests that come together share a transaction,
and what was written within a day is not written again: repeated pushes and pulls cost nothing.

The store is a help and no condition. Where it does not answer in time, the request is answered all
the same: what it taught waits in memory, and deletes go by memory (docs/decisions/0027).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from prometheus_client import Counter

from portcall.producer.digests.digests import Glance, KnownDigests, Recent
from portcall.producer.rounds import Rounds
from portcall.runtime.clock import now_ms
from portcall.runtime.metrics import REGISTRY
from portcall.store.errors import StoreUnavailableError
from portcall.store.intake.digests import KnownDigest

REFRESH_MS = 24 * 3600 * 1000
"""A sighting is written again after so long, for its time."""
MAX_WAITING = 20_000
"""Sightings that wait for the store; more are dropped, and written when they are seen again."""
MAX_KEPT = 100_000
"""Of how many it is remembered that they were written: some 25 MB."""

DROPPED = Counter(
    "portcall_producer_sightings_dropped",
    "Digests that were not written down because the store was away for too long.",
    registry=REGISTRY,
)
BY_MEMORY = Counter(
    "portcall_producer_deletes_by_memory",
    "Requests with deletes that went by one process's memory, because the store did not answer.",
    registry=REGISTRY,
)


class Table(Protocol):
    """What is needed of the store's sightings. Its methods block."""

    def keep(self, seen: Iterable[KnownDigest]) -> None:
        """Write sightings down; raises `StoreUnavailableError`."""

    def find(self, names: Sequence[bytes]) -> Mapping[bytes, KnownDigest]:
        """What is known of these names; raises `StoreUnavailableError`."""
        ...


class NoTable:
    """No store: memory alone, as in tests of what does not need more."""

    def keep(self, seen: Iterable[KnownDigest]) -> None:
        """Do nothing."""

    def find(self, _names: Sequence[bytes]) -> Mapping[bytes, KnownDigest]:
        """Know nothing."""
        return {}


class DigestKeeper:
    """The memory of this process, and its way to the store's.

    Args:
        table: The store's sightings.
        clock_ms: The time, milliseconds since the epoch.
    """

    def __init__(self, table: Table, clock_ms: Callable[[], int] = now_ms) -> None:
        self._table = table
        self._clock_ms = clock_ms
        self._memory = KnownDigests()
        self._kept: Recent[KnownDigest] = Recent(MAX_KEPT)
        self._waiting: dict[bytes, KnownDigest] = {}
        self._asked: set[bytes] = set()
        self._writes = Rounds(self._write, name="sightings.writing", retries=True)
        self._reads = Rounds(self._read, name="sightings.reading", retries=False)

    def glance(self) -> Glance:
        """The memory as one request sees it."""
        return Glance(self._memory)

    async def recall(self, glance: Glance) -> bool:
        """Ask the store what *glance* asked; says whether memory may know more now."""
        if not glance.asked:
            return False
        if not self._reads.is_hopeless:
            self._asked |= glance.asked
        answered = await self._reads.settled(self._reads.begin())
        if not answered:
            BY_MEMORY.inc()
        return answered

    def begin(self, learnt: Mapping[bytes, str | None]) -> "asyncio.Future[bool] | None":
        """Have written down what a request taught; gives what `settled` waits for.

        Args:
            learnt: As `Glance.learnt`.
        """
        now_ms = self._clock_ms()
        new = False
        for name, media_type in learnt.items():
            sighting = KnownDigest(name, media_type is not None, media_type or "", now_ms)
            if not self._is_kept(sighting):
                self._put(sighting)
                new = True
        return self._writes.begin() if new else None

    async def settled(self, writing: "asyncio.Future[bool] | None") -> None:
        """Wait until it is written, as long as that is reasonable."""
        await self._writes.settled(writing)

    async def drained(self, within_s: float) -> None:
        """Write what still waits, if that can be done in time."""
        if self._waiting:
            await self._writes.drained(within_s)

    def _is_kept(self, sighting: KnownDigest) -> bool:
        kept = self._kept.get(sighting.name)
        if kept is None or sighting.seen_ms - kept.seen_ms >= REFRESH_MS:
            return False
        return _joined(kept, sighting) == kept

    def _put(self, sighting: KnownDigest) -> None:
        waiting = self._waiting.get(sighting.name)
        if waiting is not None:
            self._waiting[sighting.name] = _joined(waiting, sighting)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting[sighting.name] = sighting
        else:
            DROPPED.inc()

    async def _write(self) -> None:
        batch, self._waiting = self._waiting, {}
        try:
            await asyncio.to_thread(self._table.keep, batch.values())
        except StoreUnavailableError:
            for each in batch.values():
                self._put(each)
            raise
        for name, each in batch.items():
            self._kept.put(name, each)

    async def _read(self) -> None:
        names, self._asked = self._asked, set()
        for name, found in (await asyncio.to_thread(self._table.find, list(names))).items():
            if found.is_manifest:
                self._memory.saw_manifest(name, found.media_type)
            else:
                self._memory.saw_blob(name)


def _joined(first: KnownDigest, second: KnownDigest) -> KnownDigest:
    """What two sightings of a digest say together, as the store joins them; the first one's time.

    A manifest stays one, and a type that is known stays known.
    """
    return KnownDigest(
        first.name,
        first.is_manifest or second.is_manifest,
        second.media_type or first.media_type,
        first.seen_ms,
    )
