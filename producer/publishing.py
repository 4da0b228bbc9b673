"""Publishing: the events of a request as frames, each confirmed by the broker."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import Histogram

from portcall.runtime.broker.publishing import OncePublisher
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.events import Event
from portcall.schemas.frames import MAX_BYTES, MAX_ITEMS, encode_events
from portcall.schemas.topology import EVENTS, event_key

GIVE_UP_S = 60.0
"""Longer than the 33 s after which a dead connection shows, which ends waits for its confirms."""

PUBLISH_SECONDS = Histogram(
    "portcall_producer_publish_seconds",
    "From the first frame of a request to the broker's last confirm.",
    registry=REGISTRY,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One message for the exchange of events."""

    key: str
    body: bytes


async def publish_events(publisher: OncePublisher, events: Sequence[Event]) -> None:
    """Publish *events*, and return when the broker has confirmed every one of them.

    Raises:
        BrokerError: It did not confirm at least one frame. Others may have arrived: the sender must
            send all of them again, and consumers get duplicates, with the same ``webhook-id`` if
            the events have their own ids.
    """
    began = time.perf_counter()
    try:
        outcomes = await asyncio.gather(
            *(
                publisher.publish(frame.body, exchange=EVENTS, key=frame.key, timeout_s=GIVE_UP_S)
                for frame in frames_of(events)
            ),
            return_exceptions=True,
        )
    finally:
        measure(events, time.perf_counter() - began)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome


def measure(events: Iterable[Event], took_s: float) -> None:
    """Count how long it took to publish events.

    Args:
        events: The events; a trace of one of them is the exemplar.
        took_s: Seconds.
    """
    exemplar = None
    for event in events:
        if event.trace is not None and (context := event.context) is not None and context.sampled:
            exemplar = context.exemplar
            break
    PUBLISH_SECONDS.observe(took_s, exemplar)


def frames_of(events: Iterable[Event]) -> Iterator[Frame]:
    """Pack events into frames of one registry and action each, in their order.

    A frame has at most `MAX_ITEMS` events, and bodies of at most `MAX_BYTES` together, unless a
    single one is larger.
    """
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(event_key(event.registry, event.action), []).append(event)
    for key, group in groups.items():
        for packed in _packed(group):
            yield Frame(key, encode_events(packed))


def _packed(events: list[Event]) -> Iterator[list[Event]]:
    packed: list[Event] = []
    packed_bytes = 0
    for event in events:
        event_bytes = len(bytes(event.body))
        full = len(packed) == MAX_ITEMS or packed_bytes + event_bytes > MAX_BYTES
        if packed and full:
            yield packed
            packed, packed_bytes = [], 0
        packed.append(event)
        packed_bytes += event_bytes
    if packed:
        yield packed
