"""The format ``cloudevents``: CloudEvents 1.0, structured or binary.

The types and the subject are Azure Event Grid's. With the option ``types=image`` the type is one
that Argo CD Image Updater takes: it wants ``image`` or ``container`` in lower case in it.

Source: CloudEvents 1.0.2, "JSON Event Format" and "HTTP Protocol Binding"; Event Grid's schema for
Azure Container Registry.
"""

import re
from collections.abc import Mapping

import msgspec

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import NO_HEADERS, PLAIN_JSON, Headers, Rendered, Result

AZURE_TYPES: Mapping[str, str] = {
    Action.PUSH: "Microsoft.ContainerRegistry.ImagePushed",
    Action.DELETE: "Microsoft.ContainerRegistry.ImageDeleted",
    Action.CHART_PUSH: "Microsoft.ContainerRegistry.ChartPushed",
    Action.CHART_DELETE: "Microsoft.ContainerRegistry.ChartDeleted",
}
"""Event Grid has these four."""
OWN_TYPES: Mapping[str, str] = {
    Action.PUSH: "portcall.image.pushed",
    Action.DELETE: "portcall.image.deleted",
    Action.QUARANTINE: "portcall.image.quarantined",
    Action.CHART_PUSH: "portcall.chart.pushed",
    Action.CHART_DELETE: "portcall.chart.deleted",
    Action.UNTAG: "portcall.image.untagged",
}
PING_TYPE = "portcall.ping"
_TYPES = {"azure": {**OWN_TYPES, **AZURE_TYPES}, "image": OWN_TYPES}
"""By the option ``types``; a type that Event Grid does not have is ours."""
STRUCTURED = "application/cloudevents+json; charset=utf-8"
DATA = PLAIN_JSON
ORIGIN = "WebHook-Request-Origin"
MAX_TAGS = 1024
"""Characters; many servers take 8 KB of headers."""
_PLAIN = frozenset(range(0x21, 0x7F)) - set(b'"%')
_ALL_PLAIN = re.compile(r"[!#$&-~]*")
"""The same, of a whole text: nearly every value."""
_NEARLY = re.compile(r"[!-~]*")
"""The same with what only needs to be replaced: a package URL has ``%``."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    attributes = attributes_of(facts, options)
    if options.get("mode") == "binary":
        return Rendered.of(bytes(facts.event.body), binary_headers(attributes))
    whole = {**attributes, "datacontenttype": DATA, "data": msgspec.Raw(facts.event.body)}
    return Rendered(encoded(whole))


def content_type(options: Options) -> str:
    """The content type of the POST."""
    return DATA if options.get("mode") == "binary" else STRUCTURED


def origin_header(options: Options) -> Headers:
    """Who sends, where the endpoint is asked for its consent.

    Source: CloudEvents, "HTTP 1.1 Web Hooks", 4.
    """
    origin = options.get("origin")
    return {ORIGIN: origin} if origin else NO_HEADERS


def attributes_of(facts: Facts, options: Options) -> dict[str, str]:
    """The attributes of a CloudEvent, without its content type."""
    attributes = {
        "specversion": "1.0",
        "id": facts.id,
        "source": options.get("source") or f"https://{facts.host}",
        "type": type_of(facts.action, options.get("types", "azure")),
    }
    if subject := subject_of(facts):
        attributes["subject"] = subject
    if facts.time:
        attributes["time"] = facts.time
    if facts.tags and (tags := _tags(facts)):
        attributes["tags"] = tags
    return attributes


def _tags(facts: Facts) -> str:
    """An extension attribute: the tags that went with a deleted manifest; empty: it has none.

    CloudEvents have no lists, and an attribute is a header in the binary mode: so many tags that
    they do not fit are in the data only.
    """
    tags = ",".join(facts.tags)
    return tags if len(tags) <= MAX_TAGS else ""


def type_of(action: str, types: str) -> str:
    """The type of an event."""
    return _TYPES[types].get(action, PING_TYPE)


def subject_of(facts: Facts) -> str:
    """What it is about: ``repository:tag``; a delete without a tag has no more than a repository.

    Source: the samples of Event Grid's schema.
    """
    if facts.is_delete and not facts.tag:
        return facts.repository
    return facts.name


def binary_headers(attributes: Mapping[str, str]) -> Headers:
    """The attributes as headers of the binary mode."""
    return {f"ce-{name}": escaped(value) for name, value in attributes.items()}


def escaped(text: str) -> str:
    """A header's value: all but printable ASCII is percent-encoded. Source: 3.1.3.2."""
    if _ALL_PLAIN.fullmatch(text):
        return text
    if _NEARLY.fullmatch(text):
        return text.replace("%", "%25").replace('"', "%22")
    return "".join(chr(each) if each in _PLAIN else f"%{each:02X}" for each in text.encode())
