"""GitHub Container Registry: GitHub's webhook events ``package`` and ``registry_package``.

====================================================  ==================================
message                                               becomes
====================================================  ==================================
published or updated, of a container                  push
a package of another type                             nothing: ``other_format``
any other action                                      nothing: ``other_action``
ping                                                  nothing: ``ping``
any other event of GitHub                             nothing: ``other_type``
====================================================  ==================================

GitHub tells no deletion. A body may be a form with the JSON in ``payload``.

Source: octokit/webhooks, payload-schemas and payload-examples; GitHub's documentation.
"""

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
    size,
    split_host,
    split_reference,
    tag_or_digest,
    text,
    time_of,
)
from portcall.producer.sources.forms import form_or_json
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.extras import Extras

_FORMATS = ("container", "docker")


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one webhook's POST.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return read_object(request, form_or_json(request.body), acceptance, _found)


def _found(request: SourceRequest, sent: object) -> Found:
    package = part(sent, "package") or part(sent, "registry_package")
    reason = _why_ignored(sent, package)
    if reason:
        return ignored(reason, action=text(sent, "action"), repository=text(package, "name"))
    return found(_told(request, sent, package))


def _why_ignored(sent: object, package: object) -> str:
    """Why an event is none of ours; empty: it is one."""
    if package is None:
        return "ping" if part(sent, "zen") is not None else "other_type"
    kinds = text(package, "package_type").lower(), text(package, "ecosystem").lower()
    if not any(kind in _FORMATS for kind in kinds):  # GitHub's example has them in one or the other
        return "other_format"
    return "" if text(sent, "action") in ("published", "updated") else "other_action"


def _told(request: SourceRequest, sent: object, package: object) -> Told:
    version = part(package, "package_version")
    metadata = part(version, "container_metadata")
    manifest = part(metadata, "manifest")
    owner = text(package, "owner", "login") or text(package, "namespace")
    name, _, _ = split_reference(text(version, "package_url"))
    host, path = split_host(name)
    repository = f"{owner.lower()}/{text(package, 'name')}" if owner else path
    tag, by_tag = tag_or_digest(text(metadata, "tag", "name"))
    _, by_version = tag_or_digest(text(version, "version"))
    digest = by_version or text(metadata, "tag", "digest") or text(manifest, "digest") or by_tag
    moment = text(package, "updated_at") or text(version, "updated_at")
    delivery = header(request, "x-github-delivery")
    event = event_id(delivery)
    if not event and moment:
        event = hashed_id("ghcr", text(sent, "action"), repository, digest, tag, moment)
    media_type = text(manifest, "media_type")
    bytes_ = size(manifest, "size")
    return Told(
        action="push",
        repository=repository,
        tag=tag,
        digest=digest,
        id=event,
        time=time_of(moment),
        media_type=media_type,
        size=bytes_,
        length=bytes_,
        request=made_request("push", event, host_of(request, host or "ghcr.io")),
        extras=Extras(
            actor=text(sent, "sender", "login"),
            artifact_type=artifact_type(media_type, text(manifest, "config", "media_type"), tag),
            source_id=delivery,
        ),
    )
