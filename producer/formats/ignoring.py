"""Why a notification becomes no event: the words that counters, logs and `portcall explain` use."""

from collections.abc import Mapping
from types import MappingProxyType

from portcall.producer.formats.acceptance import Ignored
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.journal import TAG_DELETE, IgnoredNote
from portcall.schemas.options.aliases import Aliases, renamed

NO_ENVELOPE = "no_envelope"
UNREAD: Mapping[str, str] = MappingProxyType(
    {
        "action": "bad_action",
        "id": "bad_id",
        "target.repository": "bad_repository",
        "target.tag": "bad_tag",
        "target.digest": "bad_digest",
        "target": "bad_target",
        "request": "bad_request",
        "": "bad_event",
    }
)
"""The reason by the unreadable field; for other fields, that of their parent."""
MAX_TEXT = 300
"""The limit of a text for display; the longest valid name has 511 characters."""


def passed(reason: str, event_id: str, sent: object, aliases: Aliases = ()) -> Ignored:
    """The details of a notification that is not a registry event, which is not an error.

    A deleted tag is shown with the delete of its manifest: it has the repository's other name, too.
    """
    target, is_tag = _part(sent, "target"), reason == TAG_DELETE
    repository = text_of(target, "repository")
    return Ignored(
        event_id=event_id,
        reason=reason,
        action=text_of(sent, "action"),
        repository=renamed(repository, aliases) if is_tag else repository,
        tag=text_of(target, "tag"),
        request_id=_request_id(sent) if is_tag else "",
    )


def unread(problem: InvalidValueError, path: str, event_id: str, sent: object) -> Ignored:
    """The details of an unreadable notification.

    Args:
        problem: What is wrong with it.
        path: Its position, e.g. ``events[3]``.
        event_id: The id to look it up by.
        sent: The notification, as far as it was read: an object's fields, or another value.
    """
    target = _part(sent, "target")
    return Ignored(
        event_id=event_id,
        reason=reason_of(problem.field.removeprefix(path).removeprefix(".")),
        action=text_of(sent, "action"),
        repository=text_of(target, "repository"),
        tag=text_of(target, "tag"),
        field=problem.field,
        problem=problem.problem,
    )


def note_of(one: Ignored, registry: str, now_ms: int) -> IgnoredNote:
    """The note for the journal, so that `portcall explain` can show it."""
    return IgnoredNote(
        event_id=one.event_id,
        registry=registry,
        ignored_ms=now_ms,
        reason=one.reason,
        action=one.action,
        repository=one.repository,
        tag=one.tag,
        place=one.field,
        problem=one.problem.replace("\0", ""),
        request_id=one.request_id,
    )


def reason_of(field: str) -> str:
    """The reason for a field's path inside its notification."""
    while field not in UNREAD:
        field = field.rpartition(".")[0]
    return UNREAD[field]


def text_of(fields: object, name: str) -> str:
    """A field's text, cut, if it is a text."""
    value = _part(fields, name)
    return value.replace("\0", "")[:MAX_TEXT] if isinstance(value, str) else ""


def _request_id(sent: object) -> str:
    """The id of the request to the registry; empty: none that a registry makes."""
    request_id = text_of(_part(sent, "request"), "id")
    return request_id if len(request_id) < MAX_TEXT else ""


def _part(fields: object, name: str) -> object:
    if isinstance(fields, dict):
        return fields.get(name)
    return getattr(fields, name, None)
