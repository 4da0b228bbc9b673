"""What leaves the deliverer: records to the stream, deliveries to the ladder and to the dead.

Each goes in frames, and each item's *then* is called when the broker has confirmed its frame. For a
retry the wait comes before the record: a record in the log then proves that the retry is safe.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from msgspec import Raw

from portcall.runtime.broker.batcher import Batcher
from portcall.runtime.broker.publishing import SurePublisher
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.events import Event
from portcall.schemas.frames import REASON_HEADER, encode, encode_deliveries, encode_records
from portcall.schemas.records import RawRecord, Record, RecordOf
from portcall.schemas.topology import DEAD, DELIVER, LOG, deliver_key, retry_key, wait_rung

Then = Callable[[], None]

ITEM_BYTES = 48
BEHIND_S = 0.2
"""Records take milliseconds to be confirmed; after so long, something is wrong with the broker."""
RECORD_BYTES = 100
"""About what a record adds to a frame besides the event and the detail."""


class WaitingRecord(NamedTuple):
    """A record that waits to be packed; its ``event`` is set by the packing.

    Its detail is encoded already: so its length is known, which is what a frame is limited by.
    """

    event: Event
    record: Record
    detail: bytes
    then: Then


class WaitingDelivery(NamedTuple):
    """A delivery that waits to be packed; its ``event`` is set by the packing."""

    event: Event
    delivery: Delivery
    then: Then


class Broker(SurePublisher, Protocol):
    """What an `Outbox` publishes through: a Publisher."""

    @property
    def is_up(self) -> bool:
        """Whether the broker takes anything at all."""


class Outbox:
    """The batchers of a deliverer.

    Args:
        publisher: Where frames go.
        shards: How many queues the deliveries are spread over.
    """

    def __init__(self, publisher: Broker, *, shards: int) -> None:
        self._publisher = publisher
        self._shards = shards
        self._records = Batcher(self._send_records, weigh=_weigh_record)
        self._unconfirmed: dict[str, float] = {}
        """The frames of records that are not confirmed, the oldest first, and since when."""
        self._deliveries: dict[tuple[str, str], Batcher[WaitingDelivery]] = {}

    @property
    def is_behind(self) -> bool:
        """Whether records cannot be written now: what is POSTed now may be repeated."""
        if not self._publisher.is_up:
            return True
        oldest = next(iter(self._unconfirmed.values()), None)
        return oldest is not None and time.monotonic() - oldest > BEHIND_S

    def record(self, event: Event, record: Record, then: Then) -> None:
        """Write a record to the results stream."""
        self._records.add(WaitingRecord(event, record, encode(record.detail), then))

    def wait(self, event: Event, delivery: Delivery, rung_ms: int, then: Then) -> None:
        """Put a delivery on a rung of the ladder; it comes back in the retry lane."""
        key = retry_key(shard_of(delivery.webhook_id, self._shards))
        self._put(wait_rung(rung_ms), key, WaitingDelivery(event, delivery, then))

    def put_back(self, event: Event, delivery: Delivery, then: Then) -> None:
        """Put a delivery that was not begun back for another process."""
        shard = shard_of(delivery.webhook_id, self._shards)
        fresh = delivery.attempt == 1 and delivery.parks == 0
        key = deliver_key(shard) if fresh else retry_key(shard)
        self._put(DELIVER, key, WaitingDelivery(event, delivery, then))

    async def bury(self, event: Event, delivery: Delivery, reason: str) -> None:
        """Put a delivery that was given up among the dead, with the reason; by itself."""
        body = _pack([WaitingDelivery(event, delivery, lambda: None)])
        headers: dict[str, str | int] = {REASON_HEADER: reason[:1000]}
        await self._publisher.publish_surely(body, exchange=DEAD, headers=headers)

    def _put(self, exchange: str, key: str, item: WaitingDelivery) -> None:
        batcher = self._deliveries.get((exchange, key))
        if batcher is None:
            send = partial(self._send_deliveries, exchange, key)
            batcher = self._deliveries[exchange, key] = Batcher(send, weigh=_weigh_delivery)
        batcher.add(item)

    async def _send_deliveries(self, exchange: str, key: str, items: list[WaitingDelivery]) -> None:
        await self._publisher.publish_surely(_pack(items), exchange=exchange, key=key)
        for item in items:
            item.then()

    async def _send_records(self, items: list[WaitingRecord]) -> None:
        positions, events = _numbered([item.event for item in items])
        records = [_at(position, item) for position, item in zip(positions, items, strict=True)]
        frame_id = uuid.uuid4().hex
        body = encode_records(frame_id, events, records)
        self._unconfirmed[frame_id] = time.monotonic()
        try:
            await self._publisher.publish_surely(body, exchange=LOG)
        finally:
            del self._unconfirmed[frame_id]
        for item in items:
            item.then()


def _at(position: int, item: WaitingRecord) -> RawRecord:
    record = item.record
    return RecordOf(
        position,
        record.webhook_id,
        record.attempt,
        record.outcome,
        record.status,
        record.started_ms,
        record.duration_us,
        Raw(item.detail),
    )


def _pack(items: Sequence[WaitingDelivery]) -> bytes:
    positions, events = _numbered([item.event for item in items])
    deliveries = [
        Delivery(
            position,
            item.delivery.webhook_id,
            item.delivery.attempt,
            item.delivery.not_before_ms,
            item.delivery.due_ms,
            item.delivery.parks,
            item.delivery.first,
            item.delivery.began_ms,
            item.delivery.probe,
        )
        for position, item in zip(positions, items, strict=True)
    ]
    return encode_deliveries(events, deliveries)


def _numbered(events: Sequence[Event]) -> tuple[list[int], list[Event]]:
    """Each distinct event once, and where each of the given ones stands among them."""
    places: dict[int, int] = {}
    distinct: list[Event] = []
    positions: list[int] = []
    for event in events:
        place = places.get(id(event))
        if place is None:
            place = places[id(event)] = len(distinct)
            distinct.append(event)
        positions.append(place)
    return positions, distinct


def _weigh_delivery(item: WaitingDelivery, last: WaitingDelivery | None) -> int:
    if last is not None and last.event is item.event:
        return ITEM_BYTES
    return ITEM_BYTES + len(bytes(item.event.body))


def _weigh_record(item: WaitingRecord, last: WaitingRecord | None) -> int:
    weight = RECORD_BYTES + len(item.detail)
    if last is not None and last.event is item.event:
        return weight
    return weight + len(bytes(item.event.body))
