"""Mail: the messages that a batch of letters becomes, and the letter of what must stay."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from portcall.management.letters.contents import LetterItem
from portcall.management.letters.fates import Fate
from portcall.management.replays.worker import frames_of, notes_of
from portcall.runtime.broker.publishing import OncePublisher
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.events import Event
from portcall.schemas.frames import AGAIN_HEADER, encode_deliveries, encode_events, encode_journal
from portcall.schemas.topology import DELIVER, EVENTS, JOURNAL, event_key, retry_key
from portcall.store.records.selection import SelectedDelivery


@dataclass(slots=True)
class Mail:
    """The messages of a batch.

    Attributes:
        deliveries: Sent again.
        events: Sent to the routers.
        dropped: Deliveries that need not be sent.
    """

    deliveries: list[SelectedDelivery] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    dropped: list[SelectedDelivery] = field(default_factory=list)

    def add(self, piece: LetterItem, fate: Fate, attempts: int) -> None:
        """Add a piece that does not stay."""
        if piece.delivery is None:
            self.events.append(piece.event)
            return
        selected = SelectedDelivery(
            record_id=0,
            event=piece.event,
            webhook_id=piece.delivery.webhook_id,
            attempt=attempts,
            enabled=True,
        )
        (self.deliveries if fate is Fate.SENT else self.dropped).append(selected)

    async def publish(self, publisher: OncePublisher, shards: int, now_ms: int) -> None:
        """Publish and wait for every confirm; then note in the journal what is open again.

        Dropped deliveries are noted, too: an earlier process may have sent one and died before it
        noted it; it would count as given up for ever.

        Args:
            publisher: Publishes.
            shards: Number of queues that share the deliveries.
            now_ms: Milliseconds since the epoch.

        Raises:
            BrokerError: Something was not confirmed.
        """
        by_shard: dict[int, list[SelectedDelivery]] = {}
        for each in self.deliveries:
            by_shard.setdefault(shard_of(each.webhook_id, shards), []).append(each)
        await asyncio.gather(
            *(
                publisher.publish(body, exchange=DELIVER, key=retry_key(shard))
                for shard, chosen in by_shard.items()
                for body in frames_of(chosen, now_ms)
            ),
            *(
                publisher.publish(
                    encode_events([event]),
                    exchange=EVENTS,
                    key=event_key(event.registry, event.action),
                    headers={AGAIN_HEADER: 1},
                )
                for event in self.events
            ),
        )
        if noted := [*self.deliveries, *self.dropped]:
            body = encode_journal(uuid.uuid4().hex, notes_of(noted))
            await publisher.publish(body, exchange=JOURNAL)


def body_of(pieces: Sequence[LetterItem]) -> bytes:
    """A frame of these pieces, which are all deliveries or all events."""
    events: dict[int, int] = {}
    bodies: list[Event] = []
    for piece in pieces:
        if id(piece.event) not in events:
            events[id(piece.event)] = len(bodies)
            bodies.append(piece.event)
    deliveries = [
        _at(piece.delivery, events[id(piece.event)]) for piece in pieces if piece.delivery
    ]
    return encode_deliveries(bodies, deliveries) if deliveries else encode_events(bodies)


def _at(delivery: Delivery, event: int) -> Delivery:
    return Delivery(
        event,
        delivery.webhook_id,
        delivery.attempt,
        delivery.not_before_ms,
        delivery.due_ms,
        delivery.parks,
        delivery.first,
        delivery.began_ms,
        delivery.probe,
    )
