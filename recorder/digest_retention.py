"""Forgetting sightings: old ones, and the oldest where there are too many."""

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
INTERVAL_S = 60.0
CHUNK = 1_000
"""Of each kind in one transaction, for which other writers have to wait on SQLite."""
BREATH_S = 0.05


class KnownDigests(Protocol):
    """Where sightings are kept. Its method blocks."""

    def prune(self, before_ms: int, *, most: int, limit: int) -> int:
        """Forget sightings that are too old or too many; say how many."""


class DigestRetention:
    """Bounds the store's sightings, a little at a time, beside those who write them.

    Args:
        sightings: Where they are kept.
        clock_ms: The time, milliseconds since the epoch.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        sightings: KnownDigests,
        *,
        clock_ms: Callable[[], int] = now_ms,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sightings = sightings
        self._clock_ms = clock_ms
        self._pause = pause
        self._log = get_logger()

    async def run(self) -> None:
        """Forget what is too much now, and every minute; ends only by cancellation."""
        while True:
            try:
                await self.forget()
            except StoreUnavailableError as error:
                self._log.warning("sightings.unpruned", reason=str(error))
            await self._pause(INTERVAL_S)

    async def forget(self) -> int:
        """Forget what is too much now; says how many rows that were.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        before_ms = self._clock_ms() - MAX_AGE_MS
        forgotten = 0
        while count := await asyncio.to_thread(
            self._sightings.prune, before_ms, most=MAX_DIGESTS, limit=CHUNK
        ):
            forgotten += count
            await self._pause(BREATH_S)
        if forgotten:
            self._log.info("sightings.pruned", sightings=forgotten)
        return forgotten
