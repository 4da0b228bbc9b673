"""The broker topology as data: every exchange, queue, binding and argument, and why.

It works on RabbitMQ 3.10 and 4.x without a plugin. Three rules explain the arguments:

* Every queue that dead-letters does so at least once. On a quorum queue that needs
  ``x-overflow=reject-publish`` as well, or it silently falls back to at most once.
* Every exchange that receives dead-lettered messages has an alternate exchange: an unroutable
  message would hold one of the 32 slots of the broker's internal dead-letter worker for ever.
* A delay is a queue with one fixed TTL, so that the head always expires first; never a TTL for a
  single message, and never ``x-expires``, which would drop a queue with messages in it.

Events pass `EVENTS`, where anyone may bind a queue, and then `SHARDS`: a frame that names a shard
in a header goes to that shard's queue, every other one by `ROUTER` to the router
(docs/decisions/0057).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from portcall.schemas.durations import format_duration

EVENTS = "portcall.events"
EVENTS_IN = "portcall.events.in"
SHARDS = "portcall.shards"
ROUTER = "portcall.router"
DELIVER = "portcall.deliver"
COALESCE = "portcall.coalesce"
LOG = "portcall.log"
JOURNAL = "portcall.journal"
DEAD = "portcall.dead"
UNROUTED = "portcall.unrouted"
WEBHOOKS = "portcall.webhooks"
HEALTH = "portcall.health"

DELIVERY_LIMIT = 500
"""Redeliveries before a message is dead-lettered: positive, because -1 means "at once" up to 3.13
and "never" from 4.0; large, because a crash-looping worker spends one for each message it holds."""

KEPT_LIMIT = 1_000_000
"""The same of a queue without a consumer. Without a limit of its own, a quorum queue has one of 20
from 4.0 on, and the broker's log says so at each declaration."""

BASE_RUNGS_MS = (500, 2_000, 10_000, 60_000, 300_000, 1_800_000, 10_800_000, 43_200_000)
"""The ladder under every schedule: a few hops over these rungs reach any delay."""

LOG_MAX_AGE = "7D"
"""How long the results stream keeps records for readers of the stream; the store has them already.
It is not a setting: a queue's arguments cannot be changed, and the store has a retention
setting."""

SHARD_HEADER = "portcall-shard"
"""Of a frame on `EVENTS` that is also a frame of deliveries: the shard whose queue takes it."""
DIRECT_WEBHOOKS = 0
"""Up to so many enabled webhooks a producer sends events past the router, by default; `portcall up`
has a default of its own."""

GIB = 1024**3
Argument = str | int


