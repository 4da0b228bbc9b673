"""Harbor: a project's webhook policy, in the Default or the CloudEvents format.

====================================================  ==================================
message                                               becomes
====================================================  ==================================
PUSH_ARTIFACT, harbor.artifact.pushed                 push, one for each resource
DELETE_ARTIFACT, harbor.artifact.deleted              delete, one for each resource
PULL_ARTIFACT, harbor.artifact.pulled                 nothing: ``pull``
scans, quotas, replication, retention                 nothing: ``scan``, ``quota``, …
any other type                                        nothing: ``other_type``
====================================================  ==================================

Retention deletes by the normal API: each deletion is a DELETE_ARTIFACT of its own, so the summary
must not be one more. The Default format has no id: the event's id is a hash of what it says.

Source: goharbor/harbor, src/pkg/notifier/formats and src/controller/event.
"""

from collections.abc import Iterator

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest, translated
from portcall.producer.sources.fields import (
    Told,
    ce_header,
    elements,
    event_id,
    found,
    hashed_id,
    host_of,
    ignored,
    made_request,
    over_limit,
    parsed,
    part,
    split_host,
    split_reference,
    tag_or_digest,
    text,
    time_of,
    unreadable,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.extras import Extras

_ACTIONS = {
    "PUSH_ARTIFACT": "push",
    "harbor.artifact.pushed": "push",
    "pushImage": "push",
    "DELETE_ARTIFACT": "delete",
    "harbor.artifact.deleted": "delete",
    "deleteImage": "delete",
}
_REASONS = (
    ("PULL_", "pull"),
    ("pullImage", "pull"),
    ("harbor.artifact.pulled", "pull"),
    ("SCANNING_", "scan"),
    ("harbor.scan.", "scan"),
    ("QUOTA_", "quota"),
    ("harbor.quota.", "quota"),
    ("REPLICATION", "replication"),
    ("harbor.replication.", "replication"),
    ("TAG_RETENTION", "retention"),
    ("harbor.tag_retention.", "retention"),
)


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one POST of a webhook policy.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return translated(_all(request, parsed(request.body)), acceptance)


def _all(request: SourceRequest, sent: object) -> Iterator[Found]:
    if not isinstance(sent, dict):
        yield unreadable("", "an event must be an object", sent=sent)
        return
    kind = text(sent, "type") or ce_header(request, "type")
    content = part(sent, "event_data") or part(sent, "data")
    if kind not in _ACTIONS:
        reason = next((word for start, word in _REASONS if kind.startswith(start)), "other_type")
        yield ignored(reason, action=kind, repository=text(content, "repository", "repo_full_name"))
        return
    resources = part(content, "resources")
    if not isinstance(resources, list) or not resources:
        yield ignored("no_resources", action=kind)
        return
    place = "event_data.resources" if "event_data" in sent else "data.resources"
    for index, (path, resource) in enumerate(elements(resources, place)):
        yield found(_told(request, sent, content, resource, index), path)
    yield from over_limit(resources)


def _told(
    request: SourceRequest, sent: object, content: object, resource: object, index: int
) -> Told:
    kind = text(sent, "type") or ce_header(request, "type")
    action = _ACTIONS[kind]
    name, _, _ = split_reference(text(resource, "resource_url"))
    host, path = split_host(name)
    repository = text(content, "repository", "repo_full_name") or path
    tag, by_tag = tag_or_digest(text(resource, "tag"))
    digest = text(resource, "digest") or by_tag
    own_id = text(sent, "id") or ce_header(request, "id")
    moment = part(sent, "occur_at") or part(sent, "time")
    suffixed = f"{own_id}-{index}" if own_id and index else own_id
    event = event_id(suffixed)
    if not event and moment:
        event = hashed_id("harbor", kind, repository, digest, tag, repr(moment)[:64])
    return Told(
        action=action,
        repository=repository,
        tag=tag,
        digest=digest,
        id=event,
        time=time_of(moment),
        request=made_request(action, text(sent, "requestid") or event, host_of(request, host)),
        extras=Extras(
            actor=text(sent, "operator"), artifact_type=artifact_type(tag=tag), source_id=own_id
        ),
    )
