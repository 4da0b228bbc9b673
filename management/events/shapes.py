"""Records as answers; see `management.http.shapes`."""

from typing import Any

from msgspec import UNSET, UnsetType

from portcall.management.http.extras import ToldExtras
from portcall.management.http.shapes import Link, Shape, Timestamp
from portcall.schemas.records import Failure, Outcome


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
        extras: What the event's source tells beyond its payload.
        event: The event, where something else than its own body was sent.
    """

    delivery_id: str
    attempt: int
    outcome: Outcome
    failure: Failure
    started_at: Timestamp
    duration_ms: float
    message: str | UnsetType = UNSET
    next_attempt_at: Timestamp | UnsetType = UNSET
    extras: ToldExtras | UnsetType = UNSET
    event: dict[str, Any] | UnsetType = UNSET


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


class Stream(Shape, frozen=True):
    """Server-sent events: each has an Event as its data; comments break silences."""
