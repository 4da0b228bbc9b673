"""Amazon ECR, by an EventBridge rule whose target is an API destination.

====================================================  ==================================
detail-type                                           becomes
====================================================  ==================================
ECR Image Action, ECR Referrer Action: PUSH           push
the same: DELETE, with a digest                       delete
the same: DELETE, with a tag only                     nothing: ``tag_delete``
any of these with a result other than SUCCESS         nothing: ``failure``
ECR Replication Action                                nothing: ``replication``
ECR Image Scan                                        nothing: ``scan``
any other                                             nothing: ``other_type``
====================================================  ==================================

With the setting ``replication = push`` a replication action counts as an image action.

Source: "Amazon ECR events and EventBridge" of the ECR user guide, and the events reference.
"""

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest
from portcall.producer.sources.fields import (
    Told,
    event_id,
    found,
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

_IMAGE_ACTIONS = ("ECR Image Action", "ECR Referrer Action")
_REPLICATION = "ECR Replication Action"
_PASSED = {_REPLICATION: "replication", "ECR Image Scan": "scan"}
_ACTIONS = {"PUSH": "push", "DELETE": "delete"}


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one event of EventBridge.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return read_object(request, request.body, acceptance, _found)


def _found(request: SourceRequest, sent: object) -> Found:
    reason = _why_ignored(request, sent)
    if reason:
        return ignored(
            reason,
            action=text(sent, "detail", "action-type") or text(sent, "detail-type"),
            repository=text(sent, "detail", "repository-name"),
            tag=text(sent, "detail", "image-tag"),
        )
    return found(_told(request, sent))


def _why_ignored(request: SourceRequest, sent: object) -> str:
    """Why an event is none of ours; empty: it is one."""
    kind = text(sent, "detail-type")
    counts = kind == _REPLICATION and request.options.get("replication") == "push"
    if kind not in _IMAGE_ACTIONS and not counts:
        return _PASSED.get(kind, "other_type")
    if text(sent, "detail", "result") not in ("SUCCESS", ""):
        return "failure"
    return "" if text(sent, "detail", "action-type") in _ACTIONS else "other_action"


def _told(request: SourceRequest, sent: object) -> Told:
    detail, own_id = part(sent, "detail"), text(sent, "id")
    action = _ACTIONS[text(detail, "action-type")]
    media_type = text(detail, "manifest-media-type")
    tag, _ = tag_or_digest(text(detail, "image-tag"))
    return Told(
        action=action,
        repository=text(detail, "repository-name"),
        tag=tag,
        digest=text(detail, "image-digest"),
        id=event_id(own_id),
        time=time_of(part(sent, "time")),
        media_type=media_type,
        request=made_request(action, own_id, host_of(request, _host(sent))),
        extras=Extras(
            artifact_type=artifact_type(media_type, text(detail, "artifact-media-type"), tag),
            source_id=own_id,
        ),
    )


def _host(sent: object) -> str:
    """The registry's host, which follows from account and region."""
    account, region = text(sent, "account"), text(sent, "region")
    if not account or not region:
        return ""
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{domain}"
