"""One event in each kind of frame, as examples for the documentation, made by the encoders."""

from msgspec import structs

from portcall.schemas.children import Child
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event, PublishedEvent, Request, Target, accept
from portcall.schemas.extras import Extras
from portcall.schemas.frames import encode_deliveries, encode_events, encode_journal, encode_records
from portcall.schemas.journal import accepted, routed
from portcall.schemas.records import Answer, Detail, Outcome, RecordOf, Sent
from portcall.schemas.timestamps import acr_timestamp

_NOW_MS = 1_772_619_630_123
_DIGEST = "sha256:" + "5f0c" * 16
_EXTRAS = Extras(kind="distribution", source="main", actor="ci", artifact_type="image")
_WEBHOOK_ID = 1_843_200_000_000_001


def event() -> Event:
    """A push of ``team/app:v1``."""
    return _accepted("push", _target("application/vnd.oci.image.manifest.v1+json", "v1"))


def index_event() -> Event:
    """A push of an index as ``team/app:v1``, with its two children in the extras."""
    children = (
        Child("sha256:" + "a1b2" * 16, "linux/amd64"),
        Child("sha256:" + "c3d4" * 16, "linux/arm64"),
    )
    extras = structs.replace(
        _EXTRAS,
        artifact_type="index",
        platforms=tuple(each.platform for each in children),
        children=children,
    )
    return _accepted("push", _target("application/vnd.oci.image.index.v1+json", "v1"), extras)


def delete_event() -> Event:
    """A delete of a manifest by its digest, with its two tags in the extras."""
    target = Target(digest=_DIGEST, repository="team/app")
    return _accepted("delete", target, structs.replace(_EXTRAS, tags=("v1", "latest")))


def _target(media_type: str, tag: str) -> Target:
    return Target(
        media_type=media_type,
        size=739,
        digest=_DIGEST,
        length=739,
        repository="team/app",
        tag=tag,
    )


def _accepted(action: str, target: Target, extras: Extras = _EXTRAS) -> Event:
    published = PublishedEvent(
        action=action,
        target=target,
        request=Request(
            id="7d2f6a41-0a9c-4b1c-9a53-3a0a9f0e6b11",
            host="registry.example.com",
            method="PUT" if action == "push" else "DELETE",
            useragent="docker/27.0 go/go1.22",
        ),
    )
    return accept(
        published,
        registry="myregistry",
        new_id="0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a01",
        now_ms=_NOW_MS,
        now=acr_timestamp(_NOW_MS),
        extras=extras,
    )


def event_frame() -> bytes:
    """The event as the producer publishes it."""
    return encode_events([event()])


def delivery_frame() -> bytes:
    """The event with one delivery as the router publishes it."""
    return encode_deliveries([event()], [Delivery(event=0, webhook_id=_WEBHOOK_ID)])


def record_frame() -> bytes:
    """The record of a first attempt that succeeded."""
    detail = Detail(
        sent=Sent(
            uri="https://consumer.example.com/hook",
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "Content-Length": str(len(bytes(event().body))),
            },
        ),
        answer=Answer(status=200, reason="OK", headers={"Content-Length": "2"}, content="ok"),
    )
    record = RecordOf(
        event=0,
        webhook_id=_WEBHOOK_ID,
        attempt=1,
        outcome=Outcome.DELIVERED,
        status=200,
        started_ms=_NOW_MS + 12,
        duration_us=8_310,
        detail=detail,
    )
    return encode_records("01JD7Z6B0W6J3QK5T0A2R9M4XN", [event()], [record])


def journal_frame() -> bytes:
    """The notes about the event: it was accepted, and routed to two webhooks."""
    notes = [accepted(event()), routed(event(), [_WEBHOOK_ID, _WEBHOOK_ID + 3])]
    return encode_journal("01JD7Z6B0W6J3QK5T0A2R9M4XP", notes)
