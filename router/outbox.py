"""Outgoing deliveries: packed into frames by shard, and counted until confirmed.

And the notes about them, for the journal.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace
from prometheus_client import Counter

from portcall.router.sieve import Held
from portcall.runtime.broker.batcher import Batcher
from portcall.runtime.broker.publishing import SurePublisher
from portcall.runtime.broker.routed_notes import Routed, RoutedNotes
from portcall.runtime.latch import Latch
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.parking import Parking
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.events import Event
from portcall.schemas.frames import encode_deliveries
from portcall.schemas.topology import COALESCE_KEY, DELIVER, deliver_key, retry_key, wait_rung

PARKED = Counter(
    "portcall_deliveries_aside",
    "Deliveries that the router put aside because their endpoint is left alone.",
    registry=REGISTRY,
)
AGAIN_MS = 2_000
"""A rung of every ladder."""
MAX_HELD = 1_000
"""Deliveries in one frame that waits for a router: some 50 bytes each."""
DELIVERY_BYTES = 32
"""The approximate size of one more delivery of the same event in a frame."""


class Outgoing(NamedTuple):
    """One delivery that waits to be packed."""

    event: Event
    webhook_id: int
    latch: Latch


class Matched(NamedTuple):
    """What an event matched: a `Routed` with names.

    Attributes:
        event: The event.
        webhook_ids: The webhooks that it goes to.
        held: Those whose filters held it back, by the filter's name; None: none.
    """

    event: Event
    webhook_ids: Sequence[int]
    held: Held | None = None


def merged(matched: Iterable[Routed]) -> list[Routed]:
    """The same with each event once, so that it has one note."""
    found: dict[int, Routed] = {}
    for event, webhook_ids, held in matched:
        _, ids_before, held_before = found.get(id(event), (event, (), None))
        all_held = {**(held_before or {}), **(held or {})}
        found[id(event)] = (event, [*ids_before, *webhook_ids], all_held or None)
    return list(found.values())


class Outbox:
    """One batcher for each shard, and one for notes.

    Args:
        publisher: Publishes the frames.
        shards: Number of queues that share the deliveries.
        parking: Knows whose deliveries to park.
        max_held: Frames of events that may wait for their notes' confirms; with more the notes do
            not wait for others.
    """

    def __init__(
        self,
        publisher: SurePublisher,
        *,
        shards: int,
        parking: Parking | None = None,
        max_held: int = 1,
    ) -> None:
        self._publisher = publisher
        self._parking = parking or Parking()
        self._parked: dict[tuple[int, int], Batcher[Outgoing]] = {}
        self._fresh = [
            Batcher(partial(self._send, deliver_key(shard)), weigh=_weigh)
            for shard in range(shards)
        ]
        self._again = [
            Batcher(partial(self._send_again, retry_key(shard)), weigh=_weigh)
            for shard in range(shards)
        ]
        self._notes = RoutedNotes(publisher, max_held=max_held)

    async def put(
        self, event: Event, webhook_ids: Sequence[int], latch: Latch, *, again: bool = False
    ) -> None:
        """Send *event* to each of the webhooks; waits only while the broker is far behind.

        Args:
            event: What is sent.
            webhook_ids: To whom.
            latch: Counted down when each is confirmed.
            again: It may have been routed before, by a router that died before its ack.
        """
        latch.add(len(webhook_ids))
        batchers = self._again if again else self._fresh
        for webhook_id in webhook_ids:
            shard = shard_of(webhook_id, len(batchers))
            rung_ms = self._parking.rung_ms(webhook_id)
            batcher = self._rung(rung_ms, shard) if rung_ms and not again else batchers[shard]
            if batcher.crowded:
                await batcher.room()
            batcher.add(Outgoing(event, webhook_id, latch))

    def _rung(self, rung_ms: int, shard: int) -> Batcher[Outgoing]:
        batcher = self._parked.get((rung_ms, shard))
        if batcher is None:
            send = partial(self._send_aside, wait_rung(rung_ms), retry_key(shard))
            batcher = self._parked[rung_ms, shard] = Batcher(send, weigh=_weigh)
        return batcher

    async def _send_aside(self, rung: str, key: str, items: list[Outgoing]) -> None:
        """Park deliveries on the ladder: the endpoint is paused."""
        PARKED.inc(len(items))
        body = pack(items, make=self._parking.delivery)
        await self._publisher.publish_surely(body, exchange=rung, key=key)
        for item in items:
            item.latch.count_down()

    async def hold(
        self,
        events: Sequence[Event],
        deliveries: Sequence[Delivery],
        rung_ms: int,
        *,
        again: bool = False,
    ) -> None:
        """Let events wait on a rung of the ladder, in frames of their own; a router gets them back.

        Args:
            events: The events; those without a delivery do not wait.
            deliveries: Which of them wait, and for which webhooks; each points at its event.
            rung_ms: The rung.
            again: They may have been routed before.
        """
        for start in range(0, len(deliveries), MAX_HELD):
            packed = _packed(events, deliveries[start : start + MAX_HELD])
            body = encode_deliveries(*packed, again=again)
            rung = wait_rung(rung_ms)
            await self._publisher.publish_surely(body, exchange=rung, key=COALESCE_KEY)

    async def note(self, matched: Iterable[Routed]) -> None:
        """Note for each event which webhooks it was routed to; returns when that is confirmed."""
        await self._notes.note(matched).wait()

    async def _send(self, key: str, items: list[Outgoing]) -> None:
        await self._publisher.publish_surely(pack(items), exchange=DELIVER, key=key)
        for item in items:
            item.latch.count_down()

    async def _send_again(self, key: str, items: list[Outgoing]) -> None:
        """Send by way of a rung: when they return, the log has the results of the first time."""
        body = pack(items, again=True)
        await self._publisher.publish_surely(body, exchange=wait_rung(AGAIN_MS), key=key)
        for item in items:
            item.latch.count_down()


def pack(
    items: Sequence[Outgoing],
    *,
    again: bool = False,
    make: Callable[[int, int], Delivery] = Delivery,
) -> bytes:
    """Write a frame with each event once, whatever the number of its deliveries.

    The deliveries of one event may be apart: while one handler waits for room, others add theirs.

    Args:
        items: The deliveries.
        again: They may have been routed before.
        make: Makes a delivery from the position of its event and the webhook's id.
    """
    places: dict[int, int] = {}
    events: list[Event] = []
    deliveries: list[Delivery] = []
    for item in items:
        place = places.setdefault(id(item.event), len(events))
        if place == len(events):
            events.append(item.event)
        deliveries.append(make(place, item.webhook_id))
    return encode_deliveries(events, deliveries, again=again)


def _packed(
    events: Sequence[Event], deliveries: Sequence[Delivery]
) -> tuple[list[Event], list[Delivery]]:
    """The same deliveries with no other events than theirs."""
    places: dict[int, int] = {}
    for each in deliveries:
        places.setdefault(each.event, len(places))
    return (
        [events[place] for place in places],
        [replace(each, event=places[each.event]) for each in deliveries],
    )


def _weigh(item: Outgoing, last: Outgoing | None) -> int:
    if last is not None and last.event is item.event:
        return DELIVERY_BYTES
    return DELIVERY_BYTES + len(bytes(item.event.body))
