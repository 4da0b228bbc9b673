"""Registries, webhooks and frames to store, with what does not matter filled in."""

import itertools
from collections.abc import Sequence

import msgspec

from portcall.schemas.events import Action, Event
from portcall.schemas.frames import RawRecordFrame
from portcall.schemas.records import Answer, Detail, Outcome, RawRecord, RecordOf, Sent
from portcall.schemas.webhooks import Sku, Status
from portcall.store.engine import Store
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import WebhookDraft, WebhookRow

STREAM = "portcall.log"
PUSH = Action.PUSH.bit
_numbers = itertools.count(1)


def add_registry(store: Store, name: str = "MyRegistry", sku: Sku = Sku.PREMIUM) -> Registry:
    registry, _ = store.registries.put(
        name, location="westus", sku=sku, tags={}, resource_group="portcall"
    )
    return registry


def draft(
    name: str = "webhook1",
    *,
    registry: str = "myregistry",
    scope: str = "",
    status: Status = Status.ENABLED,
    uri: str = "https://example.com/hook",
    actions: int = PUSH,
    authorization: str = "",
    credentials: str = "",
    headers: dict[str, str] | None = None,
    secret: str = "",
    schedule_ms: tuple[int, ...] | None = None,
    client_key: str = "",
    scopes: tuple[str, ...] | None = None,
) -> WebhookDraft:
    return WebhookDraft(
        registry=registry,
        name=name,
        location="westus",
        tags={},
        uri=uri,
        authorization=authorization,
        credentials=credentials,
        headers=headers or {},
        actions=actions,
        scope=scope,
        status=status,
        secret=secret,
        schedule_ms=schedule_ms,
        client_key=client_key,
        scopes=scopes,
    )


def add_webhook(store: Store, name: str = "webhook1", registry: str = "myregistry") -> WebhookRow:
    ((row, _),) = store.webhooks.put_many([draft(name, registry=registry)])
    return row


def event(
    event_id: str = "event-1", *, accepted_ms: int = 1_000, body: bytes = b'{"id":"event-1"}'
) -> Event:
    return Event(
        id=event_id,
        registry="myregistry",
        action="push",
        accepted_ms=accepted_ms,
        body=msgspec.Raw(body),
        repository="team/app",
        tag="v1",
    )


DETAIL = Detail(
    sent=Sent("https://example.com/hook", {"Content-Type": "application/json"}),
    answer=Answer(200, "OK", {"Content-Type": "text/plain"}, "thanks"),
)


def record(
    webhook_id: int = 7,
    *,
    of: int = 0,
    attempt: int = 1,
    outcome: Outcome = Outcome.DELIVERED,
    started_ms: int = 2_000,
    detail: bytes | None = None,
) -> RawRecord:
    """A record of the event that stands at *of* in the frame."""
    text = msgspec.json.encode(DETAIL) if detail is None else detail
    return RecordOf(of, webhook_id, attempt, outcome, 200, started_ms, 1_500, msgspec.Raw(text))


def frame(
    records: Sequence[RawRecord] = (),
    events: Sequence[Event] = (),
    *,
    frame_id: str = "",
) -> RawRecordFrame:
    """A frame with an id of its own; of one event and one record if it is told nothing."""
    return RawRecordFrame(
        1,
        frame_id or f"frame-{next(_numbers)}",
        list(events) or [event()],
        list(records) or [record()],
    )


def empty_frame(frame_id: str) -> RawRecordFrame:
    return RawRecordFrame(1, frame_id, [], [])
