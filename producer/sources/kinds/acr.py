"""Azure Container Registry's own webhooks: their payload is the shape of Portcall's events.

Source: Microsoft's "Azure Container Registry webhook reference".
"""

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest, translated
from portcall.producer.sources.fields import (
    Told,
    event_id,
    found,
    ignored,
    parsed,
    part,
    sent_request,
    size,
    text,
    time_of,
    unreadable,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.events import PING, Action
from portcall.schemas.extras import Extras

_ACTIONS = frozenset(action.value for action in Action)


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one webhook's POST: one event, or a ping.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return translated([_found(parsed(request.body))], acceptance)


def _found(sent: object) -> Found:
    if not isinstance(sent, dict):
        return unreadable("", "an event must be an object", sent=sent)
    action = text(sent, "action")
    if action == PING:
        return ignored(PING, action=action)
    if action not in _ACTIONS:
        repository, tag = text(sent, "target", "repository"), text(sent, "target", "tag")
        return ignored("other_action", action=action, repository=repository, tag=tag)
    return found(told_of(sent, Action(action)))


def told_of(sent: object, action: Action) -> Told:
    """What an event in ACR's shape tells; Event Grid carries the same one as its data."""
    target = part(sent, "target")
    media_type, tag = text(target, "mediaType"), text(target, "tag")
    sent_id = text(sent, "id")
    return Told(
        action=action.value,
        repository=text(target, "repository"),
        tag=tag,
        digest=text(target, "digest"),
        id=event_id(sent_id),
        time=time_of(part(sent, "timestamp")),
        media_type=media_type,
        size=size(target, "size"),
        length=size(target, "length"),
        name=text(target, "name"),
        version=text(target, "version"),
        request=sent_request(part(sent, "request")),
        extras=Extras(
            actor=text(sent, "actor", "name"),
            artifact_type=_type(action, media_type, tag),
            source_id=sent_id,
        ),
    )


def _type(action: Action, media_type: str, tag: str) -> str:
    charts = (Action.CHART_PUSH, Action.CHART_DELETE)
    return "helm" if action in charts else artifact_type(media_type, tag=tag)
