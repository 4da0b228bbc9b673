"""What adapters share: reading untrusted JSON, and registry events from what a source tells."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii

import msgspec

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.formats.cloudevents import attribute
from portcall.producer.formats.json_errors import decode
from portcall.producer.sources.adapter import Found, SourceRequest, translated
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import PublishedEvent, Request, Target, check_event_id
from portcall.schemas.extras import Extras
from portcall.schemas.journal import TAG_DELETE
from portcall.schemas.nesting import check_depth
from portcall.schemas.timestamps import acr_timestamp, sent_timestamp

MAX_EVENTS = 10_000
"""Of one request. Event Grid's batches have 5,000; a body of 4 MiB could hold a million ``{}``."""
MAX_TEXT = 1_024
"""Characters of a text in an event."""
MAX_USERAGENT = 2_048
_MAX_SIZE = 2**63 - 1
_NO_EXTRAS = Extras()
_MILLISECONDS_FROM = 10**11
"""Whole numbers from here on are milliseconds: as seconds they would be after the year 5138."""
_MAX_SECONDS = 253_402_300_799
"""The last second of the year 9999."""
_MAX_DIGITS = 18
"""Of a whole number that is read exactly; one with more fits no field."""
_DIGEST = re.compile(r"[A-Za-z0-9]+(?:[+._-][A-Za-z0-9]+)*:[A-Za-z0-9=_-]+", re.ASCII)
_JSON = msgspec.json.Decoder()
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Told:
    """What a source tells of one push or delete; each text is empty where it is unknown.

    Attributes:
        action: An action of ACR's: push, delete, quarantine, chart_push or chart_delete.
        repository: Without host and tag.
        tag: The tag.
        digest: With its algorithm.
        id: The sender's id of the event, if it can be an event id.
        time: In UTC, as `time_of` writes it.
        media_type: Of the manifest.
        size: Of the manifest, bytes; None: unknown.
        length: The same; ACR sends both.
        name: Of a chart.
        version: Of a chart.
        request: The request to the registry.
        extras: What else the source tells.
    """

    action: str
    repository: str = ""
    tag: str = ""
    digest: str = ""
    id: str = ""
    time: str = ""
    media_type: str = ""
    size: int | None = None
    length: int | None = None
    name: str = ""
    version: str = ""
    request: Request | None = None
    extras: Extras = _NO_EXTRAS


def parsed(body: bytes) -> object:
    """The JSON in a body: objects are dicts, arrays lists.

    Half a surrogate pair, bytes that are not UTF-8 and numbers of any length are read, too: a
    client of the registry can choose its user agent, and no text of it may get a body refused.

    Raises:
        InvalidValueError: It is no JSON, or nested too deeply.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    check_depth(body)
    try:
        return decode(_JSON, body)
    except InvalidValueError as problem:
        try:
            return json.loads(
                body.decode(errors="replace"),
                parse_int=_whole_number,
                parse_constant=lambda _: None,
            )
        except (ValueError, RecursionError):
            raise problem from None


def read_object(
    request: SourceRequest,
    body: bytes,
    acceptance: Acceptance,
    find: Callable[[SourceRequest, object], Found],
) -> Translation:
    """Read a body that is one object and tells one thing.

    Args:
        request: The request.
        body: Its JSON.
        acceptance: The common facts about its events.
        find: Reads the object.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    sent = parsed(body)
    if isinstance(sent, dict):
        return translated([find(request, sent)], acceptance)
    return translated([unreadable("", "an event must be an object", sent=sent)], acceptance)


def part(value: object, *names: str) -> object:
    """The value at a path of names; None where there is none."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text(value: object, *names: str, limit: int = MAX_TEXT) -> str:
    """A text at a path of names: cut, without NULs and halves of pairs; empty: there is none."""
    for name in names:  # as `part` does; adapters read a dozen texts of each event
        if not isinstance(value, dict):
            return ""
        value = value.get(name)
    if not isinstance(value, str):
        return ""
    value = value[:limit].replace("\0", "")
    return value if value.isascii() else value.encode(errors="replace").decode()


def size(value: object, *names: str) -> int | None:
    """A size in bytes at a path of names; None: there is none that can be one."""
    value = part(value, *names)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= _MAX_SIZE else None


def header(request: SourceRequest, name: str) -> str:
    """A header's value; empty: the request has none."""
    value = request.headers.get(name)
    if value is not None:
        return text(value)
    wanted = name.lower()
    return text(next((sent for key, sent in request.headers.items() if key.lower() == wanted), ""))


def ce_header(request: SourceRequest, name: str) -> str:
    """An attribute of a CloudEvent in its header, decoded; empty: the request has none."""
    return text(attribute(header(request, f"ce-{name}")))


