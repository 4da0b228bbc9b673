"""The shapes of the answers about letters; see `management.http.shapes`."""

from msgspec import UNSET, UnsetType

from portcall.management.http.extras import ToldExtras
from portcall.management.http.shapes import Link, Shape, Timestamp
from portcall.management.letters.contents import LetterKind


class DeadLetterItem(Shape, frozen=True):
    """A delivery of a letter, or an event that was not routed.

    Attributes:
        webhook: The webhook's name; empty: it was deleted. Absent of an event.
        webhook_status: enabled, disabled or deleted.
        attempt: The attempt that came next.
        extras: What the event's source tells beyond its payload.
    """

    event_id: str
    registry: str
    action: str
    repository: str
    tag: str
    accepted_at: Timestamp
    delivery_id: str | UnsetType = UNSET
    webhook_id: str | UnsetType = UNSET
    webhook: str | UnsetType = UNSET
    webhook_status: str | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    extras: ToldExtras | UnsetType = UNSET


class DeadLetter(Shape, frozen=True, kw_only=True):
    """A message that was given up, could not be read, or found no queue.

    Attributes:
        id: A hash: letters that are alike have the same.
        reason: Why it is there; empty: unknown.
        taken_from: The queue that it was in before; empty: none.
        exchange: What it was published to.
        size: Bytes.
        item_count: How many items there are; 100 are listed at most.
        problem: Why it cannot be read.
        headers: With `$expand=body`.
        text: The first 64 KiB as text, with `$expand=body`.
        body: Every byte in base64, with `$expand=body`.
    """

    id: str
    kind: LetterKind
    reason: str
    taken_from: str
    exchange: str
    routing_key: str
    size: int
    item_count: int
    items: list[DeadLetterItem]
    problem: str | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    text: str | UnsetType = UNSET
    body: str | UnsetType = UNSET


class _Copied(DeadLetter, frozen=True, kw_only=True):
    copies: int


class WholeDeadLetter(_Copied, frozen=True):
    """A letter with its headers and its bytes.

    Attributes:
        copies: How many letters are like it.
    """

    queue: str  # the first of all: fields that are not keyword-only come before those that are


class ReasonCount(Shape, frozen=True):
    """How many letters have a reason."""

    reason: str
    letters: int


class PlaceCount(Shape, frozen=True):
    """How many items are for a webhook; without one they are events."""

    registry: str
    webhook_id: str | None
    webhook: str
    items: int


class DeadLetterCounts(Shape, frozen=True):
    """What the letters are that a filter fits: the largest counts, up to 50 of each."""

    letters: int
    items: int
    kinds: dict[str, int]
    reasons: list[ReasonCount]
    webhooks: list[PlaceCount]


class DeadLettersCompared(Shape, frozen=True):
    """The deliveries in letters, compared with the records.

    Attributes:
        deliveries: How many were compared: the first 10,000 of the queue.
        delivered: How many of these were delivered since.
        under_way: How many of these are under way again.
    """

    deliveries: int
    delivered: int
    under_way: int


class DeadLetterList(Shape, frozen=True):
    """Letters of a queue, in its order.

    Attributes:
        waiting: How many letters the queue has, whatever the filter.
        complete: Whether all of them were looked at.
        compared: How many of the deliveries need no sending, with `compare=true`.
    """

    queue: str
    waiting: int
    complete: bool
    counts: DeadLetterCounts
    value: list[DeadLetter]
    next_link: Link | UnsetType = UNSET
    compared: DeadLettersCompared | UnsetType = UNSET


class DeadLettersLeft(Shape, frozen=True):
    """What could not be sent, and stays."""

    disabled: int
    deleted: int
    unreadable: int


class DeadLettersPurged(Shape, frozen=True):
    """What was thrown away.

    Attributes:
        waiting: How many letters the queue has left.
        removed: How many were taken out.
        complete: Whether all of the queue was looked at.
    """

    waiting: int
    removed: int
    complete: bool


class DeadLettersResent(DeadLettersPurged, frozen=True, kw_only=True):
    """What was sent again.

    Attributes:
        sent: Deliveries and events that went out.
        already_delivered: Deliveries that had arrived since.
        already_pending: Deliveries that were under way.
    """

    sent: int
    already_delivered: int
    already_pending: int
    left: DeadLettersLeft
