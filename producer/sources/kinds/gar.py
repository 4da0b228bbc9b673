"""Google Artifact Registry and gcr.io, by a Pub/Sub push subscription, wrapped or unwrapped.

====================================================  ==================================
message                                               becomes
====================================================  ==================================
INSERT with a tag, a digest or both                   push
DELETE with a digest                                  delete
DELETE with a tag only                                nothing: ``tag_delete``
any other action                                      nothing: ``other_action``
====================================================  ==================================

Pub/Sub repeats what is refused for up to seven days, so a message that cannot be read is ignored.

Source: Google's "Configure Pub/Sub notifications" of Artifact Registry, and "Push subscriptions".
"""

import base64
import binascii

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest, translated
from portcall.producer.sources.fields import (
    Told,
    event_id,
    found,
    hashed_id,
    header,
    host_of,
    ignored,
    made_request,
    parsed,
    part,
    split_host,
    split_reference,
    text,
    time_of,
    unreadable,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.extras import Extras

_ACTIONS = {"INSERT": "push", "DELETE": "delete"}


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one push of Pub/Sub: the message in its envelope, or the message's data alone.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return translated([_found(request, parsed(request.body))], acceptance)


def _found(request: SourceRequest, body: object) -> Found:
    if not isinstance(body, dict):
        return unreadable("", "a message must be an object", sent=body)
    message = part(body, "message")
    if not isinstance(message, dict):
        own_id = header(request, "x-goog-pubsub-message-id")
        return _change(request, body, own_id, header(request, "x-goog-pubsub-publish-time"))
    try:
        data = _data(message)
    except InvalidValueError as problem:
        return Found("", None, problem=problem)
    return _change(request, data, _first(message, "messageId"), _first(message, "publishTime"))


def _first(message: object, name: str) -> str:
    """A field of the envelope, which has each in two spellings."""
    snake = {"messageId": "message_id", "publishTime": "publish_time"}[name]
    return text(message, name) or text(message, snake)


def _data(message: object) -> object:
    """The JSON in a message's data.

    Raises:
        InvalidValueError: The data is not base64 of JSON.
    """
    encoded = part(message, "data")
    field = "message.data"
    if not isinstance(encoded, str):
        raise InvalidValueError(field, "is required")
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValueError(field, "is not base64") from None
    try:
        return parsed(decoded)
    except InvalidValueError as problem:
        raise InvalidValueError(field, problem.problem) from None


def _change(request: SourceRequest, data: object, own_id: str, time: str) -> Found:
    """The change that a message's data tells of."""
    action = _ACTIONS.get(text(data, "action"))
    if action is None:
        return ignored("other_action", action=text(data, "action"))
    name, tag, _ = split_reference(text(data, "tag"))
    digest_name, _, digest = split_reference(text(data, "digest"))
    host, repository = split_host(digest_name or name)
    event = event_id(own_id)
    if not event and time:
        event = hashed_id("gar", action, host, repository, tag, digest, time)
    return found(
        Told(
            action=action,
            repository=repository,
            tag=tag,
            digest=digest,
            id=event,
            time=time_of(time),
            request=made_request(action, event, host_of(request, host)),
            extras=Extras(artifact_type=artifact_type(tag=tag), source_id=own_id),
        )
    )
