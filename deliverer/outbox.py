"""Outgoing messages of the deliverer: records, deliveries for the ladder, dead letters.

Each goes in frames, and an item's *then* is called when the broker has confirmed its frame. For a
retry the wait comes before the record: a record in the log then proves that the retry is safe.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from msgspec import Raw

from portcall.runtime.broker.batcher import LINGER_S, Batcher
from portcall.runtime.broker.publishing import SurePublisher
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.events import PING, Event
from portcall.schemas.frames import (
    MAX_ITEMS,
    REASON_HEADER,
    encode,
    encode_deliveries,
    encode_records,
)
from portcall.schemas.records import RawRecord, Record, RecordOf
from portcall.schemas.topology import DEAD, DELIVER, LOG, deliver_key, retry_key, wait_rung

Then = Callable[[], None]

ITEM_BYTES = 48
BEHIND_S = 0.2
"""Records take milliseconds to be confirmed; after so long the broker has a problem."""
RECORD_LINGER_S = 0.1
"""Only an ack and list-events wait for a record, so few records wait for more: 20 records in a
frame at 200 deliveries a second, two or three at 20."""
ENOUGH_RECORDS = 16
"""So many do not wait. A process that is killed has POSTed deliveries without a record: at most
these, those of the last 0.1 s, and those of frames under way. They are POSTed again."""
MAX_RECORDS_BYTES = 512 * 1024
"""Limit for a frame of records: `MAX_ITEMS` fit, also where each has a body of 4 KB beside ACR's.
In two frames they would cost 2 us more each."""
RECORD_BYTES = 100
"""The approximate size of a record in a frame, without the event and the detail."""


class WaitingRecord(NamedTuple):
    """A record that waits to be packed; its ``event`` is set by the packing.

    Its detail is encoded already, so its length is known, for the limit of a frame.
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
        """Whether the broker accepts anything at all."""


class Outbox:
    """The batchers of a deliverer.

    Args:
        publisher: Publishes the frames.
        shards: Number of queues that share the deliveries.
        prefetch: Frames of a queue that may be unsettled. Records wait for others only where the
            deliveries of waiting records are a small part of them.
    """

    def __init__(self, publisher: Broker, *, shards: int, prefetch: int = 0) -> None:
        self._publisher = publisher
        self._shards = shards
        self._records = Batcher(
            self._send_records,
            weigh=_weigh_record,
            max_weight=MAX_RECORDS_BYTES,
            linger_s=RECORD_LINGER_S if prefetch >= 2 * MAX_ITEMS else LINGER_S,
            enough=ENOUGH_RECORDS if prefetch >= 2 * MAX_ITEMS else 1,
        )
        self._unconfirmed: dict[str, float] = {}
        """The unconfirmed frames of records, the oldest first, and since when."""
        self._deliveries: dict[tuple[str, str], Batcher[WaitingDelivery]] = {}

    @property
    def is_behind(self) -> bool:
        """Whether records cannot be written now: a POST made now may be repeated."""
        if not self._publisher.is_up:
            return True
        oldest = next(iter(self._unconfirmed.values()), None)
        return oldest is not None and time.monotonic() - oldest > BEHIND_S

    def record(self, event: Event, record: Record, then: Then) -> None:
        """Publish a record to the results stream: soon, or at once where a person waits for it."""
        self._records.add(WaitingRecord(event, record, encode(record.detail), then))
        if event.action == PING:
            self._records.hurry()

    def hold_nothing(self) -> None:
        """From now on no record waits for others: the process stops."""
        self._records.hold_nothing()

    def wait(self, event: Event, delivery: Delivery, rung_ms: int, then: Then) -> None:
        """Put a delivery on a rung of the ladder; it returns in the retry queue."""
        key = retry_key(shard_of(delivery.webhook_id, self._shards))
        self._put(wait_rung(rung_ms), key, WaitingDelivery(event, delivery, then))

    def put_back(self, event: Event, delivery: Delivery, then: Then) -> None:
        """Return a delivery that was not begun, for another process."""
        shard = shard_of(delivery.webhook_id, self._shards)
        fresh = delivery.attempt == 1 and delivery.parks == 0
        key = deliver_key(shard) if fresh else retry_key(shard)
        self._put(DELIVER, key, WaitingDelivery(event, delivery, then))

    async def bury(self, event: Event, delivery: Delivery, reason: str) -> None:
        """Publish a delivery that was given up as a dead letter, with the reason; by itself."""
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
    """Each distinct event once, and the position of each given event among them."""
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