def time_of(value: object) -> str:
    """A time in UTC; empty: it is unknown or unreadable.

    Args:
        value: A text, or a number since the epoch: seconds, from 10^11 on milliseconds.
    """
    if isinstance(value, str):
        try:
            return sent_timestamp(value[:64].strip()) or ""
        except InvalidValueError:
            return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if not 0 < value <= _MAX_SECONDS * 1000:  # false for NaN, too
        return ""
    seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
    written = acr_timestamp(round(seconds * 1000))
    return written if datetime.fromtimestamp(seconds, UTC).year > 1970 else ""


def tag_or_digest(value: str) -> tuple[str, str]:
    """The tag and the digest in a text that is one of them: a tag cannot have a colon."""
    return ("", value) if _DIGEST.fullmatch(value) else (value, "")


def split_reference(reference: str) -> tuple[str, str, str]:
    """The name, the tag and the digest of ``name[:tag][@digest]``; the name keeps a host."""
    name, _, digest = reference.partition("@")
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return name, "", digest
    return path, tag, digest


def split_host(name: str) -> tuple[str, str]:
    """The host and the path of a name that begins with a host."""
    host, slash, path = name.partition("/")
    return (host, path) if slash else ("", name)


def event_id(value: str) -> str:
    """A sender's id as an event's id: itself, or else its hash; empty: there is none."""
    if not value:
        return ""
    try:
        return check_event_id(value)
    except InvalidValueError:
        return hashed_id(value)


def hashed_id(*parts: str) -> str:
    """An id of what the parts say: 64 hexadecimal digits, the same for the same parts."""
    listed = ", ".join(map(encode_basestring_ascii, parts))
    return hashlib.sha256(f"[{listed}]".encode()).hexdigest()


def host_of(request: SourceRequest, sent: str) -> str:
    """The host that clients pull from: the source's setting ``host``, or else what was sent."""
    return text(request.options.get("host", "")) or sent


def named(value: object) -> str | None:
    """A text for an event's field: None in place of an empty one."""
    return value if isinstance(value, str) and value else None


def made_request(action: str, request_id: str, host: str, useragent: str = "") -> Request:
    """The request to the registry, with the method that ACR shows for an action."""
    return Request(
        id=named(request_id),
        host=named(host),
        method="DELETE" if action == "delete" else "PUT",
        useragent=named(useragent),
    )


def sent_request(value: object) -> Request | None:
    """The request to the registry, as distribution and ACR write it."""
    if not isinstance(value, dict):
        return None
    return Request(
        id=named(text(value, "id")),
        host=named(text(value, "host")),
        method=named(text(value, "method")),
        useragent=named(text(value, "useragent", limit=MAX_USERAGENT)),
    )


def found(told: Told, path: str = "") -> Found:
    """The event of what a source tells; a delete without a digest is none, or by a setting one."""
    sent = {
        "action": told.action,
        "target": {"repository": told.repository, "tag": told.tag, "digest": told.digest},
    }
    if told.action == "delete" and not told.digest:
        reason = TAG_DELETE if told.tag else "repository_delete"
        return Found(path, sent, event=_event(told), reason=reason, extras=told.extras)
    return Found(path, sent, event=_event(told), extras=told.extras)


def ignored(reason: str, path: str = "", **told: str) -> Found:
    """Something that is none of ours; *told* are its action, repository and tag, for people."""
    action = told.pop("action", "")
    return Found(path, {"action": action, "target": dict(told)}, reason=reason)


def unreadable(field: str, problem: str, path: str = "", sent: object = None) -> Found:
    """Something that cannot be read; *field* is relative to *path*."""
    whole = f"{path}.{field}" if path and field else path or field
    return Found(path, sent, problem=InvalidValueError(whole, problem))


def elements(value: object, name: str = "") -> Iterable[tuple[str, object]]:
    """The items of an array with their paths, or the value itself; at most `MAX_EVENTS`."""
    if not isinstance(value, list):
        yield name, value
        return
    for index, item in enumerate(value[:MAX_EVENTS]):
        yield f"{name}[{index}]", item


def over_limit(value: object) -> Iterable[Found]:
    """One ignored thing for all items that `elements` leaves out."""
    if isinstance(value, list) and len(value) > MAX_EVENTS:
        yield ignored("too_many_events", f"[{MAX_EVENTS}]")


def chosen(options: Mapping[str, str], name: str) -> frozenset[str]:
    """The words of a setting that is a list with commas."""
    words = (word.strip() for word in options.get(name, "").split(","))
    return frozenset(word for word in words if word)


def _event(told: Told) -> PublishedEvent:
    deletes = told.action == "delete"
    return PublishedEvent(
        action=told.action,
        id=told.id or None,
        timestamp=told.time or None,
        target=Target(
            media_type=named(told.media_type),
            size=None if deletes else told.size,
            digest=named(told.digest),
            length=None if deletes else told.length,
            repository=named(told.repository),
            tag=named(told.tag),
            name=named(told.name),
            version=named(told.version),
        ),
        request=told.request,
    )


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)
