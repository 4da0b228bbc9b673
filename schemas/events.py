"""Registry events in ACR's payload shapes, and the compact body that is POSTed.

The structs' field order is ACR's own: `payload` writes the fields in that order, without spaces,
and leaves out what an event does not have, so the bytes are those of the real service.

Source: Microsoft's "Azure Container Registry webhook reference" (push, delete, chart_push,
chart_delete), Azure/acr ``docs/preview/quarantine`` (quarantine), recorded traffic (ping).
"""

import re
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct, structs

from portcall.schemas.children import DIGEST
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.extras import Extras, SentExtras, cleaned
from portcall.schemas.scopes import check_repository, check_tag
from portcall.schemas.timestamps import sent_timestamp
from portcall.schemas.traces import Context, Trace

PING = "ping"

EVENT_ID_PATTERN = r"[\x21-\x7e]{1,128}"
_EVENT_ID = re.compile(EVENT_ID_PATTERN, re.ASCII)

Text = Annotated[str, Meta(max_length=1024)]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Action(StrEnum):
    """What a webhook can subscribe to; there is no pull action, and a ping needs none."""

    PUSH = "push"
    DELETE = "delete"
    QUARANTINE = "quarantine"
    CHART_PUSH = "chart_push"
    CHART_DELETE = "chart_delete"
    UNTAG = "untag"
    """A tag was deleted, alone or with its manifest. ACR has no such action."""

    @property
    def bit(self) -> int:
        """This action's bit in a set of actions that is held as one small integer."""
        return _ACTION_BITS[self]


_ACTION_BITS = {action: 1 << position for position, action in enumerate(Action)}
_ACTIONS = {str(action): action for action in Action}
"""By its word: a dictionary is asked in a tenth of the time of the enumeration."""
ACTION_NAMES = ", ".join(Action)


