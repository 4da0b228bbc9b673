"""The webhooks in memory, kept current: a snapshot first, then the changes since its revision."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Protocol

from portcall.runtime.logs import get_logger
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.filters import Filters
from portcall.schemas.globs.scopes import Scopes, parse_scopes
from portcall.store.errors import StoreUnavailableError
from portcall.store.subscriptions.index import ScopeIndex
from portcall.store.webhooks.index import Changes, IndexRow

STALE_S = 15.0
"""Without an answer from the store for this long, a router reports that it is not ready, and
continues: routing an event with an old index is better than delaying it."""
Indexed = tuple[int, str, str, int, Filters | None, Scopes | None]
"""A row with its patterns read."""
CHUNK = 5_000
"""Rows of a snapshot that are read in one turn of the loop: about 10 ms."""
TOO_LARGE_S = 300.0
"""How long a process whose limit is too small waits before it reads the webhooks again."""


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
        max_webhooks: With more enabled webhooks, it holds none; None: no limit.
        told: Called after each answer of the store.

    Attributes:
        index: The index; a new snapshot replaces it.
        revision: The store's revision that the index is at; -1: none.
        snapshots: How many were loaded.
        loaded: Set by the first snapshot.
    """

    def __init__(
        self,
        source: IndexReader,
        clock: Callable[[], float] = time.monotonic,
        *,
        max_webhooks: int | None = None,
        told: Callable[["Subscriptions"], None] | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._max_webhooks = max_webhooks
        self._told = told
        self._fresh_at: float | None = None
        self._asked_at: float | None = None
        self._too_large_at: float | None = None
        self._log = get_logger()
        self.index = ScopeIndex()
        self.revision = -1
        self.snapshots = 0
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

    @property
    def age_s(self) -> float:
        """The index shows every change that was made longer ago than this; inf: it shows none."""
        return math.inf if self._asked_at is None else self._clock() - self._asked_at

    @property
    def is_too_large(self) -> bool:
        """Whether there are more webhooks than the limit; then the index is empty."""
        return self._too_large_at is not None

    async def refresh(self) -> bool:
        """Apply the changes; a store that does not answer is asked again at the next call.

        Returns:
            Whether it answered.
        """
        began = self._clock()
        if self._too_large_at is not None and began - self._too_large_at < TOO_LARGE_S:
            return True
        try:
            if self.revision < 0:
                await self._load()
            else:
                await self._follow()
        except StoreUnavailableError as error:
            self._log.warning("subscriptions.stale", reason=str(error))
            return False
        self._fresh_at = self._clock()
        self._asked_at = None if self.is_too_large else began
        if self._told is not None:
            self._told(self)
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
        if self._exceeds(self.index):
            self._drop()
            return
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
            if self._exceeds(index):
                self._drop()
                return
        self.index = index
        self._too_large_at = None
        self.revision = revision
        self.loaded.set()
        self.snapshots += 1
        self._log.info("subscriptions.loaded", webhooks=len(index), revision=revision)

    def _exceeds(self, index: ScopeIndex) -> bool:
        return self._max_webhooks is not None and len(index) > self._max_webhooks

    def _drop(self) -> None:
        """Hold nothing: there are more webhooks than the limit."""
        if self._too_large_at is None:
            self._log.info("subscriptions.too_large", limit=self._max_webhooks)
        self._too_large_at = self._clock()
        self.index, self.revision = ScopeIndex(), -1

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