@dataclass(frozen=True, slots=True)
class Exchange:
    """An AMQP exchange; always durable."""

    name: str
    type: Literal["direct", "fanout", "headers", "topic"]
    arguments: dict[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    """An AMQP queue; always durable.

    Attributes:
        name: Its name.
        arguments: With which it is declared.
        earlier: With which an earlier release declared it: such a queue works, too, and a queue's
            arguments cannot be changed. Empty: it had the same.
    """

    name: str
    arguments: dict[str, Argument]
    earlier: dict[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    """A queue receives from an exchange the messages with this routing key, or these headers."""

    exchange: str
    queue: str
    key: str = ""
    headers: tuple[tuple[str, Argument], ...] = ()


@dataclass(frozen=True, slots=True)
class Relay:
    """An exchange receives from another one the messages with this routing key."""

    source: str
    destination: str
    key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything to declare, in a valid order; and the bindings of older builds, to remove last."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    relays: tuple[Relay, ...] = ()
    obsolete: tuple[Binding, ...] = ()


def event_key(registry: str, action: str) -> str:
    """The routing key of a frame of events on `EVENTS`."""
    return f"{registry}.{action}"


def deliver_key(shard: int) -> str:
    """The routing key on `DELIVER` of deliveries that were never attempted or parked."""
    return f"deliver.{shard}"


def retry_key(shard: int) -> str:
    """The routing key on `DELIVER` of deliveries that come back from a wait rung."""
    return f"retry.{shard}"


COALESCE_KEY = "coalesce"
"""The routing key on `DELIVER` of pushes that waited for their index, for the router."""


def deliver_queue(shard: int) -> str:
    """The queue of fresh deliveries of one shard."""
    return f"portcall.deliver.{shard}"


def retry_queue(shard: int) -> str:
    """The queue of one shard for deliveries that come back."""
    return f"portcall.retry.{shard}"


def wait_rung(rung_ms: int) -> str:
    """The exchange and the queue of one rung of the ladder, e.g. ``portcall.wait.10s``."""
    return f"portcall.wait.{format_duration(rung_ms)}"


def rungs_for(schedules_ms: Iterable[int]) -> tuple[int, ...]:
    """The rungs of the ladder, ascending: the base ladder and one for each delay of the schedule.

    A delay of over 12 h is reached by hops: its own rung would gain nothing.
    """
    longest = BASE_RUNGS_MS[-1]
    return tuple(sorted({*BASE_RUNGS_MS, *(delay for delay in schedules_ms if delay <= longest)}))


def topology(*, shards: int, rungs_ms: tuple[int, ...], max_bytes: int = GIB) -> Topology:
    """The whole topology.

    Args:
        shards: How many queues the deliveries are spread over.
        rungs_ms: The rungs of the ladder, from `rungs_for`.
        max_bytes: The size at which a queue refuses what is published to it.
    """
    exchanges = [
        Exchange(UNROUTED, "fanout"),
        Exchange(DEAD, "fanout"),
        Exchange(EVENTS, "topic", {"alternate-exchange": UNROUTED}),
        Exchange(ROUTER, "fanout", {"alternate-exchange": UNROUTED}),
        Exchange(SHARDS, "headers", {"alternate-exchange": ROUTER}),
        Exchange(DELIVER, "direct", {"alternate-exchange": UNROUTED}),
        Exchange(LOG, "fanout"),
        Exchange(JOURNAL, "fanout"),
        Exchange(WEBHOOKS, "fanout"),
        Exchange(HEALTH, "fanout"),
    ]
    queues = [
        Queue(UNROUTED, _kept(4 * max_bytes)),
        Queue(DEAD, _kept(4 * max_bytes)),
        Queue(EVENTS_IN, _worked(max_bytes)),
        Queue(COALESCE, _worked(max_bytes)),
        Queue(LOG, _stream(8 * max_bytes)),
        Queue(JOURNAL, _stream(8 * max_bytes)),
    ]
    bindings = [
        Binding(UNROUTED, UNROUTED),
        Binding(DEAD, DEAD),
        Binding(ROUTER, EVENTS_IN),
        Binding(DELIVER, COALESCE, COALESCE_KEY),
        Binding(LOG, LOG),
        Binding(JOURNAL, JOURNAL),
    ]
    for shard in range(shards):
        queues += [
            Queue(deliver_queue(shard), _worked(max_bytes)),
            Queue(retry_queue(shard), _worked(max_bytes)),
        ]
        bindings += [
            Binding(DELIVER, deliver_queue(shard), deliver_key(shard)),
            Binding(DELIVER, retry_queue(shard), retry_key(shard)),
            Binding(SHARDS, deliver_queue(shard), headers=((SHARD_HEADER, str(shard)),)),
        ]
    for rung_ms in rungs_ms:
        rung = wait_rung(rung_ms)
        exchanges.append(Exchange(rung, "fanout"))
        arguments = _waiting(rung_ms, 2 * max_bytes)
        limited = {**arguments, "x-delivery-limit": KEPT_LIMIT}
        queues.append(Queue(rung, limited, earlier=arguments))
        bindings.append(Binding(rung, rung))
    return Topology(
        tuple(exchanges),
        tuple(queues),
        tuple(bindings),
        relays=(Relay(EVENTS, SHARDS, "#"),),
        obsolete=(Binding(EVENTS, EVENTS_IN, "#"),),
    )


def _worked(max_bytes: int) -> dict[str, Argument]:
    """A queue with consumers: a message delivered too often goes to the dead letters."""
    return {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-max-length-bytes": max_bytes,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-strategy": "at-least-once",
    }


def _kept(max_bytes: int) -> dict[str, Argument]:
    """A queue without a consumer: a person or a command reads it."""
    return {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-max-length-bytes": max_bytes,
        "x-delivery-limit": KEPT_LIMIT,
    }


def _waiting(rung_ms: int, max_bytes: int) -> dict[str, Argument]:
    """A rung: after its time every message returns to `DELIVER` under its own routing key."""
    return {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-max-length-bytes": max_bytes,
        "x-message-ttl": rung_ms,
        "x-dead-letter-exchange": DELIVER,
        "x-dead-letter-strategy": "at-least-once",
    }


def _stream(max_bytes: int) -> dict[str, Argument]:
    """A stream: many readers read by offset; whole segments are dropped by age and by size."""
    return {
        "x-queue-type": "stream",
        "x-max-age": LOG_MAX_AGE,
        "x-max-length-bytes": max_bytes,
        "x-stream-max-segment-size-bytes": 100_000_000,
    }
