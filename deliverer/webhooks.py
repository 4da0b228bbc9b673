"""The webhooks that this process sends to: a bounded cache over the store, kept true by its feed.

A frame's misses are filled by one query. Whatever changed in the store is dropped, and read again
when it is next needed. An id that the store does not know is remembered as such: its webhook was
deleted, and ids are never used again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Protocol

from prometheus_client import Counter
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from deliverer.request import Template
from runtime.logs import get_logger
from runtime.metrics import REGISTRY
from schemas.webhooks import Webhook
from store.errors import StoreUnavailableError
from store.webhookindex import Changes

LOOKUPS = Counter(
    "portcall_deliverer_webhook_queries", "Queries for webhooks not in memory.", registry=REGISTRY
)
MAX_WEBHOOKS = 20_000


class Source(Protocol):
    """Where webhooks come from: `store.webhooks`."""

    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        """Those of the webhooks that there are."""

    def revision(self) -> int:
        """The newest revision."""

    def changes_since(self, revision: int) -> Changes | None:
        """What changed after *revision*; None when too much did to say."""


class Webhooks:
    """Prepared requests by webhook id.

    Args:
        source: The store; its methods block and are called in a thread.
        max_webhooks: How many are remembered.
    """

    def __init__(self, source: Source, *, max_webhooks: int = MAX_WEBHOOKS) -> None:
        self._source = source
        self._max = max_webhooks
        self._known: OrderedDict[int, Template | None] = OrderedDict()
        self._revision = -1
        self._log = get_logger()

    def known(self, webhook_id: int) -> bool:
        """Whether `get` would answer from memory."""
        return webhook_id in self._known

    def get(self, webhook_id: int) -> Template | None:
        """What is known of a webhook that `load` was called for; None: it was deleted."""
        template = self._known.get(webhook_id)
        if template is not None:
            self._known.move_to_end(webhook_id)
        return template

    async def load(self, webhook_ids: Collection[int]) -> None:
        """Make these webhooks known; waits for as long as the store does not answer."""
        missing = [webhook_id for webhook_id in set(webhook_ids) if webhook_id not in self._known]
        if not missing:
            return
        LOOKUPS.inc()
        attempts = AsyncRetrying(
            wait=wait_random_exponential(multiplier=0.1, max=5),
            retry=retry_if_exception_type(StoreUnavailableError),
            before_sleep=self._tell,
        )
        async for attempt in attempts:
            with attempt:
                found = await asyncio.to_thread(self._source.by_ids, missing)
                self._remember(missing, found)

    async def refresh(self) -> None:
        """Drop what changed; a store that does not answer is asked again at the next call."""
        try:
            if self._revision < 0:
                self._revision = await asyncio.to_thread(self._source.revision)
                self._known.clear()
                return
            changes = await asyncio.to_thread(self._source.changes_since, self._revision)
        except StoreUnavailableError as error:
            self._log.warning("webhooks.stale", reason=str(error))
            return
        if changes is None:
            self._known.clear()
            self._revision = await asyncio.to_thread(self._source.revision)
            return
        for webhook_id in changes.gone:
            self._known.pop(webhook_id, None)
        for row in changes.changed:
            self._known.pop(row[0], None)
        self._revision = changes.revision

    def forget(self, webhook_id: int) -> None:
        """Read this webhook again when it is next needed."""
        self._known.pop(webhook_id, None)

    def _remember(self, asked: Sequence[int], found: Sequence[Webhook]) -> None:
        templates = {webhook.id: Template.of(webhook) for webhook in found}
        for webhook_id in asked:
            self._known[webhook_id] = templates.get(webhook_id)
        while len(self._known) > self._max:
            self._known.popitem(last=False)

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._log.warning("webhooks.unknown", attempt=state.attempt_number, reason=str(error))
