"""Sonatype Nexus 3: the capability "Webhook: Repository" with the event type component.

====================================================  ==================================
message                                               becomes
====================================================  ==================================
component CREATED, UPDATED                            push
component DELETED, named by its tag                   nothing: ``tag_delete``
component DELETED, named by its digest                delete
PURGED                                                nothing: ``purged``
a component that is not of format docker              nothing: ``other_format``
an asset                                              nothing: ``asset``
====================================================  ==================================

Settings: ``host``, where clients pull from; ``names``: ``path`` (the default) writes a repository
as ``<repository>/<image>``, ``bare`` as ``<image>``, for a connector with a port of its own.

Source: Sonatype's nexus-public, WebhookServiceImpl.java and RepositoryComponentWebhook.java.
"""

import re

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest
from portcall.producer.sources.fields import (
    Told,
    event_id,
    found,
    hashed_id,
    header,
    host_of,
    ignored,
    made_request,
    part,
    read_object,
    tag_or_digest,
    text,
    time_of,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.extras import Extras

_ADDRESS = re.compile(r"[0-9a-fA-F.:]*", re.ASCII)
_ACTIONS = {"CREATED": "push", "UPDATED": "push", "DELETED": "delete"}


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one webhook's POST.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return read_object(request, request.body, acceptance, _found)


def _found(request: SourceRequest, sent: object) -> Found:
    reason = _why_ignored(sent)
    if reason:
        return ignored(
            reason,
            action=text(sent, "action"),
            repository=text(sent, "component", "name"),
            tag=text(sent, "component", "version"),
        )
    return found(_told(request, sent))


def _why_ignored(sent: object) -> str:
    """Why an event is none of ours; empty: it is one."""
    action = text(sent, "action")
    if action == "PURGED":
        return "purged"
    if part(sent, "asset") is not None:
        return "asset"
    if part(sent, "component") is None:
        return "other_type"
    if text(sent, "component", "format") != "docker":
        return "other_format"
    return "" if action in _ACTIONS else "other_action"


def _told(request: SourceRequest, sent: object) -> Told:
    component, time = part(sent, "component"), text(sent, "timestamp")
    action = _ACTIONS[text(sent, "action")]
    repository = _repository(request, sent)
    tag, digest = tag_or_digest(text(component, "version"))
    delivery = header(request, "x-nexus-webhook-delivery")
    event = event_id(delivery)
    if not event and time:
        event = hashed_id("nexus", text(sent, "action"), repository, tag, digest, time)
    return Told(
        action=action,
        repository=repository,
        tag=tag,
        digest=digest,
        id=event,
        time=time_of(time),
        request=made_request(action, event, host_of(request, "")),
        extras=Extras(
            actor=_actor(text(sent, "initiator")),
            artifact_type=artifact_type(tag=tag),
            source_id=delivery or text(component, "componentId"),
        ),
    )


def _actor(initiator: str) -> str:
    """The user of ``user/address``."""
    user, _, address = initiator.rpartition("/")
    return user if user and _ADDRESS.fullmatch(address) else initiator


def _repository(request: SourceRequest, sent: object) -> str:
    """The name as clients write it; without an image it is empty."""
    image, within = text(sent, "component", "name"), text(sent, "repositoryName")
    if request.options.get("names") == "bare" or not within or not image:
        return image
    return f"{within}/{image}"
