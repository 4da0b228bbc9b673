"""The format ``distribution``: the notifications of docker-registry 2.8.

Source: distribution/distribution, notifications/event.go of 2.8.
"""

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded, present
from portcall.schemas.formats.results import Rendered, Result
from portcall.schemas.formats.saying import omitted

CONTENT_TYPE = "application/vnd.docker.distribution.events.v1+json"
_ACTIONS = frozenset((Action.PUSH, Action.DELETE))
_NOTHING = encoded({"events": []})
"""A ping: an envelope without events."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    del options
    if facts.is_ping:
        return Rendered(_NOTHING)
    if instead := omitted(facts, "distribution", actions=_ACTIONS):
        return instead
    return Rendered(encoded({"events": [_event(facts)]}))


def _event(facts: Facts) -> dict[str, object]:
    target, request = facts.target, facts.request
    return {
        "id": facts.id,
        "timestamp": facts.time,
        "action": facts.action,
        "target": present(
            {
                "mediaType": target.media_type,
                "size": target.size,
                "digest": target.digest,
                "length": target.length,
                "repository": target.repository,
                "url": _url(facts),
                "tag": target.tag,
            }
        ),
        "request": present(
            {
                "id": request.id,
                "host": facts.host,
                "method": request.method or ("DELETE" if facts.is_delete else "PUT"),
                "useragent": request.useragent,
            }
        ),
        "actor": present({"name": facts.actor}),
        "source": {},
    }


def _url(facts: Facts) -> str:
    """Where the manifest is; Keel and Jenkins read the host here."""
    if not facts.digest or facts.is_delete:
        return ""
    return f"https://{facts.host}/v2/{facts.repository}/manifests/{facts.digest}"
