"""Notifications of docker distribution, translated into registry events.

====================================================  ==================================
notification                                          becomes
====================================================  ==================================
push of a manifest or an index, with or without tag   push
delete with a digest                                  delete, with the media type if known
push of a blob                                        nothing: ``blob_push``
delete of a digest that was seen as a blob            nothing: ``blob_delete``
delete with a tag and no digest (one for each tag)    nothing: ``tag_delete``, or by a setting
                                                      of the source a delete
delete with neither: of a whole repository            nothing: ``repository_delete``
pull, mount                                           nothing: ``pull``, ``mount``
any other action                                      nothing: ``other_action``
====================================================  ==================================

Deleting a manifest makes one notification with its digest and one more for each tag that pointed to
it: the first is the event. A registry repeats a refused notification for ever, and holds all others
behind it. So nothing that a client of the registry can choose is a reason to refuse: an unreadable
notification is ignored, counted and named, and the rest of its envelope is accepted. Texts of a
client's own request to the registry (its user agent, its host) are cut to a limit.

Source: distribution 2.8 ``notifications/event.go`` and ``bridge.go``, and recorded traffic.
"""

from collections.abc import Iterator

import msgspec
from msgspec import structs

from portcall.producer.digests.digests import DigestMemory, full_name
from portcall.producer.digests.referrers import remember_referrer, was_referrer
from portcall.producer.formats.acceptance import Acceptance, Ignored, Translation
from portcall.producer.formats.ignoring import NO_ENVELOPE, passed, text_of, unread
from portcall.producer.formats.json_errors import complaint, decode
from portcall.producer.formats.notifications import (
    Envelope,
    Notification,
    NotificationRequest,
    NotificationTarget,
)
from portcall.producer.formats.skimming import MAX_EVENTS, Skimmed, skim
from portcall.producer.formats.told import extras_of
from portcall.producer.formats.turns import exhaust
from portcall.producer.formats.turns import skim as skim_in_turns
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import (
    Event,
    PublishedEvent,
    Request,
    Target,
    check_event_id,
)
from portcall.schemas.extras import NONE, Extras
from portcall.schemas.journal import TAG_DELETE

EVENT_ACTIONS = ("push", "delete")
SILENT_ACTIONS = ("pull", "mount")
MAX_TEXT = 1024
MAX_USERAGENT = 2048
"""The limit of the texts in `schemas.events.Request`."""


_DECODER = msgspec.json.Decoder(Envelope)


def read(seen: DigestMemory, body: bytes | Skimmed, acceptance: Acceptance) -> Translation:
    """Translate one envelope in one go: `opened` and `translated` without pauses.

    Raises:
        InvalidValueError: The body is not JSON.
    """
    skimmed = body if isinstance(body, Skimmed) else _strictly(body) or skim(body)
    translation = _begun(skimmed)
    for _ in _steps(translation, seen, skimmed, acceptance):
        pass
    return translation


async def opened(body: bytes | Skimmed) -> Skimmed:
    """The notifications in a body; if one breaks the types, all as plain objects.

    Raises:
        InvalidValueError: The body is not JSON.
    """
    if isinstance(body, Skimmed):
        return body
    return _strictly(body) or await skim_in_turns(body)


async def translated(seen: DigestMemory, skimmed: Skimmed, acceptance: Acceptance) -> Translation:
    """Translate one envelope, and remember the kinds of its digests.

    It may be called again for the same envelope, when its open questions are answered.

    Args:
        seen: The known digests; this envelope's are added.
        skimmed: The envelope, as `opened` returns it.
        acceptance: Its registry, and its time of arrival.
    """
    translation = _begun(skimmed)
    await exhaust(_steps(translation, seen, skimmed, acceptance))
    return translation


def _begun(skimmed: Skimmed) -> Translation:
    translation = Translation([], skimmed.dropped.copy())
    if not skimmed.is_envelope:
        translation.ignored[NO_ENVELOPE] += 1
    return translation


def _steps(
    translation: Translation, seen: DigestMemory, skimmed: Skimmed, acceptance: Acceptance
) -> Iterator[None]:
    """Add the contents of an envelope to a translation, one notification a step."""
    for index, sent in enumerate(skimmed.events):
        path = f"events[{index}]"
        try:
            taken = _taken(seen, _notification(sent, path), acceptance, path)
        except InvalidValueError as problem:
            taken = _untaken(sent, problem, acceptance, path)
        if isinstance(taken, Ignored):
            translation.ignore(taken)
        else:
            translation.events.append(taken)
        yield


def _strictly(body: bytes) -> Skimmed | None:
    """The notifications in a body; None: one breaks the types, or there are very many."""
    try:
        notifications = decode(_DECODER, body).events
    except InvalidValueError:
        return None
    if len(notifications) > MAX_EVENTS:
        return None
    return Skimmed(is_envelope=True, events=list(notifications))


