"""CloudEvents 1.0 around registry events: structured, batch and binary.

Source: CloudEvents 1.0.2, "JSON Event Format" (sections 3 and 4) and "HTTP Protocol Binding"
(section 3); the types are those of Azure Event Grid's schema for Azure Container Registry.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.formats.json_errors import decode, joined
from portcall.producer.formats.published import check_count
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action, Event, PublishedEvent, Request, Target, check_event_id
from portcall.schemas.extras import SentExtras
from portcall.schemas.timestamps import sent_timestamp

SPECVERSION = "1.0"
ACTIONS = {
    "Microsoft.ContainerRegistry.ImagePushed": Action.PUSH,
    "Microsoft.ContainerRegistry.ImageDeleted": Action.DELETE,
    "Microsoft.ContainerRegistry.ChartPushed": Action.CHART_PUSH,
    "Microsoft.ContainerRegistry.ChartDeleted": Action.CHART_DELETE,
}
HEADERS = ("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time")
_NO_DATA = (b"null", b'""')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class CloudEvent(Struct, frozen=True):
    """The attributes that Portcall reads; others are ignored."""

    specversion: str | None = None
    id: str | None = None
    source: str | None = None
    type: str | None = None
    time: str | None = None
    data: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    data_base64: str | None = None


class RegistryData(Struct, frozen=True):
    """A registry event as a CloudEvent's data; the CloudEvent's type may give the action."""

    target: Target
    action: str | None = None
    id: str | None = None
    timestamp: str | None = None
    request: Request | None = None
    portcall: SentExtras | None = None


_decode_one = msgspec.json.Decoder(CloudEvent)
_decode_batch = msgspec.json.Decoder(list[CloudEvent])
_decode_data = msgspec.json.Decoder(RegistryData)


def read_structured(body: bytes, acceptance: Acceptance) -> Translation:
    """Read one CloudEvent, attributes and data in one JSON object.

    Raises:
        InvalidValueError: It is wrong; ``field`` is the path of the attribute or of the data.
    """
    return Translation([_accepted(decode(_decode_one, body), acceptance, "")])


def read_batch(body: bytes, acceptance: Acceptance) -> Translation:
    """Read an array of CloudEvents; all or nothing.

    Raises:
        InvalidValueError: One is wrong; ``field`` begins with its position.
    """
    batch = decode(_decode_batch, body)
    check_count(len(batch))
    return Translation(
        [_accepted(event, acceptance, f"[{index}]") for index, event in enumerate(batch)]
    )


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether a request of a JSON type is one CloudEvent with its attributes as headers."""
    return any(map(headers.get, HEADERS))


def read_binary(headers: Mapping[str, str], body: bytes, acceptance: Acceptance) -> Translation:
    """Read one CloudEvent, attributes as ``ce-`` headers, the body its data.

    Raises:
        InvalidValueError: It is wrong; ``field`` is the header, or the path in the body.
    """
    values = {name: attribute(headers[name]) if name in headers else None for name in HEADERS}
    attributes = CloudEvent(
        specversion=values["ce-specversion"],
        id=values["ce-id"],
        source=values["ce-source"],
        type=values["ce-type"],
        time=values["ce-time"],
    )
    _check_attributes(attributes, "ce-")
    published = _published(attributes, decode(_decode_data, body), "ce-", "")
    return Translation([acceptance.accept(published)])


def attribute(value: str) -> str:
    """An attribute in a ``ce-`` header: quotes come off first, then it is percent-decoded once.

    Source: CloudEvents 1.0.2, "HTTP Protocol Binding", 3.1.3.2. Senders of today write no quotes.
    """
    quoted = _QUOTED.fullmatch(value.strip())
    return unquote(_ESCAPED.sub(r"\1", quoted[1]) if quoted else value)


def _accepted(event: CloudEvent, acceptance: Acceptance, path: str) -> Event:
    prefix = f"{path}." if path else ""
    _check_attributes(event, prefix)
    where = f"{prefix}data"
    data = decode(_decode_data, _data_of(event, prefix), where)
    return acceptance.accept(_published(event, data, prefix, where), where)


def _check_attributes(event: CloudEvent, prefix: str) -> None:
    """Check the attributes that every CloudEvent must have; *prefix* goes before their names."""
    if not event.specversion:
        raise InvalidValueError(f"{prefix}specversion", "is required")
    if event.specversion != SPECVERSION:
        raise InvalidValueError(
            f"{prefix}specversion", f"{event.specversion[:32]!r} is not read here; send 1.0"
        )
    for name in ("id", "source", "type"):
        if not getattr(event, name):
            raise InvalidValueError(f"{prefix}{name}", "is required")


def _data_of(event: CloudEvent, prefix: str) -> bytes:
    """The JSON of an event's data, which may be in base64."""
    data = bytes(event.data)
    if not event.data_base64:
        if data in _NO_DATA:
            raise InvalidValueError(f"{prefix}data", "is required")
        return data
    if data not in _NO_DATA:
        raise InvalidValueError(f"{prefix}data_base64", "must not come with data; send one of them")
    try:
        return base64.b64decode(event.data_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidValueError(f"{prefix}data_base64", "is not base64") from error


def _published(event: CloudEvent, data: RegistryData, prefix: str, where: str) -> PublishedEvent:
    """The registry event in a CloudEvent: its own id and time, or else the CloudEvent's.

    Both times are read, so that an unreadable one is refused by its own name.
    """
    event_id = data.id
    if not event_id and event.id:
        event_id = check_event_id(event.id, f"{prefix}id")
    time = sent_timestamp(event.time or "", f"{prefix}time")
    own_time = sent_timestamp(data.timestamp or "", joined(where, "timestamp"))
    return PublishedEvent(
        action=_action(event.type or "", data.action or None, prefix, where),
        target=data.target,
        id=event_id,
        timestamp=own_time or time,
        request=data.request,
        portcall=data.portcall,
    )


def _action(kind: str, action: str | None, prefix: str, where: str) -> str:
    """The action: from the type, or else from the data; they may not contradict each other."""
    meant = ACTIONS.get(kind)
    if meant is None and action is None:
        raise InvalidValueError(
            f"{prefix}type",
            f"{kind[:64]!r} says no action, and the data has none; use one of"
            f" {', '.join(ACTIONS)}, or put an action into the data",
        )
    if meant is not None and action is not None and action != meant:
        raise InvalidValueError(
            joined(where, "action"), f"{action[:32]!r} contradicts the type {kind}"
        )
    return action if action is not None else str(meant)
