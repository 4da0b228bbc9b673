"""zot: CloudEvents of its ``events`` extension, in HTTP's binary or structured mode.

====================================================  ==================================
message                                               becomes
====================================================  ==================================
zotregistry.image.updated                             push
zotregistry.image.deleted, reference is a digest      delete
zotregistry.image.deleted, reference is a tag         nothing: ``tag_delete``
zotregistry.image.scanned, .lint_failed               nothing: ``scan``, ``lint``
zotregistry.repository.created                        nothing: ``repository_created``
any other type                                        nothing: ``other_type``
====================================================  ==================================

No message names its host: the setting ``host`` does.

Source: project-zot/zot, pkg/extensions/events.
"""

from dataclasses import replace

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.formats.told import children_in, platforms_in
from portcall.producer.sources.adapter import Found, SourceRequest
from portcall.producer.sources.fields import (
    MAX_USERAGENT,
    Told,
    ce_header,
    event_id,
    found,
    hashed_id,
    host_of,
    ignored,
    made_request,
    parsed,
    part,
    read_object,
    tag_or_digest,
    text,
    time_of,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.extras import Extras

_ACTIONS = {"zotregistry.image.updated": "push", "zotregistry.image.deleted": "delete"}
_REASONS = {
    "zotregistry.image.scanned": "scan",
    "zotregistry.image.lint_failed": "lint",
    "zotregistry.repository.created": "repository_created",
}


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one CloudEvent.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return read_object(request, request.body, acceptance, _found)


def _found(request: SourceRequest, sent: object) -> Found:
    kind = ce_header(request, "type")
    data = sent if kind else part(sent, "data")
    kind = kind or text(sent, "type")
    if kind not in _ACTIONS:
        reason = _REASONS.get(kind, "other_type")
        return ignored(reason, action=kind, repository=text(data, "name"))
    told = _told(request, sent, data, kind)
    tag, _ = tag_or_digest(text(data, "reference"))
    if told.action == "delete" and tag:
        return found(replace(told, digest=""))
    return found(told)


def _told(request: SourceRequest, sent: object, data: object, kind: str) -> Told:
    action = _ACTIONS[kind]
    tag, by_reference = tag_or_digest(text(data, "reference"))
    digest = text(data, "digest") or by_reference
    own_id = ce_header(request, "id") or text(sent, "id")
    moment = ce_header(request, "time") or text(sent, "time")
    event = event_id(own_id)
    if not event and moment:
        event = hashed_id("zot", kind, text(data, "name"), digest, tag, moment)
    media_type = text(data, "mediaType")
    useragent = text(data, "request", "useragent", limit=MAX_USERAGENT)
    manifest = _manifest(data)
    return Told(
        action=action,
        repository=text(data, "name"),
        tag=tag,
        digest=digest,
        id=event,
        time=time_of(moment),
        media_type=media_type,
        request=made_request(action, event, host_of(request, ""), useragent),
        extras=Extras(
            actor=text(data, "actor", "name"),
            artifact_type=_type(manifest, media_type, tag),
            platforms=tuple(platforms_in(part(manifest, "manifests"))),
            children=tuple(children_in(part(manifest, "manifests"))),
            source_id=own_id,
        ),
    )


def _manifest(data: object) -> object:
    """The manifest in its text; a pusher chooses it, so it may be anything."""
    manifest = part(data, "manifest")
    if not isinstance(manifest, str):
        return None
    try:
        return parsed(manifest.encode(errors="replace"))
    except InvalidValueError:
        return None


def _type(manifest: object, media_type: str, tag: str) -> str:
    config_type = text(manifest, "artifactType") or text(manifest, "config", "mediaType")
    layers = part(manifest, "layers")
    layer_types = [text(each, "mediaType") for each in layers] if isinstance(layers, list) else []
    return artifact_type(media_type, config_type, tag, layer_types)
