"""Stores known digests, so that every producer finds them, also after a restart.

A request is answered when the store has its digests: a registry does not send them again, and a
kill would lose them. Concurrent requests share a transaction, and a digest that was written within
a day is not written again: repeated pushes and pulls cost nothing.

The store helps, but is not required. If it does not answer in time, the request is answered all the
same: its digests wait in memory, and deletes use memory (docs/decisions/0027).
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
"""A digest is written again after so long, to update its time."""
MAX_WAITING = 20_000
"""Digests that wait for the store; more are dropped, and written when they are seen again."""
MAX_KEPT = 100_000
"""How many written digests are remembered as such: some 25 MB."""

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
    """The store's known digests. Its methods block."""

    def keep(self, seen: Iterable[KnownDigest]) -> None:
        """Store digests; raises `StoreUnavailableError`."""

    def find(self, names: Sequence[bytes]) -> Mapping[bytes, KnownDigest]:
        """The known ones of these names; raises `StoreUnavailableError`."""
        ...


class NoTable:
    """No store: only memory, for tests that need no more."""

    def keep(self, seen: Iterable[KnownDigest]) -> None:
        """Do nothing."""

    def find(self, _names: Sequence[bytes]) -> Mapping[bytes, KnownDigest]:
        """Know nothing."""
        return {}


class DigestKeeper:
    """The memory of this process, and its connection to the store.

    Args:
        table: The store's known digests.
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
        """The memory as one request uses it."""
        return Glance(self._memory)

    async def recall(self, glance: Glance) -> bool:
        """Ask the store for *glance*'s open questions; returns whether memory may know more now."""
        if not glance.asked:
            return False
        if not self._reads.is_hopeless:
            self._asked |= glance.asked
        answered = await self._reads.settled(self._reads.begin())
        if not answered:
            BY_MEMORY.inc()
        return answered

    def begin(self, learnt: Mapping[bytes, str | None]) -> "asyncio.Future[bool] | None":
        """Start to store a request's digests; returns an argument for `settled`.

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
        """Wait until they are stored, for a limited time."""
        await self._writes.settled(writing)

    async def drained(self, within_s: float) -> None:
        """Write the waiting digests, if possible in time."""
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
    """Combine two facts about a digest like the store does; keeps the first one's time.

    A manifest stays one, and a type that is known stays known.
    """
    return KnownDigest(
        first.name,
        first.is_manifest or second.is_manifest,
        second.media_type or first.media_type,
        first.seen_ms,
    )
