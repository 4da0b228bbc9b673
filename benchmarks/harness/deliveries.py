"""Webhooks that lead to the sink, and frames of deliveries for them, as the router packs them."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from benchmarks.harness.broker import Message, persistent
from benchmarks.harness.roles import SHARDS
from benchmarks.peers import messages
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.events import Action, Event
from portcall.schemas.frames import CONTENT_TYPE, MAX_ITEMS, encode_deliveries
from portcall.schemas.webhooks import Sku
from portcall.store.engine import Store
from portcall.store.webhooks.row import WebhookDraft

REGISTRY = "benchmark"
PER_REGISTRY = 500
"""What the largest tier allows."""


def make_webhooks(
    store: Store,
    uris: Sequence[str],
    *,
    registry_name: str = REGISTRY,
    secret: str = "",
    wanted: Mapping[str, str] | None = None,
    rate_limit: float = 0.0,
) -> list[int]:
    """Make a webhook for pushes for each URI, in as many registries as it takes; their ids.

    Args:
        store: Where.
        uris: Where they lead.
        registry_name: Of the first registry.
        secret: What signs their POSTs; empty: unsigned.
        wanted: The format of their POSTs; None: ACR's.
        rate_limit: POSTs a second that each may get; 0: that of its format, or any.
    """
    ids: list[int] = []
    for number, start in enumerate(range(0, len(uris), PER_REGISTRY)):
        registry = registry_name if number == 0 else f"{registry_name}{number}"
        store.registries.put(
            registry, location="local", sku=Sku.PREMIUM, tags={}, resource_group="portcall"
        )
        drafts = [
            WebhookDraft(
                registry=registry,
                name=f"hook{place:05d}",
                location="local",
                tags={},
                uri=uri,
                headers={},
                actions=Action.PUSH.bit,
                secret=secret,
                format=wanted,
                rate_limit=rate_limit,
            )
            for place, uri in enumerate(uris[start : start + PER_REGISTRY])
        ]
        ids += [row.id for row, _ in store.webhooks.put_many(drafts)]
    return ids


def event(number: int) -> Event:
    """An event of `BODY_BYTES`."""
    event_id, text = messages.body(number)
    return Event(
        id=event_id,
        registry=REGISTRY,
        action=Action.PUSH.value,
        accepted_ms=0,
        body=msgspec.Raw(text.encode()),
        repository="team/app",
        tag=f"v{number}",
    )


def frames(
    first: int, events: int, webhook_ids: Sequence[int], *, fan_out: int
) -> dict[int, list[Message]]:
    """Frames of each shard, full ones, for events that go to *fan_out* of the webhooks each."""
    waiting: dict[int, list[tuple[Event, int]]] = {shard: [] for shard in range(SHARDS)}
    packed: dict[int, list[Message]] = {shard: [] for shard in range(SHARDS)}
    for number in range(first, first + events):
        made = event(number)
        for place in range(number * fan_out, (number + 1) * fan_out):
            webhook_id = webhook_ids[place % len(webhook_ids)]
            shard = shard_of(webhook_id, SHARDS)
            waiting[shard].append((made, webhook_id))
            if len(waiting[shard]) == MAX_ITEMS:
                packed[shard].append(_pack(waiting[shard]))
                waiting[shard] = []
    for shard, left in waiting.items():
        if left:
            packed[shard].append(_pack(left))
    return packed


def _pack(items: Sequence[tuple[Event, int]]) -> Message:
    places: dict[str, int] = {}
    events: list[Event] = []
    deliveries: list[Delivery] = []
    for made, webhook_id in items:
        if made.id not in places:
            places[made.id] = len(events)
            events.append(made)
        deliveries.append(Delivery(places[made.id], webhook_id))
    return persistent(encode_deliveries(events, deliveries), content_type=CONTENT_TYPE)


def sizes(packed: dict[int, list[Message]]) -> Iterator[int]:
    """The bytes of every frame."""
    return (len(message.body) for shard in packed.values() for message in shard)
