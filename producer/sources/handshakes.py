"""Handshakes: what a source asks before it sends events, and the answer that it wants.

Portcall answers in the response only. It never calls an address out of a request: a validation URL
or a ``WebHook-Request-Callback`` chosen by a sender would let that sender reach our network.

Source: Microsoft's "Endpoint validation with Event Grid event schema" and "... with CloudEvents
schema"; CloudEvents "HTTP 1.1 Web Hooks for Event Delivery", section 4.
"""

import re
from collections.abc import Mapping

import msgspec

from portcall.producer.sources.adapter import SourceRequest
from portcall.producer.sources.fields import elements, header, parsed, text
from portcall.schemas.errors import InvalidValueError

VALIDATION_TYPE = "Microsoft.EventGrid.SubscriptionValidationEvent"
EVENT_TYPE_HEADER = "aeg-event-type"
_NOTIFICATION = "notification"
_ORIGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", re.ASCII)
"""A DNS name, as the specification wants it."""


def eventgrid_validation(request: SourceRequest) -> bytes | None:
    """The body of the 200 that validates an Event Grid subscription; None: nothing asks for one.

    Only call it for a request with a valid proof. The event may be alone or one of a batch; the
    events beside it are still to be read. Event Grid takes no other status than 200 here.
    """
    if header(request, EVENT_TYPE_HEADER).lower() == _NOTIFICATION:
        return None
    if VALIDATION_TYPE.encode() not in request.body:
        return None
    try:
        body = parsed(request.body)
    except InvalidValueError:
        return None
    for _, item in elements(body):
        code = text(item, "data", "validationCode")
        if code and text(item, "eventType") == VALIDATION_TYPE:
            return msgspec.json.encode({"validationResponse": code})
    return None


def options_answer(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The headers of the 200 to an OPTIONS request that asks for leave to send CloudEvents.

    None: it does not ask, like a browser's preflight; answer it without any of these headers. The
    rate is not limited. ``WebHook-Request-Callback`` is ignored: this answer makes it needless.
    """
    given = {name.lower(): value for name, value in headers.items()}
    origin = given.get("webhook-request-origin", "").strip()
    if not _ORIGIN.fullmatch(origin):
        return None
    return {"Allow": "POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
