"""The shapes of the answers that tell of attempts and replays; see `management.shapes`."""

from typing import Any

from msgspec import UNSET, UnsetType

from portcall.management.openapi.shapes import Link, Shape, Timestamp
from portcall.schemas.records import Failure, Outcome
from portcall.store.records.replays import State


class EventInfo(Shape, frozen=True):
    """The id of an event that was made."""

    id: str


class EventRequest(Shape, frozen=True):
    """The request of an attempt; of a delivery that ended without one, its content only.

    Attributes:
        content: The body that was POSTed: the event.
    """

    content: Any
    headers: dict[str, str] | UnsetType = UNSET
    method: str | UnsetType = UNSET
    request_uri: str | UnsetType = UNSET
    version: str | UnsetType = UNSET


class EventResponse(Shape, frozen=True):
    """The response to an attempt; without a status there was none, and the content says why."""

    content: str
    headers: dict[str, str] | UnsetType = UNSET
    reason_phrase: str | UnsetType = UNSET
    status_code: str | UnsetType = UNSET
    version: str | UnsetType = UNSET


class EventExtras(Shape, frozen=True):
    """What ACR does not tell of an attempt.

    Attributes:
        delivery_id: The attempt's ``webhook-id``.
        attempt: Its number, from 1.
        outcome: What followed.
        failure: Its class; empty where there was none.
        message: The failure in words.
    """

    delivery_id: str
    attempt: int
    outcome: Outcome
    failure: Failure
    started_at: Timestamp
    duration_ms: float
    message: str | UnsetType = UNSET
    next_attempt_at: Timestamp | UnsetType = UNSET


class Event(Shape, frozen=True):
    """An attempt, with its request and its response.

    Attributes:
        id: The event's id.
    """

    id: str
    event_request_message: EventRequest
    event_response_message: EventResponse
    portcall: EventExtras


class EventList(Shape, frozen=True):
    """A page of attempts, newest first."""

    value: list[Event]
    next_link: Link | UnsetType = UNSET


class ReplayCount(Shape, frozen=True):
    """How many deliveries a replay would have, and how many of them it would pass over."""

    total: int
    disabled: int
    deleted: int


class Selected(Shape, frozen=True):
    """Which deliveries a replay is of."""

    outcomes: list[Outcome]
    webhook: str | UnsetType = UNSET
    event_id: str | UnsetType = UNSET
    since: Timestamp | UnsetType = UNSET
    until: Timestamp | UnsetType = UNSET


class Skipped(Shape, frozen=True):
    """Deliveries that a replay passed over."""

    disabled: int
    gone: int


class ReplayFacts(Shape, frozen=True):
    """``properties`` of a replay."""

    state: State
    selection: Selected
    rate: int
    total: int
    published: int
    skipped: Skipped
    created_at: Timestamp
    changed_at: Timestamp


class Replay(Shape, frozen=True):
    """A replay."""

    type: str
    id: str
    name: str
    properties: ReplayFacts


class ReplayList(Shape, frozen=True):
    """A page of replays, newest first."""

    value: list[Replay]
    next_link: Link | UnsetType = UNSET


class Account(Shape, frozen=True):
    """What became of one registry's events; an event for n webhooks is n deliveries."""

    registry: str
    events: int
    accepted: int
    delivered: int
    given_up: int
    cancelled: int
    no_match: int
    open: dict[str, int]
    unmoved: dict[str, int]


class Suspect(Shape, frozen=True):
    """A delivery, or an event, that somebody should look at."""

    doubt: str
    registry: str
    event_id: str | None
    accepted_at: Timestamp
    webhook_id: int | None
    delivery_id: str | None
    last_attempt_at: Timestamp | None
    dead: str | None


class Audit(Shape, frozen=True):
    """The accounts of everything that was accepted."""

    time: int
    since: Timestamp
    registries: list[Account]
    queued: dict[str, int]
    dead: int
    suspects: list[Suspect]


class Stream(Shape, frozen=True):
    """Server-sent events: each has an Event as its data; comments break silences."""
