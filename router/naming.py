"""Naming: a delete of a manifest names the tags that went with it, for webhooks that ask for it.

A registry reports each tag apart from the delete, within about 100 ms. So the delete waits on the
2 s rung of the ladder, where the broker keeps it, and comes back to a router by the queue
`COALESCE`. By then the store knows the tags: those that the registry reported with the id of the
same request, or else those that, according to earlier events, named the digest. The delete is sent
in any case, with tags or without.

No process remembers anything in between:

* A delete waits before its frame is acknowledged, and its note says so: it counts as a delivery
  that is expected.
* A deleted tag is stored before the frame of its event is acknowledged.
* The frame of a router that dies in between is routed again. A delete may then wait twice; the
  deliverer skips the second one if the first was attempted.
* If a wait ends late, the routers or the store were away, so the events of the deleted tags may be
  as late. Then the delete waits once more, and never a third time.

docs/decisions/0075 says why it is done here.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from portcall.router.outbox import AGAIN_MS, Matched, Outbox
from portcall.router.store_retry import Pause, answered
from portcall.runtime.clock import now_ms
from portcall.runtime.latch import Latch
from portcall.schemas.deletes import DeletedTag, tag_in
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event

WAIT_MS = AGAIN_MS
LATE_MS = 1_000
"""A wait that ends so much later ends late: the way back takes some milliseconds."""


class Table(Protocol):
    """The store's deleted tags. Its methods block; each may raise `StoreUnavailableError`."""

    def tell(self, tags: Sequence[DeletedTag]) -> None:
        """Remember deleted tags."""

    def named(self, events: Sequence[Event]) -> Sequence[Event]:
        """The same events, those that delete a manifest with the known tags that went with it."""


class TagNaming:
    """Lets deletes wait, and sends them with their tags.

    Args:
        table: The store's deleted tags.
        outbox: Where deletes wait, and where deliveries go.
        clock_ms: The time, milliseconds since the epoch.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        table: Table,
        outbox: Outbox,
        *,
        clock_ms: Callable[[], int] = now_ms,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._table = table
        self._outbox = outbox
        self._clock_ms = clock_ms
        self._pause = pause

    async def tell(self, events: Iterable[Event], registries: Collection[str]) -> None:
        """Store the tags that events delete, in registries whose webhooks ask for them."""
        told = [tag_in(each) for each in events if each.registry in registries]
        if tags := [each for each in told if each is not None]:
            await answered(self._pause, self._table.tell, tags)

    async def hold(
        self, deletes: Sequence[tuple[Event, Sequence[int]]], *, waits: int = 0, again: bool
    ) -> None:
        """Let deletes wait for their tags; returns when the broker has them.

        Args:
            deletes: The deletes, each with the webhooks for which it waits.
            waits: How often they have waited before.
            again: They may wait already.
        """
        due_ms = self._clock_ms() + WAIT_MS
        deliveries = [
            Delivery(place, webhook_id, not_before_ms=due_ms, parks=waits)
            for place, (_, webhook_ids) in enumerate(deletes)
            for webhook_id in webhook_ids
        ]
        events = [event for event, _ in deletes]
        await self._outbox.hold(events, deliveries, WAIT_MS, again=again)

    async def decide(
        self, events: Sequence[Event], deliveries: Sequence[Delivery], *, again: bool
    ) -> list[Matched]:
        """Send deletes that have waited; returns those that were sent.

        Args:
            events: The events of the frame; not all of them need to be deletes.
            deliveries: Which of them wait, and for which webhooks.
            again: They may have been sent before.
        """
        waited: dict[int, list[Delivery]] = {}
        for each in deliveries:
            waited.setdefault(each.event, []).append(each)
        asked = [events[place] for place in waited]
        named = await answered(self._pause, self._table.named, asked) if asked else ()
        now = self._clock_ms()
        matched: list[Matched] = []
        later: list[tuple[Event, Sequence[int]]] = []
        latch = Latch()
        for event, (place, held) in zip(named, waited.items(), strict=True):
            webhook_ids = sorted({each.webhook_id for each in held})
            if _may_wait(held[0], now):
                later.append((events[place], webhook_ids))
                continue
            await self._outbox.put(event, webhook_ids, latch, again=again)
            matched.append(Matched(event, webhook_ids))
        if later:
            await self.hold(later, waits=1, again=again)
        latch.count_down()
        await latch.wait()
        return matched


def _may_wait(delivery: Delivery, now_ms: int) -> bool:
    """Whether a delete waits once more: only its first wait may end too late."""
    return not delivery.parks and now_ms > delivery.not_before_ms + LATE_MS
