"""The webhooks of this process: a bounded cache over the store, kept current by the feed.

One query loads all missing webhooks of a frame. Webhooks that changed in the store are dropped from
the cache, and read again when they are next needed. An unknown id is cached as such: its webhook
was deleted, and ids are never reused.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from prometheus_client import Counter

from portcall.deliverer.post.request import Template
from portcall.deliverer.post.texts import Texts
from portcall.deliverer.store_retry import answered
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.frames import MAX_ITEMS
from portcall.schemas.records import Masking
from portcall.schemas.webhooks import Webhook
from portcall.store.errors import StoreUnavailableError
from portcall.store.webhooks.index import Changes

LOOKUPS = Counter(
    "portcall_deliverer_webhook_queries", "Queries for webhooks not in memory.", registry=REGISTRY
)
MAX_WEBHOOKS = 20_000
MAX_CHARACTERS = 64_000_000
"""Of certificates and keys, each text counted once: one webhook may have 110,000."""


class WebhookReader(Protocol):
    """Reads webhooks: `store.webhooks`."""

    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        """The existing ones of these webhooks."""

    def revision(self) -> int:
        """The newest revision."""

    def changes_since(self, revision: int) -> Changes | None:
        """The changes after *revision*; None: there are too many to list."""


@dataclass(eq=False, slots=True)
class _Query:
    """A query under way; its answer may be older than the ids in *dropped*."""

    asked: Sequence[int]
    dropped: set[int] = field(default_factory=set)


class Webhooks:
    """Prepared requests by webhook id.

    Args:
        source: The store; its methods block and are called in a thread.
        max_webhooks: The size of the cache; at least as many as one frame may name.
        masking: Which of their headers records mask.
    """

    def __init__(
        self,
        source: WebhookReader,
        *,
        max_webhooks: int = MAX_WEBHOOKS,
        masking: Masking = Masking.SECRETS,
    ) -> None:
        self._source = source
        self._masking = masking
        self._max = max(max_webhooks, MAX_ITEMS)
        self._known: OrderedDict[int, Template | None] = OrderedDict()
        self._texts = Texts()
        self._queries: set[_Query] = set()
        self._revision = -1
        self._log = get_logger()

    @property
    def is_asking(self) -> bool:
        """Whether a query is under way; the store may be unreachable for long."""
        return bool(self._queries)

    async def load(self, webhook_ids: Collection[int]) -> dict[int, Template | None]:
        """The templates of these webhooks, None for a deleted one.

        It waits until the store answers. The result is current, as of the last refresh, at the
        moment of the return; after the next await it may be out of date.
        """
        while missing := [each for each in set(webhook_ids) if each not in self._known]:
            await self._query(missing)
        for webhook_id in webhook_ids:
            self._known.move_to_end(webhook_id)
        return {webhook_id: self._known[webhook_id] for webhook_id in webhook_ids}

    def known(self, webhook_id: int) -> Template | None:
        """The cached template of a webhook; None: it was deleted, or must be looked up."""
        return self._known.get(webhook_id)

    async def template(self, webhook_id: int) -> Template | None:
        """The same for one webhook, with a query if needed."""
        if webhook_id not in self._known:
            await self.load([webhook_id])
        return self._known[webhook_id]

    async def refresh(self) -> bool:
        """Drop changed webhooks; a store that does not answer is asked again at the next call.

        Returns:
            Whether it answered.
        """
        try:
            await self._refresh()
        except StoreUnavailableError as error:
            self._log.warning("webhooks.stale", reason=str(error))
            return False
        return True

    def forget(self, webhook_id: int) -> None:
        """Read this webhook again when it is next needed."""
        self._drop([webhook_id])

    async def _refresh(self) -> None:
        changes = None
        if self._revision >= 0:
            changes = await asyncio.to_thread(self._source.changes_since, self._revision)
        if changes is not None:
            self._drop([*changes.gone, *(row[0] for row in changes.changed)])
            self._revision = changes.revision
            return
        # Read the revision before clearing: webhooks that change in between are dropped next time.
        self._revision = await asyncio.to_thread(self._source.revision)
        self._drop([*self._known, *(each for query in self._queries for each in query.asked)])

    def _drop(self, webhook_ids: Iterable[int]) -> None:
        for webhook_id in webhook_ids:
            self._forget(webhook_id)
            for query in self._queries:
                query.dropped.add(webhook_id)

    async def _query(self, webhook_ids: Sequence[int]) -> None:
        """Query the store, and cache its answer without webhooks dropped in the meantime.

        The answer may be from before the change that dropped the webhook; if cached, it would stay
        wrong until the webhook's next change.
        """
        LOOKUPS.inc()
        query = _Query(webhook_ids)
        self._queries.add(query)
        try:
            found = await answered(self._source.by_ids, webhook_ids)
        finally:
            self._queries.discard(query)
        webhooks = {webhook.id: webhook for webhook in found}
        for webhook_id in webhook_ids:
            if webhook_id not in query.dropped:
                self._remember(webhook_id, webhooks.get(webhook_id))
        while self._has_too_many():
            self._forget(next(iter(self._known)))

    def _remember(self, webhook_id: int, webhook: Webhook | None) -> None:
        self._forget(webhook_id)
        if webhook is not None and webhook.trust is not None:
            webhook = replace(webhook, trust=self._texts.take(webhook.trust))
        self._known[webhook_id] = Template.of(webhook, self._masking) if webhook else None

    def _forget(self, webhook_id: int) -> None:
        template = self._known.pop(webhook_id, None)
        if template is not None and template.webhook.trust is not None:
            self._texts.drop(template.webhook.trust)

    def _has_too_many(self) -> bool:
        """Whether to drop the oldest; never one that the current frame names."""
        if self._texts.characters > MAX_CHARACTERS and len(self._known) > MAX_ITEMS:
            return True
        return len(self._known) > self._max
