"""Webhooks that were disabled automatically: a metric of their number, and news for the operator.

The store is the outbox. A disabling raises the store's revision in its own transaction. A counter
has the revision up to which news was published, and moves only after the broker's confirm. If a
process dies in between, the same event is published again; the deliverer skips deliveries that the
log shows as attempted.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence

from prometheus_client import Gauge

from portcall.runtime.broker.publishing import OncePublisher
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.pacing import Glance, until_tick
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.frames import encode_deliveries, encode_journal
from portcall.schemas.journal import accepted, routed
from portcall.schemas.operator import OPERATOR_ID, disabled_event
from portcall.schemas.topology import DELIVER, JOURNAL, retry_key
from portcall.store.engine import Store
from portcall.store.errors import StoreUnavailableError
from portcall.store.webhooks.summaries import KnownWebhook

SELF_DISABLED = Gauge(
    "portcall_webhooks_self_disabled",
    "Webhooks that were disabled automatically and still are, by registry.",
    ["registry"],
    registry=REGISTRY,
)
INTERVAL_S, AT_LEAST_S = 2.0, 60.0
"""How often to look for a change in the store, and how often to ask it anyway."""
PUBLISH_S = 5.0


class Alarms:
    """Looks for webhooks that were disabled automatically.

    Args:
        store: Knows them; its methods block.
        publisher: Sends the news.
        shards: Number of queues that share the deliveries.
        has_operator: Whether there is an operator's webhook.
    """

    def __init__(
        self, *, store: Store, publisher: OncePublisher, shards: int, has_operator: bool
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._shards = shards
        self._has_operator = has_operator
        self._told: int | None = None
        self._seen = -1
        self._glance = Glance(store.stamp, AT_LEAST_S)
        self._log = get_logger()

    async def run(self) -> None:
        """Look at an interval; ends only by cancellation."""
        while True:
            try:
                if self._glance.is_due():
                    await self.look()
                    self._glance.done()
            except (StoreUnavailableError, BrokerError) as error:
                self._log.warning("alarms.postponed", reason=str(error))
            await until_tick(INTERVAL_S)

    async def look(self) -> None:
        """Count disabled webhooks, and notify the operator of new ones.

        Raises:
            BrokerError: The broker did not confirm; the next look publishes the same again.
            StoreUnavailableError: The database does not answer.
        """
        revision = await asyncio.to_thread(self._store.webhooks.revision)
        if revision == self._seen:
            return
        found = await asyncio.to_thread(self._store.known.disabled_by_themselves)
        _count(found)
        await self._tell_new(found)
        self._seen = revision

    async def _tell_new(self, found: Sequence[KnownWebhook]) -> None:
        if not self._has_operator:
            return
        if self._told is None:
            self._told = await asyncio.to_thread(self._store.known.told)
        for webhook in found:
            if webhook.revision > self._told:
                await self._tell(webhook)
                await asyncio.to_thread(self._store.known.note_told, webhook.revision)
                self._told = webhook.revision

    async def _tell(self, webhook: KnownWebhook) -> None:
        event = disabled_event(
            webhook_id=webhook.id,
            registry=webhook.registry,
            name=webhook.name,
            cause=webhook.cause.value,
            reason=webhook.reason,
            at_ms=webhook.changed_ms,
        )
        await self._publisher.publish(
            encode_deliveries([event], [Delivery(event=0, webhook_id=OPERATOR_ID)], again=True),
            exchange=DELIVER,
            key=retry_key(shard_of(OPERATOR_ID, self._shards)),
            timeout_s=PUBLISH_S,
        )
        await self._publisher.publish(
            encode_journal(uuid.uuid4().hex, [accepted(event), routed(event, [OPERATOR_ID])]),
            exchange=JOURNAL,
            timeout_s=PUBLISH_S,
        )
        self._log.info("operator.told", webhook_id=webhook.id, event_id=event.id)


def _count(found: Sequence[KnownWebhook]) -> None:
    SELF_DISABLED.clear()
    for registry, number in Counter(each.registry.lower() for each in found).items():
        SELF_DISABLED.labels(registry).set(number)
