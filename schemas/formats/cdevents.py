"""The format ``cdevents``: CDEvents 0.4 or 0.5, in a CloudEvent.

Flux filters by the header ``Ce-Type`` and reads version 0.4: so the default is 0.4 in binary mode.

Source: cdevents/spec, conformance/artifact_*.json and cloudevents-binding.md of 0.4.1 and 0.5.1;
fluxcd/notification-controller, internal/server/receiver_handlers.go; the purl type ``oci``.
"""

from functools import lru_cache
from urllib.parse import quote

import msgspec

from portcall.schemas.events import Action
from portcall.schemas.formats.cloudevents import DATA, binary_headers
from portcall.schemas.formats.facts import Facts, Options, encoded, present
from portcall.schemas.formats.results import Rendered, Result
from portcall.schemas.formats.saying import omitted

_ACTIONS = frozenset((Action.PUSH, Action.DELETE, Action.CHART_PUSH, Action.CHART_DELETE))
OLD, NEW = "0.4", "0.5"
_VERSIONS = {OLD: "0.4.1", NEW: "0.5.1"}
_PUBLISHED, _DELETED = "dev.cdevents.artifact.published", "dev.cdevents.artifact.deleted"
_TYPES = {
    OLD: {_PUBLISHED: f"{_PUBLISHED}.0.2.0", _DELETED: f"{_DELETED}.0.1.0"},
    NEW: {_PUBLISHED: f"{_PUBLISHED}.0.3.0", _DELETED: f"{_DELETED}.0.2.0"},
}
PING_TYPE = "dev.cdeventsx.portcall-webhook.pinged.0.1.0"
"""A custom event: the vocabulary has no ping. Source: custom/README.md of the specification."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    if not facts.is_ping and (instead := omitted(facts, "CDEvents", actions=_ACTIONS)):
        return instead
    version = options.get("version", OLD)
    event_type, subject = _subject(facts, version)
    source = f"https://{facts.host}/{facts.repository}".rstrip("/")
    context = {
        "version" if version == OLD else "specversion": _VERSIONS[version],
        "id": facts.id,
        "source": source,
        "type": event_type,
        "timestamp": facts.time,
    }
    event = {
        "context": context,
        "subject": {**subject, "source": source},
        "customData": msgspec.Raw(facts.event.body),
        "customDataContentType": DATA,
    }
    attributes: dict[str, object] = {
        "specversion": "1.0",
        "id": facts.id,
        "source": source,
        "type": event_type,
        "subject": subject["id"],
        "time": facts.time,
    }
    if options.get("mode", "binary") == "binary":
        return Rendered(encoded(event), binary_headers(attributes))
    return Rendered(encoded({**attributes, "datacontenttype": DATA, "data": event}))


def _subject(facts: Facts, version: str) -> tuple[str, dict[str, object]]:
    """The type of the event, and its subject without the source."""
    if facts.is_ping:
        subject: dict[str, object] = {"id": facts.event.registry, "content": {}}
        return PING_TYPE, subject if version == NEW else {**subject, "type": "portcall-webhook"}
    event_type = _TYPES[version][_DELETED if facts.is_delete else _PUBLISHED]
    subject = {"id": purl(facts), "content": present({"user": facts.actor})}
    return event_type, subject if version == NEW else {**subject, "type": "artifact"}


def purl(facts: Facts) -> str:
    """The package URL of an image; without a digest it has no version."""
    path = _quoted(f"{facts.host}/{facts.repository}")
    name = _quoted(facts.repository.rpartition("/")[2].lower())
    algorithm, _, value = facts.digest.partition(":")
    version = f"@{_quoted(algorithm)}%3A{value}" if value else ""
    tag = f"&tag={_quoted(facts.tag)}" if facts.tag else ""
    return f"pkg:oci/{name}{version}?repository_url={path}{tag}"


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    """A part of a package URL; the same few names recur."""
    return quote(text, safe="/")
