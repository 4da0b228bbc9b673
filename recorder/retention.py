"""Deleting records by age, a little at a time, beside the recording of new ones."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from prometheus_client import Counter

from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.store.errors import StoreUnavailableError

PRUNED = Counter(
    "portcall_recorder_records_pruned", "Records deleted because of their age.", registry=REGISTRY
)
INTERVAL_S = 60.0
CHUNK = 2_000
"""Records in one transaction: about 60 ms on SQLite, during which the recorder waits."""
BREATH_S = 0.05
"""Pause between transactions, for the recorder; it still deletes 18,000 records/s."""


class RecordStore(Protocol):
    """Stores records: the store's event log. Its method blocks."""

    def prune(self, before_ms: int, *, limit: int) -> int:
        """Delete the oldest records that began before a time; returns how many."""


class Replays(Protocol):
    """The store's replays. Its method blocks."""

    def prune(self, before_ms: int) -> int:
        """Delete replays that do not run and last changed before a time; returns how many."""


class Retention:
    """Deletes records that are too old, and replays that ended as long ago.

    Args:
        log: The store's event log.
        replays: The store's replays.
        retention_ms: How long they are kept.
        clock_ms: The time, milliseconds since the epoch.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        *,
        log: RecordStore,
        replays: Replays,
        retention_ms: int,
        clock_ms: Callable[[], int] = now_ms,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._log_store = log
        self._replays = replays
        self._retention_ms = retention_ms
        self._clock_ms = clock_ms
        self._pause = pause
        self._log = get_logger()

    async def run(self) -> None:
        """Delete old rows now, and every minute; ends only by cancellation."""
        while True:
            try:
                await self.prune()
            except StoreUnavailableError as error:
                self._log.warning("records.unpruned", reason=str(error))
            await self._pause(INTERVAL_S)

    async def prune(self) -> int:
        """Delete records that are too old; returns how many.

        Raises:
            StoreUnavailableError: The database does not answer; earlier deletions stay.
        """
        before_ms = self._clock_ms() - self._retention_ms
        pruned = 0
        while count := await asyncio.to_thread(self._log_store.prune, before_ms, limit=CHUNK):
            pruned += count
            PRUNED.inc(count)
            await self._pause(BREATH_S)
        if replays := await asyncio.to_thread(self._replays.prune, before_ms):
            self._log.info("replays.pruned", replays=replays)
        if pruned:
            self._log.info("records.pruned", records=pruned)
        return pruned
