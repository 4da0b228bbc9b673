"""The journal: what the producer accepted, and which webhooks the router found for it.

`portcall audit` compares it with the log: the log holds the results of deliveries, and the journal
says which deliveries should exist.
"""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise

import msgspec
from msgspec import Struct

from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import COALESCING, facts_of

TAG_DELETE = "tag_delete"
"""The reason of a notification that a tag was deleted; ACR's webhooks tell only of manifests."""
CHECK_MASK = 2**32 - 1
"""Applied to a webhook's number in a checksum: a sum of 2,000 million of them fits 64 bits."""
MAX_NOTES = 256
"""In one frame, if they come one by one: the recorder enters ten frames in one transaction."""
NOTE_LINGER_S = 0.5
"""How long a note that something else proves, too, may wait for others: 100 at 200 events/s."""
ROUTED_LINGER_S = 0.25
"""How long a router may wait with its notes, and with the acks that follow them."""

_encode = msgspec.json.Encoder().encode


class Note(Struct, frozen=True, array_like=True):
    """What happened to one event; a JSON array, because a frame has many of them.

    Attributes:
        digest: Distinguishes events of the same id: BLAKE2b of the event as in frames, in hex.
        event_id: The event's id.
        registry: Its registry, in lower case.
        accepted_ms: When it was accepted, milliseconds since the epoch.
        webhooks: Null: the event was accepted. Else it was routed to these webhooks, ascending,
            each number but the first as the difference to the one before it.
        action: The event's action; empty in notes of earlier versions.
        repository: The event's repository.
        tag: The event's tag; empty where it has none.
        manifest: The digest of what was pushed or deleted; empty where the event names none.
        held: The webhooks whose filters held it back, by the filter's name, their numbers as in
            *webhooks*; None: none. Those of `COALESCING` are among *webhooks*: the event waits.
        artifact_type: One of `schemas.filters.TYPES`, in the note that it was accepted.
        referrer: Whether it is known to be attached to another artifact; in the same note.
        extras: What its source tells beyond the payload, in the note that it was routed to no
            webhook: such an event has no record that would have them. Null in all others.
    """

    digest: str
    event_id: str
    registry: str
    accepted_ms: int
    webhooks: list[int] | None = None
    action: str = ""
    repository: str = ""
    tag: str = ""
    manifest: str = ""
    held: dict[str, list[int]] | None = None
    artifact_type: str = ""
    referrer: bool = False
    extras: Extras | None = None


class IgnoredNote(Struct, frozen=True, array_like=True):
    """Something that a registry sent and that became no event, noted for `portcall explain`.

    Attributes:
        event_id: Its id, or one that the producer made.
        registry: Its registry, in lower case.
        ignored_ms: When it arrived, milliseconds since the epoch.
        reason: Why, in the same word as the counters use.
        action: As it was sent, cut to a limit, like the next two.
        repository: The repository.
        tag: The tag.
        place: The path of the unreadable part, e.g. ``events[3].target.repository``; empty: it
            was readable, and is no registry event.
        problem: What is wrong there.
        request_id: Of a deleted tag, the id of the request to the registry, which the delete of
            the manifest has, too; empty in notes of earlier versions.
    """

    event_id: str
    registry: str
    ignored_ms: int
    reason: str
    action: str = ""
    repository: str = ""
    tag: str = ""
    place: str = ""
    problem: str = ""
    request_id: str = ""


class _Target(Struct, frozen=True):
    """The part of an event's target that a note has."""

    digest: str = ""


class _Body(Struct, frozen=True):
    """The part of an event's body that a note needs; a ping has no target."""

    target: _Target = _Target()


_decode_body = msgspec.json.Decoder(_Body).decode


def digest_of(event: Event) -> bytes:
    """A 128-bit digest that identifies an event. The same id may be accepted twice.

    The extras and the trace are not in it: a process of an earlier version drops them, and its
    notes and records must be those of the same event.
    """
    if event.extras is not None or event.trace is not None:
        event = msgspec.structs.replace(event, extras=None, trace=None)
    return hashlib.blake2b(_encode(event), digest_size=16).digest()


def accepted(event: Event) -> Note:
    """The note that *event* was accepted: the broker has confirmed it."""
    facts = facts_of(event)
    return _note(event, None, artifact_type=facts.artifact_type, referrer=facts.is_referrer)


def routed(
    event: Event, webhook_ids: Iterable[int], held: Mapping[str, Iterable[int]] | None = None
) -> Note:
    """The note that *event* was routed to these webhooks: their deliveries are confirmed.

    Args:
        event: The event.
        webhook_ids: The webhooks.
        held: Those whose filters held it back, by the filter's name; None: none. Those for which
            it waits, by `COALESCING`, are expected to get it: the note has them among the webhooks,
            too.
    """
    if not held:
        return _note(event, differences(webhook_ids))
    expected = [*webhook_ids, *held.get(COALESCING, ())]
    by_filter = {name: differences(ids) for name, ids in held.items()}
    return _note(event, differences(expected), held=by_filter)


def _note(
    event: Event,
    webhooks: list[int] | None,
    *,
    held: dict[str, list[int]] | None = None,
    artifact_type: str = "",
    referrer: bool = False,
) -> Note:
    return Note(
        digest_of(event).hex(),
        event.id,
        event.registry,
        event.accepted_ms,
        webhooks,
        event.action,
        event.repository,
        event.tag,
        manifest_of(event),
        held,
        artifact_type,
        referrer,
        extras=event.extras if webhooks == [] else None,
    )


def manifest_of(event: Event) -> str:
    """The digest of what an event is about; empty if it has none."""
    try:
        return _decode_body(event.body).target.digest
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def differences(webhook_ids: Iterable[int]) -> list[int]:
    """Encode ascending numbers, each but the first as the difference to the one before.

    Without this, a million numbers would not fit the 16 MiB that RabbitMQ 4 allows per message.
    """
    ordered = sorted(webhook_ids)
    return ordered[:1] + [after - before for before, after in pairwise(ordered)]


def numbers(steps: Iterable[int]) -> list[int]:
    """Decode the result of `differences`; ascending."""
    return list(accumulate(steps))


def checksum(webhook_ids: Iterable[int]) -> int:
    """A number that another set of as many webhooks hardly ever has; SQL can compute it, too."""
    return sum(webhook_id & CHECK_MASK for webhook_id in webhook_ids)
