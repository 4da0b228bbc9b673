"""Deliveries: one event for one webhook, and the id that both together give it."""

import hashlib
import re
import zlib

from msgspec import Struct

DELIVERY_ID_PATTERN = r"msg_[0-9a-f]{32}"


class Delivery(Struct, frozen=True, array_like=True):
    """One delivery in a frame; a JSON array, because a frame has many of them.

    Attributes:
        event: The position of its event in the frame.
        webhook_id: The store's number for the webhook; never reused.
        attempt: The number of the attempt that comes next, from 1.
        not_before_ms: The attempt must not begin before this time; 0: at once.
        due_ms: When the attempt should begin: ``not_before_ms`` plus a random part.
        parks: How often it was parked, which uses up no attempt.
        first: The number of the attempt at which the retry schedule begins: 1, or more where a
            delivery that had ended is replayed.
        began_ms: Start of its age, for the maximum age; 0: when its event was accepted.
        probe: It tests whether a webhook that Portcall disabled answers again.
    """

    event: int
    webhook_id: int
    attempt: int = 1
    not_before_ms: int = 0
    due_ms: int = 0
    parks: int = 0
    first: int = 1
    began_ms: int = 0
    probe: bool = False


def delivery_id(event_id: str, webhook_id: int) -> str:
    """The id of a delivery, sent as ``webhook-id`` on every attempt.

    It depends on the event and the webhook only: work that is repeated after a crash gives the same
    id, so consumers can detect duplicates. It has no dot, because dots divide the signed text of
    Standard Webhooks. It is 128 bits of SHA-256 in hex: base 32 is written in Python and took 5 %
    of a deliverer's time.
    """
    return "msg_" + hashlib.sha256(f"{webhook_id}|{event_id}".encode()).hexdigest()[:32]


def is_delivery_id(text: str) -> bool:
    """Whether *text* has the form of a delivery's id."""
    return re.fullmatch(DELIVERY_ID_PATTERN, text) is not None


def home_of(registry: str, shards: int) -> int:
    """Which of *shards* queues the direct frames of a registry go to, whatever its webhooks."""
    return zlib.crc32(registry.encode()) % shards


def shard_of(webhook_id: int, shards: int) -> int:
    """Which of *shards* queues a webhook's deliveries go to; the same in every process."""
    return zlib.crc32(webhook_id.to_bytes(8, "big")) % shards