def _notification(sent: object, path: str) -> Notification:
    """Read one notification, if it is not read yet.

    Raises:
        InvalidValueError: A field has a wrong type; ``field`` is its path.
    """
    if isinstance(sent, Notification):
        return sent
    try:
        return msgspec.convert(sent, Notification)
    except msgspec.ValidationError as error:
        raise complaint(error, path) from error


def _taken(
    seen: DigestMemory, notification: Notification, acceptance: Acceptance, path: str
) -> Event | Ignored:
    """The event of a notification, or why there is none.

    Raises:
        InvalidValueError: A field breaks its rule; ``field`` is its path.
    """
    name = _full_name(acceptance.registry, notification.target)
    _remember(seen, name, notification.target)
    target = notification.target
    if target is not None and target.digest and target.tag:
        place = (acceptance.registry, target.repository or "")
        remember_referrer(seen, *place, target.digest, target.tag)
    reason = _why_ignored(seen, name, notification)
    if reason and not (reason == TAG_DELETE and acceptance.tag_deletes):
        return passed(reason, _id_of(notification), notification, acceptance.aliases)
    published = _published(notification, seen.media_type(name), path)
    extras = _extras(notification, published.target)
    if notification.action == "delete" and _was_referrer(seen, acceptance.registry, published):
        extras = structs.replace(extras or NONE, referrer=True)
    return acceptance.accept(published, path, extras)


def _was_referrer(seen: DigestMemory, registry: str, deleted: PublishedEvent) -> bool:
    target = deleted.target
    return was_referrer(seen, registry, target.repository or "", target.digest or "")


def _untaken(
    sent: object, problem: InvalidValueError, acceptance: Acceptance, path: str
) -> Ignored:
    """The details of an unreadable notification; most could not be events anyway."""
    event_id, action = _id_of(sent), text_of(sent, "action")
    if action not in ("", *EVENT_ACTIONS):
        reason = action if action in SILENT_ACTIONS else "other_action"
        return passed(reason, event_id, sent)
    return unread(problem, path, event_id or acceptance.new_id(), sent)


def _id_of(sent: object) -> str:
    """The id of a notification; empty: it has no usable one."""
    try:
        return check_event_id(text_of(sent, "id"))
    except InvalidValueError:
        return ""


def _full_name(registry: str, target: NotificationTarget | None) -> bytes:
    """The key of the target's digest; empty if it has none."""
    if target is None or not target.digest:
        return b""
    return full_name(registry, target.repository or "", target.digest)


def _remember(seen: DigestMemory, name: bytes, target: NotificationTarget | None) -> None:
    """Remember the kind of a target's digest; a delete does not give it."""
    if not name or target is None:
        return
    if target.is_blob:
        seen.saw_blob(name)
    elif target.media_type or target.tag:
        media_type = target.media_type or ""
        seen.saw_manifest(name, "" if "\0" in media_type else media_type)  # deletes would have it


def _why_ignored(seen: DigestMemory, name: bytes, notification: Notification) -> str:
    """Why a notification is not a registry event; empty: it is one."""
    target = notification.target
    match notification.action:
        case "push":
            return "blob_push" if target is not None and target.is_blob else ""
        case "delete" if target is not None and not target.digest:
            return TAG_DELETE if target.tag else "repository_delete"
        case "delete" if target is not None:
            return "blob_delete" if target.is_blob or seen.only_blob(name) else ""
        case "delete":
            return ""
        case action if action in SILENT_ACTIONS:
            return action
        case _:
            return "other_action"


def _published(notification: Notification, media_type: str | None, path: str) -> PublishedEvent:
    """The event of a notification in ACR's shape, whose deletes have no size."""
    target, request = notification.target, notification.request
    if target is None:
        raise InvalidValueError(f"{path}.target", "is required")
    deletes = notification.action == "delete"
    return PublishedEvent(
        action=notification.action,
        id=notification.id,
        timestamp=notification.time,
        target=Target(
            media_type=target.media_type or media_type,
            size=None if deletes else target.size,
            digest=target.digest,
            length=None if deletes else target.length,
            repository=target.repository,
            tag=target.tag,
        ),
        request=None if request is None else _request(request),
    )


def _extras(notification: Notification, accepted: Target) -> Extras | None:
    target = notification.target
    if target is None:
        return None
    return extras_of(
        media_type=accepted.media_type or "",
        tag=target.tag or "",
        references=bytes(target.references),
        own_type=target.artifact_type,
        platform=target.platform,
        actor=notification.actor,
    )


def _request(request: NotificationRequest) -> Request:
    return Request(
        id=_cut(request.id, MAX_TEXT),
        host=_cut(request.host, MAX_TEXT),
        method=_cut(request.method, MAX_TEXT),
        useragent=_cut(request.useragent, MAX_USERAGENT),
    )


def _cut(text: str | None, length: int) -> str | None:
    """An untrusted text: cut, without NULs, and None if it is empty."""
    return (text or "").replace("\0", "")[:length] or None
