"""Quay and Red Hat Quay: a repository's notification of the kind "Push to Repository".

====================================================  ==================================
message                                               becomes
====================================================  ==================================
``updated_tags``                                      push, one for each tag
the same with ``pruned_image_count``                  nothing: ``test``
vulnerability, build, mirror, expiry, quota           nothing: ``scan``, ``build``, …
anything else                                         nothing: ``other_type``
====================================================  ==================================

A message has no type, id, time, digest or actor: each event gets an id of its own.

Source: quay/quay, notifications/notificationevent.py and notificationmethod.py.
"""

from collections.abc import Iterator

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest, translated
from portcall.producer.sources.fields import (
    Told,
    elements,
    found,
    host_of,
    ignored,
    made_request,
    over_limit,
    parsed,
    part,
    split_host,
    tag_or_digest,
    text,
    unreadable,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.extras import Extras

_REASONS = (
    ("vulnerability", "scan"),
    ("build_id", "build"),
    ("threshold_percent", "quota"),
    ("expiring_in", "expiry"),
    ("message", "mirror"),
)


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one notification.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return translated(_all(request, parsed(request.body)), acceptance)


def _all(request: SourceRequest, sent: object) -> Iterator[Found]:
    if not isinstance(sent, dict):
        yield unreadable("", "an event must be an object", sent=sent)
        return
    reason = _why_ignored(sent)
    if reason:
        yield ignored(reason, repository=text(sent, "repository"))
        return
    tags = part(sent, "updated_tags")
    tags = list(tags) if isinstance(tags, dict) else tags
    for path, tag in elements(tags, "updated_tags"):
        if not isinstance(tag, str) or not tag:
            yield unreadable("target.tag", "a tag must be a text", path, sent=tag)
        else:
            yield found(_told(request, sent, text(tag)), path)
    yield from over_limit(tags)


def _why_ignored(sent: dict[object, object]) -> str:
    """Why a message is none of ours; empty: it is one."""
    if "pruned_image_count" in sent:
        return "test"
    if not isinstance(sent.get("updated_tags"), list | dict):
        return next((reason for name, reason in _REASONS if name in sent), "other_type")
    if not sent["updated_tags"]:
        return "no_tags"
    return "" if text(sent, "repository") else "other_type"


def _told(request: SourceRequest, sent: object, name: str) -> Told:
    tag, digest = tag_or_digest(name)
    host, _ = split_host(text(sent, "docker_url"))
    return Told(
        action="push",
        repository=text(sent, "repository"),
        tag=tag,
        digest=digest,
        request=made_request("push", "", host_of(request, host)),
        extras=Extras(artifact_type=artifact_type(tag=tag)),
    )
