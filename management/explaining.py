"""Explaining an event: for every webhook of its registry why it gets it or not, and where it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from store.eventlog import StoredRecord


class Predicate(StrEnum):
    """What keeps an event from a webhook."""

    STATUS = "status"
    ACTION = "action"
    SCOPE = "scope"


class Whereabouts(StrEnum):
    """Where a delivery is."""

    NONE = "none"
    """There is none: the webhook does not match, and nothing was sent to it."""
    UNKNOWN = "unknown"
    """The webhook matches as it is now, but no delivery of it is known: the event is not routed
    yet, or was routed before the webhook was as it is now."""
    QUEUED = "queued"
    """Routed; not attempted yet, or put aside before its first attempt."""
    WAITING = "waiting"
    """It failed, and waits on a rung for its next attempt."""
    DUE = "due"
    """It failed, and its next attempt is due."""
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a webhook does not match.

    Attributes:
        predicate: Which of the three does not hold.
        message: In words, with both sides: what the webhook has and what the event has.
    """

    predicate: Predicate
    message: str


@dataclass(frozen=True, slots=True)
class Step:
    """One record in the life of a delivery.

    Attributes:
        record: The record, with its request and its response.
        reason: Why it was decided so, in words.
    """

    record: StoredRecord
    reason: str


@dataclass(frozen=True, slots=True)
class Life:
    """The life of one delivery.

    Attributes:
        webhook_id: Whose.
        event_id: Of which event.
        delivery_id: Sent as ``webhook-id``.
        whereabouts: Where it is.
        rung: The rung that it waits on, about, as ``10s``; empty: on none.
        next_attempt_ms: When the next attempt is due; 0: never, or not known.
        steps: Every record, oldest first.
    """

    webhook_id: int
    event_id: str
    delivery_id: str
    whereabouts: Whereabouts
    rung: str = ""
    next_attempt_ms: int = 0
    steps: Sequence[Step] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """One webhook and the event.

    Attributes:
        webhook_id: Which; its name is empty where it was deleted.
        name: The webhook's name.
        misses: Why it does not match as it is now; none: it matches.
        life: What became of its delivery.
    """

    webhook_id: int
    name: str
    misses: Sequence[Miss]
    life: Life

    @property
    def matches(self) -> bool:
        """Whether the webhook, as it is now, gets such an event."""
        return not self.misses


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say of one event.

    Attributes:
        event_id: Its id.
        registry: Its registry's key.
        action: Its action.
        repository: Empty for a ping.
        tag: Empty where it has none.
        accepted_ms: When it was accepted, milliseconds since the epoch.
        is_routed: Whether the router has said for whom it is; a ping never is.
        webhooks: Every webhook of the registry, and those deleted that it was sent to.
    """

    event_id: str
    registry: str
    action: str
    repository: str
    tag: str
    accepted_ms: int
    is_routed: bool
    webhooks: Sequence[Explained]


class Explaining:
    """Explains; its methods block.

    All of it may raise `StoreUnavailableError`: the database does not answer.
    """

    def explain(self, registry: str, event_id: str) -> Explanation | None:
        """Explain the newest event of that id; None: the registry has none."""
        return None

    def life(self, webhook_id: int, event_id: str) -> Life | None:
        """The life of one delivery; None: it has no record."""
        return None
