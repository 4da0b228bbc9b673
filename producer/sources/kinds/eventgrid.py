"""Azure Event Grid: ACR's events, in Event Grid's own schema and as CloudEvents 1.0, in batches.

====================================================  =============================
event type                                            becomes
====================================================  =============================
Microsoft.ContainerRegistry.ImagePushed               push
Microsoft.ContainerRegistry.ImageDeleted              delete
Microsoft.ContainerRegistry.ChartPushed               chart_push
Microsoft.ContainerRegistry.ChartDeleted              chart_delete
Microsoft.EventGrid.SubscriptionValidationEvent       nothing: ``validation``
any other type                                        nothing: ``other_type``
====================================================  =============================

Each event says itself which schema it has, so a batch may mix them. The answer to a validation is
in `portcall.producer.sources.handshakes`.

Source: Microsoft's "Azure Container Registry as an Event Grid source", "Endpoint validation with
Event Grid event schema", "Event Grid message delivery and retry"; CloudEvents 1.0.2.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import replace

from msgspec import structs

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.formats.cloudevents import ACTIONS
from portcall.producer.sources.adapter import Found, SourceRequest, translated
from portcall.producer.sources.fields import (
    Told,
    ce_header,
    elements,
    event_id,
    found,
    ignored,
    over_limit,
    parsed,
    part,
    text,
    time_of,
    unreadable,
)
from portcall.producer.sources.handshakes import VALIDATION_TYPE
from portcall.producer.sources.kinds.acr import told_of
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one delivery: an event or a batch of them.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return translated(_each(request, parsed(request.body)), acceptance)


def _each(request: SourceRequest, body: object) -> Iterator[Found]:
    if ce_header(request, "specversion") and not isinstance(body, list):
        yield _found(_binary(request, body), "")
        return
    for path, item in elements(body):
        yield _found(item, path)
    yield from over_limit(body)


def _binary(request: SourceRequest, data: object) -> object:
    """The CloudEvent of a request whose attributes are headers."""
    names = ("specversion", "id", "source", "subject", "type", "time")
    return {name: ce_header(request, name) for name in names} | {"data": data}


def _found(item: object, path: str) -> Found:
    if not isinstance(item, dict):
        return unreadable("", "an event must be an object", path, item)
    is_cloud_event = bool(text(item, "specversion"))
    kind = text(item, "type" if is_cloud_event else "eventType")
    if kind == VALIDATION_TYPE:
        return ignored("validation", path)
    action = ACTIONS.get(kind)
    if action is None:
        return ignored("other_type", path, action=kind)
    data = _data(item)
    if not isinstance(data, dict):
        return unreadable("data", "must be an object", path)
    time = part(item, "time" if is_cloud_event else "eventTime")
    return found(_told(data, action, text(item, "id"), time), path)


def _data(item: object) -> object:
    """An event's data; of a CloudEvent it may be base64 of JSON."""
    encoded = part(item, "data_base64")
    if not isinstance(encoded, str):
        return part(item, "data")
    try:
        return parsed(base64.b64decode(encoded))
    except (binascii.Error, ValueError, InvalidValueError):
        return None


def _told(data: object, action: Action, own_id: str, time: object) -> Told:
    """What the data tells; the event around it has an id and a time where the data has none."""
    told = told_of(data, action)
    return replace(
        told,
        id=told.id or event_id(own_id),
        time=told.time or time_of(time),
        extras=structs.replace(told.extras, source_id=own_id),
    )
