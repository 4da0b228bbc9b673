"""Harness Artifact Registry (and Gitness): its registry webhooks, for images and charts.

====================================================  ==================================
trigger                                               becomes
====================================================  ==================================
artifact_created                                      push
artifact_deleted, with a digest                       delete
artifact_deleted, with a tag only                     nothing: ``tag_delete``
an artifact that is neither DOCKER nor HELM           nothing: ``other_format``
any other trigger                                     nothing: ``other_type``
====================================================  ==================================

A message has neither id nor time, so each gets an id of its own.

Source: harness/harness, registry/services/webhook and registry/app/events/artifact.
"""

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest
from portcall.producer.sources.fields import (
    Told,
    found,
    host_of,
    ignored,
    made_request,
    part,
    read_object,
    split_host,
    split_reference,
    tag_or_digest,
    text,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.extras import Extras

_ACTIONS = {"artifact_created": "push", "artifact_deleted": "delete"}
_FORMATS = {"DOCKER": "", "HELM": "helm"}


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
            action=text(sent, "trigger"),
            repository=text(sent, "artifact_info", "name"),
            tag=text(sent, "artifact_info", "version"),
        )
    return found(_told(request, sent))


def _why_ignored(sent: object) -> str:
    """Why an event is none of ours; empty: it is one."""
    if text(sent, "trigger") not in _ACTIONS:
        return "other_type"
    return "" if text(sent, "artifact_info", "type").upper() in _FORMATS else "other_format"


def _told(request: SourceRequest, sent: object) -> Told:
    described = part(sent, "artifact_info")
    artifact = part(described, "artifact")
    action = _ACTIONS[text(sent, "trigger")]
    address = text(artifact, "url").removeprefix("oci://").removeprefix("https://")
    name, address_tag, address_digest = split_reference(address)
    host, repository = split_host(name)
    tag, by_tag = tag_or_digest(text(artifact, "tag") or address_tag or text(described, "version"))
    return Told(
        action=action,
        repository=repository if host else _repository(sent),
        tag=tag,
        digest=text(artifact, "digest") or address_digest or by_tag,
        request=made_request(action, "", host_of(request, host)),
        extras=Extras(
            actor=text(sent, "principal", "uid"),
            artifact_type=_FORMATS[text(described, "type").upper()] or artifact_type(tag=tag),
        ),
    )


def _repository(sent: object) -> str:
    """The name that follows from the registry's and the artifact's."""
    within, name = text(sent, "registry", "name"), text(sent, "artifact_info", "name")
    return f"{within}/{name}" if within and name else name
