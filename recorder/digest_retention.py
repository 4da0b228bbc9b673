"""Pruning of known digests, known and told tags, and told children.

Old ones are deleted, and the oldest where there are too many.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.store.errors import StoreUnavailableError

MAX_DIGESTS = 500_000
"""Of each kind, manifests and blobs: some 90 bytes each on SQLite, with the index."""
MAX_AGE_MS = 2 * 365 * 24 * 3600 * 1000
"""A digest is forgotten when it was neither pushed nor pulled for two years."""
MAX_TAGS = 1_000_000
"""Known tags, told tags or told children; some 300 bytes each on SQLite, with the indexes."""
DELETED_TAG_MS = 24 * 3600 * 1000
"""How long a deleted tag is remembered, for notes that come late."""
TOLD_CHILD_MS = 7 * 24 * 3600 * 1000
"""How long it is remembered which manifests an index lists. A push waits an hour at most for its
index, and may be decided later only if the broker or the store is away."""
INTERVAL_S = 60.0
CHUNK = 1_000
"""Of each kind in one transaction, during which other writers wait on SQLite."""
BREATH_S = 0.05


class Known(Protocol):
    """One of these tables of the store. Its method blocks."""

    def prune(self, before_ms: int, *, most: int, limit: int) -> int:
        """Delete rows that are too old or too many; returns how many."""


class DigestRetention:
    """Limits one of the store's tables of known things, a little at a time, beside its writers.

    Args:
        sightings: The table.
        max_age_ms: The age at which its rows are old.
        most: How many rows of each kind stay.
        clock_ms: The time, milliseconds since the epoch.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        sightings: Known,
        *,
        max_age_ms: int = MAX_AGE_MS,
        most: int = MAX_DIGESTS,
        clock_ms: Callable[[], int] = now_ms,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sightings = sightings
        self._max_age_ms = max_age_ms
        self._most = most
        self._clock_ms = clock_ms
        self._pause = pause
        self._log = get_logger()

    async def run(self) -> None:
        """Delete the surplus now, and every minute; ends only by cancellation."""
        while True:
            try:
                await self.forget()
            except StoreUnavailableError as error:
                self._log.warning("sightings.unpruned", reason=str(error))
            await self._pause(INTERVAL_S)

    async def forget(self) -> int:
        """Delete the surplus; returns how many rows.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        before_ms = self._clock_ms() - self._max_age_ms
        forgotten = 0
        while count := await asyncio.to_thread(
            self._sightings.prune, before_ms, most=self._most, limit=CHUNK
        ):
            forgotten += count
            await self._pause(BREATH_S)
        if forgotten:
            self._log.info("sightings.pruned", sightings=forgotten)
        return forgotten