class Target(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What the event is about: a manifest or a chart of a repository."""

    media_type: Text | None = None
    size: Size | None = None
    digest: Text | None = None
    length: Size | None = None
    repository: Text | None = None
    tag: Text | None = None
    name: Text | None = None
    version: Text | None = None


class Request(Struct, frozen=True, omit_defaults=True):
    """The request to the registry that caused the event."""

    id: Text | None = None
    host: Text | None = None
    method: Text | None = None
    useragent: Annotated[str, Meta(max_length=2048)] | None = None


class Payload(Struct, frozen=True, omit_defaults=True):
    """One event as the consumer sees it: the JSON body of the POST."""

    id: str
    timestamp: str
    action: str
    target: Target | None = None
    request: Request | None = None


class PublishedEvent(Struct, frozen=True, omit_defaults=True):
    """One event as a publisher sends it: `Payload`, where id and timestamp may be missing.

    Unknown fields, nulls, empty texts and sizes of 0 count as absent: registries write unknown
    values in each of these ways, and ACR writes none of them. ``portcall`` is not ACR's, and is not
    sent to webhooks.
    """

    action: str
    target: Target
    id: str | None = None
    timestamp: str | None = None
    request: Request | None = None
    portcall: SentExtras | None = None


class Event(Struct, frozen=True, omit_defaults=True):
    """One event on its way through the broker.

    Attributes:
        id: The publisher's id, or ours; printable ASCII, 1 to 128 characters.
        registry: The registry's name in lower case.
        action: A member of `Action`, or ``ping``.
        accepted_ms: When the producer accepted it, milliseconds since the epoch.
        body: The exact bytes to POST: the JSON of a `Payload`.
        repository: Empty for a ping.
        tag: Empty where the event has none.
        extras: What its source tells beyond the payload; None: nothing, as in messages of earlier
            versions.
        trace: Where it is in its trace; None: it has none, or tracing is off.
    """

    id: str
    registry: str
    action: str
    accepted_ms: int
    body: msgspec.Raw
    repository: str = ""
    tag: str = ""
    extras: Extras | None = None
    trace: Trace | None = None

    @property
    def context(self) -> Context | None:
        """The last step of its trace; None: it has no trace, or a garbled one."""
        return None if self.trace is None else self.trace.context


_encode = msgspec.json.Encoder().encode
_NO_REQUEST = Request()
Part = TypeVar("Part", Target, Request)


def known(part: Part) -> Part:
    """*part* with None for unknown values: an empty text, and a size of 0."""
    values = structs.astuple(part)
    if "" not in values and 0 not in values:
        return part
    named = zip(part.__struct_fields__, values, strict=True)
    return structs.replace(part, **{name: value or None for name, value in named})


def check_event_id(event_id: str, field: str = "id") -> str:
    """Check an event id and return it.

    Raises:
        InvalidValueError: It is not 1 to 128 printable ASCII characters without a space.
    """
    if not _EVENT_ID.fullmatch(event_id):
        raise InvalidValueError(
            field, "an event id is 1 to 128 printable ASCII characters without spaces"
        )
    return event_id


def check_digest(digest: str, field: str = "digest") -> str:
    """Check a digest and return it.

    Raises:
        InvalidValueError: It is no algorithm with a value, as in ``sha256:<64 hex digits>``.
    """
    if not DIGEST.fullmatch(digest):
        raise InvalidValueError(
            field, f"{digest[:64]!r} is not a digest, as in sha256:<64 hex digits>"
        )
    return digest


def check_action(action: str, field: str = "action") -> Action:
    """Read an action.

    Raises:
        InvalidValueError: The word is none of the actions.
    """
    found = _ACTIONS.get(action)
    if found is None:
        raise InvalidValueError(
            field, f"{action[:32]!r} is not an action; allowed are {ACTION_NAMES}"
        )
    return found


def accept(
    published: PublishedEvent,
    *,
    registry: str,
    new_id: str,
    now_ms: int,
    now: str,
    path: str = "",
    extras: Extras | None = None,
) -> Event:
    """Check one published event and convert it to the form that the broker carries.

    Args:
        published: The event as it was sent.
        registry: Whose event it is, in lower case.
        new_id: The id to use where the publisher gave none.
        now_ms: The time of acceptance, milliseconds since the epoch.
        now: The same as an ACR timestamp, used where the publisher sent no time.
        path: The event's position in the request, e.g. ``[3].``, as a prefix for field names.
        extras: What its source tells beyond it; None: what the publisher sent.

    Raises:
        InvalidValueError: A field breaks its rule; ``field`` is its path.
    """
    if not published.action:
        raise InvalidValueError(f"{path}action", "is required")
    action = str(check_action(published.action, f"{path}action"))
    event_id = check_event_id(published.id, f"{path}id") if published.id else new_id
    target = known(published.target)
    if target.repository is None:
        raise InvalidValueError(f"{path}target.repository", "is required")
    repository = check_repository(target.repository, f"{path}target.repository")
    tag = ""
    if target.tag:
        tag = check_tag(target.tag, f"{path}target.tag")
    if target.digest is not None:
        check_digest(target.digest, f"{path}target.digest")
    timestamp = sent_timestamp(published.timestamp or "", f"{path}timestamp")
    request = None if published.request is None else known(published.request)
    payload = Payload(
        id=event_id,
        timestamp=timestamp or now,
        action=action,
        target=target,
        request=None if request == _NO_REQUEST else request,
    )
    if extras is None and published.portcall is not None:
        extras = published.portcall.extras
    return Event(
        id=event_id,
        registry=registry,
        action=action,
        accepted_ms=now_ms,
        body=msgspec.Raw(_encode(payload)),
        repository=repository,
        tag=tag,
        extras=None if extras is None else cleaned(extras, event_id),
    )


def ping_event(*, registry: str, event_id: str, now_ms: int, now: str) -> Event:
    """Make a ping: exactly ``{"id":…,"timestamp":…,"action":"ping"}``, for one webhook."""
    body = _encode(Payload(id=event_id, timestamp=now, action=PING))
    return Event(
        id=event_id, registry=registry, action=PING, accepted_ms=now_ms, body=msgspec.Raw(body)
    )
