"""What an adapter gets and gives: one request of a source in, registry events out.

An adapter is a function ``read(request, acceptance) -> Translation``. It is pure: no I/O, no clock.
It raises `InvalidValueError` only for a body that is no JSON at all (or no JSON object where one is
needed to read anything); whatever else is wrong or of no use is ignored with a reason.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from portcall.producer.formats.acceptance import Acceptance, Ignored, Translation
from portcall.producer.formats.ignoring import passed, unread
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import PublishedEvent
from portcall.schemas.extras import NONE, Extras
from portcall.schemas.journal import TAG_DELETE

MAX_BODY_BYTES = 8 * 1024 * 1024
"""zot sends the whole manifest in its event, as text in JSON; a manifest has up to 4 MiB."""


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """One authentic request, whole.

    Attributes:
        headers: The request's headers; names compare without case.
        body: The bytes as they were sent.
        query: The parameters of the request target.
        options: The source's own settings, e.g. the expressions of a generic source.
    """

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str]
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a request tells.

    Attributes:
        path: Its position in the body, e.g. ``events[3]``; empty: the body itself.
        sent: It, as it was read from JSON, for the details of an ignored one.
        event: The event; None: it is none of ours.
        reason: Why it is no event, as counters name it, e.g. ``pull``; empty for an event.
            A deleted tag has both: a setting of the source decides.
        extras: What else it tells.
        problem: Why it cannot be read; None: it can, or is none of ours.
    """

    path: str
    sent: object
    event: PublishedEvent | None = None
    reason: str = ""
    extras: Extras = NONE
    problem: InvalidValueError | None = None


Adapter = Callable[[SourceRequest, Acceptance], Translation]


def translated(found: Iterable[Found], acceptance: Acceptance) -> Translation:
    """Accept the events among *found*; ignore the others, and what breaks a rule of ours."""
    translation = Translation([])
    for one in found:
        ignored = _taken(one, acceptance, translation)
        if ignored is not None:
            translation.ignore(ignored)
    return translation


def _taken(one: Found, acceptance: Acceptance, translation: Translation) -> Ignored | None:
    """Add its event to *translation*, or say why it is none."""
    event_id = (one.event.id if one.event else "") or acceptance.new_id()
    if one.problem is not None:
        return unread(one.problem, one.path, event_id, one.sent)
    is_wanted = not one.reason or (one.reason == TAG_DELETE and acceptance.tag_deletes)
    if one.event is None or not is_wanted:
        return passed(one.reason, event_id, one.sent, acceptance.aliases)
    try:
        translation.events.append(acceptance.accept(one.event, one.path, one.extras))
    except InvalidValueError as problem:
        return unread(problem, one.path, event_id, one.sent)
    return None
