"""The format ``distribution``: the notifications of docker-registry 2.8.

Source: distribution/distribution, notifications/event.go of 2.8.
"""

import uuid

from msgspec import Struct

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import Rendered, Result
from portcall.schemas.formats.saying import omitted

CONTENT_TYPE = "application/vnd.docker.distribution.events.v1+json"
_ACTIONS = frozenset((Action.PUSH, Action.DELETE))
_IDS = uuid.UUID("b1f0c5a4-0e3b-5d0c-9a55-7c2f9d1e4b60")
"""The namespace of the ids of deleted tags: the same on each attempt."""
_NOTHING = encoded({"events": []})
"""A ping: an envelope without events."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    del options
    if facts.is_ping:
        return Rendered(_NOTHING)
    if instead := omitted(facts, "distribution", actions=_ACTIONS):
        return instead
    event = _event(facts)
    return Rendered(encoded({"events": [event, *_tag_deletes(event, facts)]}))


def _tag_deletes(event: dict[str, object], facts: Facts) -> list[dict[str, object]]:
    """A delete of each tag that went with a manifest, with the id of the same request.

    A registry reports them so, but sends each in a separate envelope.
    """
    return [
        {
            **event,
            "id": str(uuid.uuid5(_IDS, f"{facts.event.registry}/{facts.id}/{tag}")),
            "target": {"repository": facts.repository, "tag": tag},
        }
        for tag in facts.tags
    ]


class _Target(Struct, omit_defaults=True, rename="camel"):
    """The manifest or the tag; unknown fields are left out."""

    media_type: str | None = None
    size: int | None = None
    digest: str | None = None
    length: int | None = None
    repository: str | None = None
    url: str | None = None
    tag: str | None = None


class _Request(Struct, omit_defaults=True):
    """The request to the registry; unknown fields are left out."""

    id: str | None = None
    host: str | None = None
    method: str | None = None
    useragent: str | None = None


def _event(facts: Facts) -> dict[str, object]:
    target, request = facts.target, facts.request
    return {
        "id": facts.id,
        "timestamp": facts.time,
        "action": facts.action,
        "target": _Target(
            media_type=target.media_type or None,
            size=target.size,
            digest=target.digest or None,
            length=target.length,
            repository=target.repository or None,
            url=_url(facts),
            tag=target.tag or None,
        ),
        "request": _Request(
            id=request.id or None,
            host=facts.host or None,
            method=request.method or ("DELETE" if facts.is_delete else "PUT"),
            useragent=request.useragent or None,
        ),
        "actor": {"name": facts.actor} if facts.actor else {},
        "source": {},
    }


def _url(facts: Facts) -> str | None:
    """Where the manifest is; Keel and Jenkins read the host here."""
    if not facts.digest or facts.is_delete:
        return None
    return f"https://{facts.host}/v2/{facts.repository}/manifests/{facts.digest}"
