"""Alibaba Cloud Container Registry: a repository's trigger. It tells of pushes only.

Settings: ``host``, where clients pull from (default: that of a personal instance in the region);
``utc_offset``: how far the times, which have no zone, are ahead of UTC (default: ``+08:00``).

Source: Alibaba Cloud's "Use triggers"; the zone is our reading of its examples.
"""

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest
from portcall.producer.sources.fields import (
    Told,
    found,
    hashed_id,
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

_UTC_OFFSET = "+08:00"


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one trigger's POST.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return read_object(request, request.body, acceptance, _found)


def _found(request: SourceRequest, sent: object) -> Found:
    push, repository = part(sent, "push_data"), part(sent, "repository")
    if not isinstance(push, dict) or not isinstance(repository, dict):
        return ignored("other_type")
    return found(_told(request, push, repository))


def _told(request: SourceRequest, push: object, repository: object) -> Told:
    name, pushed_at = _name(repository), text(push, "pushed_at")
    tag, by_tag = tag_or_digest(text(push, "tag"))
    digest = text(push, "digest") or by_tag
    event = hashed_id("alibaba", name, tag, digest, pushed_at) if pushed_at else ""
    return Told(
        action="push",
        repository=name,
        tag=tag,
        digest=digest,
        id=event,
        time=_time(request, pushed_at),
        request=made_request("push", event, host_of(request, _host(repository))),
        extras=Extras(artifact_type=artifact_type(tag=tag)),
    )


def _name(repository: object) -> str:
    """The full name of a repository."""
    full = text(repository, "repo_full_name")
    if full:
        return full
    namespace, name = text(repository, "namespace"), text(repository, "name")
    return f"{namespace}/{name}" if namespace and name else name


def _time(request: SourceRequest, pushed_at: str) -> str:
    """The time of a push, in UTC; a zone that was sent goes before the setting's."""
    zone = request.options.get("utc_offset") or _UTC_OFFSET
    return (len(pushed_at) == len("2026-05-02 17:04:05") and time_of(pushed_at + zone)) or time_of(
        pushed_at
    )


def _host(repository: object) -> str:
    """The host of a personal instance; that of an enterprise instance only its owner knows."""
    region = text(repository, "region")
    return f"registry.{region}.aliyuncs.com" if region else ""
