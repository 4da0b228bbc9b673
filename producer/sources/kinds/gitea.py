"""Gitea and Forgejo: the webhook event ``package``.

====================================================  ==================================
message                                               becomes
====================================================  ==================================
created, of a container                               push
deleted, of a container, named by its digest          delete
deleted, of a container, named by its tag             nothing: ``tag_delete``
a package of another type                             nothing: ``other_format``
any other action                                      nothing: ``other_action``
any other event                                       nothing: ``other_type``
====================================================  ==================================

A tag's event has no digest. A body may be a form with the JSON in ``payload``.

Source: go-gitea/gitea and Forgejo, services/webhook and modules/structs.
"""

from urllib.parse import urlsplit

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
from portcall.producer.sources.forms import form_or_json
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.extras import Extras

_ACTIONS = {"created": "push", "deleted": "delete"}


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one webhook's POST.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return read_object(request, form_or_json(request.body), acceptance, _found)


def _found(request: SourceRequest, sent: object) -> Found:
    package, action = part(sent, "package"), text(sent, "action")
    if not isinstance(package, dict):
        return ignored("other_type", action=action)
    reason = "" if action in _ACTIONS else "other_action"
    if text(package, "type") != "container":
        reason = "other_format"
    if reason:
        return ignored(reason, action=action, repository=text(package, "name"))
    return found(_told(request, sent, package))


def _told(request: SourceRequest, sent: object, package: object) -> Told:
    action = _ACTIONS[text(sent, "action")]
    owner, name = text(package, "owner", "login"), text(package, "name")
    repository = f"{owner.lower()}/{name}" if owner and name else name
    tag, digest = tag_or_digest(text(package, "version"))
    delivery = header(request, "x-gitea-delivery") or header(request, "x-forgejo-delivery")
    moment = text(package, "created_at")
    event = event_id(delivery)
    if not event and moment:
        event = hashed_id("gitea", action, repository, digest, tag, moment)
    return Told(
        action=action,
        repository=repository,
        tag=tag,
        digest=digest,
        id=event,
        time=time_of(moment) if action == "push" else "",
        request=made_request(action, event, host_of(request, _host(text(package, "html_url")))),
        extras=Extras(
            actor=text(sent, "sender", "login"),
            artifact_type=artifact_type(tag=tag),
            source_id=delivery,
        ),
    )


def _host(address: str) -> str:
    """The host of an address with its port; empty: it has none."""
    try:
        return urlsplit(address).netloc.rpartition("@")[2]
    except ValueError:
        return ""
