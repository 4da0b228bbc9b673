"""The webhooks in memory, kept current: a snapshot first, then the changes since its revision."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Protocol

from prometheus_client import Counter, Gauge

from portcall.router.index import ScopeIndex
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.filters import Filters
from portcall.schemas.globs.scopes import Scopes, parse_scopes
from portcall.store.errors import StoreUnavailableError
from portcall.store.webhooks.index import Changes, IndexRow

WEBHOOKS = Gauge(
    "portcall_router_webhooks", "Enabled webhooks in the scope index.", registry=REGISTRY
)
REVISION = Gauge(
    "portcall_router_revision", "The store's revision that the index is at.", registry=REGISTRY
)
SNAPSHOTS = Counter("portcall_router_snapshots", "Snapshots loaded.", registry=REGISTRY)

STALE_S = 15.0
"""Without an answer from the store for this long, the router reports that it is not ready, and
continues: routing an event with an old index is better than delaying it."""
Indexed = tuple[int, str, str, int, Filters | None, Scopes | None]
"""A row with its patterns read."""
CHUNK = 5_000
"""Rows of a snapshot that are read in one turn of the loop: about 10 ms."""


class IndexReader(Protocol):
    """Reads webhooks: `store.webhooks`."""

    def snapshot(self) -> tuple[int, Iterator[IndexRow]]:
        """A revision, and every enabled webhook at it."""

    def changes_since(self, revision: int) -> Changes | None:
        """The changes after *revision*; None: a snapshot is needed."""


class Subscriptions:
    """The scope index and its revision.

    Args:
        source: The store; its methods block and are called in a thread.
        clock: Monotonic seconds.
    """

    def __init__(self, source: IndexReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._fresh_at: float | None = None
        self._log = get_logger()
        self.index = ScopeIndex()
        self.revision = -1
        self.loaded = asyncio.Event()

    @property
    def problem(self) -> str | None:
        """Why the index is not reliable, or None."""
        if self._fresh_at is None:
            return "the webhooks have not been loaded yet"
        age_s = self._clock() - self._fresh_at
        if age_s > STALE_S:
            return f"the store has not answered for {age_s:.0f} s; routing by what was known then"
        return None

    async def refresh(self) -> bool:
        """Apply the changes; a store that does not answer is asked again at the next call.

        Returns:
            Whether it answered.
        """
        try:
            if self.revision < 0:
                await self._load()
            else:
                await self._follow()
        except StoreUnavailableError as error:
            self._log.warning("subscriptions.stale", reason=str(error))
            return False
        self._fresh_at = self._clock()
        REVISION.set(self.revision)
        WEBHOOKS.set(len(self.index))
        return True

    async def _follow(self) -> None:
        changes = await asyncio.to_thread(self._source.changes_since, self.revision)
        if changes is None:
            await self._load()
            return
        for webhook_id in changes.gone:
            self.index.remove(webhook_id)
        for put in await asyncio.to_thread(self._read, changes.changed):
            self.index.put(*put)
        if changes.revision != self.revision:
            self._log.debug("subscriptions.followed", revision=changes.revision)
        self.revision = changes.revision

    async def _load(self) -> None:
        """Build a new index; the old one is used until it is complete."""
        index = ScopeIndex()
        revision, rows = await asyncio.to_thread(self._source.snapshot)
        while chunk := await asyncio.to_thread(self._take, rows, CHUNK):
            for put in chunk:
                index.put(*put)
        self.index = index
        self.revision = revision
        self.loaded.set()
        SNAPSHOTS.inc()
        self._log.info("subscriptions.loaded", webhooks=len(index), revision=revision)

    def _take(self, rows: Iterator[IndexRow], count: int) -> list[Indexed]:
        return self._read(islice(rows, count))

    def _read(self, rows: Iterable[IndexRow]) -> list[Indexed]:
        """Read the patterns, which costs 10 us each: never in the loop."""
        return [self._indexed(row) for row in rows]

    def _indexed(self, row: IndexRow) -> Indexed:
        """With patterns that another version wrote, a webhook gets more events, not less."""
        webhook_id, registry, scope, actions, filters, texts = row
        scopes = None
        if texts:
            try:
                scopes = parse_scopes(texts)
            except InvalidValueError as error:
                self._log.warning("subscriptions.unreadable", webhook=webhook_id, reason=str(error))
        return webhook_id, registry, scope, actions, filters, scopes
