"""Records in the form of ACR's list-events: only here a record is called an event.

ACR's fields stay ACR's; additions are under ``portcall`` (az drops it, the SDK keeps it). An
attempt without an answer has an ``eventResponseMessage`` with only a ``content`` that says why. A
delivery that ended without an attempt has a request with only a content.

Source: recorded traffic of the real service; ``statusCode`` is a string there.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from portcall.management.events.shapes import Event, EventExtras, EventRequest, EventResponse
from portcall.management.http.extras import told_extras
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.extras import Extras
from portcall.schemas.frames import RawRecordFrame
from portcall.schemas.records import Detail, Outcome, Sent
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.records.event_log import StoredRecord

_decode_detail = msgspec.json.Decoder(Detail).decode


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """A record, from the log or from the results stream.

    Attributes:
        event_id: The event's id.
        body: The event's JSON, as it was POSTed.
        webhook_id: Its webhook.
        attempt: The number of the attempt, from 1.
        outcome: How it ended.
        started_ms: When the attempt began, milliseconds since the epoch.
        duration_us: How long it took, microseconds.
        detail: The request, the response, and why.
        extras: What the event's source tells beyond its body; None: nothing.
        tags: Of a delete: the tags that went with the manifest.
    """

    event_id: str
    body: bytes
    webhook_id: int
    attempt: int
    outcome: Outcome
    started_ms: int
    duration_us: int
    detail: Detail
    extras: Extras | None = None
    tags: Sequence[str] = ()


def stored(record: StoredRecord, tags: Sequence[str] = ()) -> ShownRecord:
    """A record of the log; *tags*: those that went with a delete."""
    return ShownRecord(
        event_id=record.event_id,
        body=record.body,
        webhook_id=record.webhook_id,
        attempt=record.attempt,
        outcome=record.outcome,
        started_ms=record.started_ms,
        duration_us=record.duration_us,
        detail=record.detail,
        extras=record.extras,
        tags=tags,
    )


def streamed(frame: RawRecordFrame, webhook_ids: Container[int]) -> Iterator[ShownRecord]:
    """The records of a frame of the results stream for one of these webhooks.

    Raises:
        msgspec.DecodeError: The detail of one is invalid.
    """
    for record in frame.records:
        if record.webhook_id not in webhook_ids:
            continue
        event = frame.events[record.event]
        yield ShownRecord(
            event_id=event.id,
            body=bytes(event.body),
            webhook_id=record.webhook_id,
            attempt=record.attempt,
            outcome=record.outcome,
            started_ms=record.started_ms,
            duration_us=record.duration_us,
            detail=_decode_detail(record.detail),
            extras=event.extras,
        )


def acr_event(seen: ShownRecord) -> Event:
    """One record in ACR's shape."""
    return Event(
        id=seen.event_id,
        event_request_message=_request(seen.body, seen.detail.sent),
        event_response_message=_response(seen),
        portcall=_extras(seen),
    )


def _request(body: bytes, sent: Sent | None) -> EventRequest:
    content: object = msgspec.Raw(body)
    if sent is None:
        return EventRequest(content)
    if (other := sent.other) is not None:
        content = _other(other)
    return EventRequest(content, sent.headers, sent.method, sent.uri, sent.version)


def _other(content: str) -> object:
    """A body that is not the event's own: JSON as such, anything else as a text."""
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return content
    return msgspec.Raw(content.encode())


def _event(body: bytes) -> dict[str, Any] | UnsetType:
    """The event's own body; UNSET: it is garbled."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return UNSET


def _response(seen: ShownRecord) -> EventResponse:
    answer = seen.detail.answer
    if answer is None:
        return EventResponse(_why(seen))
    return EventResponse(
        answer.content, answer.headers, answer.reason, str(answer.status), answer.version
    )


def _why(seen: ShownRecord) -> str:
    """Why there is no answer, as text."""
    return seen.detail.message or seen.detail.failure.value or seen.outcome.value


def _extras(seen: ShownRecord) -> EventExtras:
    next_ms = seen.detail.next_attempt_ms
    sent = seen.detail.sent
    return EventExtras(
        delivery_id=delivery_id(seen.event_id, seen.webhook_id),
        attempt=seen.attempt,
        outcome=seen.outcome,
        failure=seen.detail.failure,
        started_at=acr_timestamp(seen.started_ms),
        duration_ms=round(seen.duration_us / 1000, 3),
        message=seen.detail.message or UNSET,
        next_attempt_at=acr_timestamp(next_ms) if next_ms else UNSET,
        extras=told_extras(seen.extras, seen.tags),
        event=_event(seen.body) if sent and sent.other is not None else UNSET,
    )
