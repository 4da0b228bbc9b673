"""The format ``cdevents``: CDEvents 0.4 or 0.5, in a CloudEvent.

Flux filters by the header ``Ce-Type`` and reads version 0.4: so the default is 0.4 in binary mode.

Source: cdevents/spec, conformance/artifact_*.json and cloudevents-binding.md of 0.4.1 and 0.5.1;
fluxcd/notification-controller, internal/server/receiver_handlers.go; the purl type ``oci``.
"""

import re
from functools import lru_cache
from urllib.parse import quote

from portcall.schemas.events import Action
from portcall.schemas.formats.cloudevents import DATA, escaped
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import Headers, Rendered, Result
from portcall.schemas.formats.saying import omitted
from portcall.schemas.formats.shapes import Shape, slot

_ACTIONS = frozenset((Action.PUSH, Action.DELETE, Action.CHART_PUSH, Action.CHART_DELETE))
OLD, NEW = "0.4", "0.5"
_VERSIONS = {OLD: "0.4.1", NEW: "0.5.1"}
_PUBLISHED, _DELETED = "dev.cdevents.artifact.published", "dev.cdevents.artifact.deleted"
_TYPES = {
    OLD: (f"{_PUBLISHED}.0.2.0", f"{_DELETED}.0.1.0"),
    NEW: (f"{_PUBLISHED}.0.3.0", f"{_DELETED}.0.2.0"),
}
"""The types of an artifact's publication and of its deletion, by version."""
PING_TYPE = "dev.cdeventsx.portcall-webhook.pinged.0.1.0"
"""A custom event: the vocabulary has no ping. Source: custom/README.md of the specification."""


_ID, _TIME, _SUBJECT, _BODY = "id", "time", "subject", "body"
"""What differs between the events of one repository."""
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*")
"""A text that needs no quoting in a URL: every tag of an image."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    if not facts.is_ping and (instead := omitted(facts, "CDEvents", actions=_ACTIONS)):
        return instead
    version = options.get("version", OLD)
    is_binary = options.get("mode", "binary") == "binary"
    event_type = PING_TYPE if facts.is_ping else _TYPES[version][facts.is_delete]
    source = _source(facts.host, facts.repository)
    subject = facts.event.registry if facts.is_ping else purl(facts)
    values = {
        _ID: encoded(facts.id),
        _TIME: encoded(facts.time),
        _SUBJECT: encoded(subject),
        _BODY: bytes(facts.event.body),
    }
    shape = _shape(version, is_binary, event_type, source, facts.actor)
    body = shape.filled(values)
    if not is_binary:
        return Rendered(body)
    return Rendered.of(body, _headers(facts.id, source, event_type, subject, facts.time))


@lru_cache(maxsize=1024)
def _source(host: str, repository: str) -> str:
    return f"https://{host}/{repository}".rstrip("/")


@lru_cache(maxsize=1024)
def _shape(
    version: str,
    is_binary: bool,  # noqa: FBT001 (a key of the cache)
    event_type: str,
    source: str,
    actor: str,
) -> Shape:
    """A CDEvent, in binary mode alone and otherwise in its CloudEvent."""
    event = {
        "context": {
            "version" if version == OLD else "specversion": _VERSIONS[version],
            "id": slot(_ID),
            "source": source,
            "type": event_type,
            "timestamp": slot(_TIME),
        },
        "subject": _subject(version, event_type, source, actor),
        "customData": slot(_BODY),
        "customDataContentType": DATA,
    }
    if is_binary:
        return Shape.of(event)
    return Shape.of(
        {
            "specversion": "1.0",
            "id": slot(_ID),
            "source": source,
            "type": event_type,
            "subject": slot(_SUBJECT),
            "time": slot(_TIME),
            "datacontenttype": DATA,
            "data": event,
        }
    )


def _subject(version: str, event_type: str, source: str, actor: str) -> dict[str, object]:
    is_ping = event_type == PING_TYPE
    content = {"user": actor} if actor and not is_ping else {}
    subject: dict[str, object] = {"id": slot(_SUBJECT), "content": content}
    if version == OLD:
        subject["type"] = "portcall-webhook" if is_ping else "artifact"
    subject["source"] = source
    return subject


def _headers(event_id: str, source: str, event_type: str, subject: str, time: str) -> Headers:
    """The attributes as headers of the binary mode."""
    return {
        "ce-specversion": "1.0",
        "ce-id": escaped(event_id),
        "ce-source": _escaped(source),
        "ce-type": event_type,
        "ce-subject": escaped(subject),
        "ce-time": escaped(time),
    }


def purl(facts: Facts) -> str:
    """The package URL of an image; without a digest it has no version."""
    name, place = _named(facts.host, facts.repository)
    algorithm, _, value = facts.digest.partition(":")
    version = f"@{_quoted(algorithm)}%3A{value}" if value else ""
    tag = f"&tag={_tag(facts.tag)}" if facts.tag else ""
    return f"pkg:oci/{name}{version}?repository_url={place}{tag}"


@lru_cache(maxsize=1024)
def _named(host: str, repository: str) -> tuple[str, str]:
    """The name in a package URL, and its place."""
    return _quoted(repository.rpartition("/")[2].lower()), _quoted(f"{host}/{repository}")


def _tag(text: str) -> str:
    """The same as `_quoted`, which would keep tags that do not recur."""
    return text if _PLAIN.fullmatch(text) else quote(text, safe="/")


@lru_cache(maxsize=1024)
def _escaped(text: str) -> str:
    return escaped(text)


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    """A part of a package URL; the same few names recur."""
    return quote(text, safe="/")
