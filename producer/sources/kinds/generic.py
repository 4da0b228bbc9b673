"""Any other registry or tool that POSTs JSON: people say where the fields are, in JMESPath.

==============  ==================================================================================
setting         gives
==============  ==================================================================================
``events``      the events of a body, as an array; without it the body is one event or an array
``action``      the action; without it each event is a push
``actions``     which words mean which actions: ``created=push, removed=delete``; ACR's own words
                need no entry
``repository``  the repository, required; it may be a reference: ``host/name:tag@digest``
``tag``         the tag, or an array of tags: one event for each
``digest``      the digest; 64 hexadecimal digits alone are SHA-256
``media_type``  the manifest's media type
``id``          the event's id; without it, it follows from the time and the rest
``time``        when it happened: a date and time, or a number of seconds or milliseconds
``actor``       who did it
``host``        where clients pull from; a plain text, no expression
==============  ==================================================================================

All expressions but ``events`` see one event. `portcall.producer.sources.trials` shows what would
become of a sample.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest, translated
from portcall.producer.sources.fields import (
    Told,
    elements,
    event_id,
    found,
    hashed_id,
    ignored,
    made_request,
    over_limit,
    parsed,
    split_host,
    split_reference,
    tag_or_digest,
    text,
    time_of,
    unreadable,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action
from portcall.schemas.extras import Extras
from portcall.schemas.options.checks import action_words
from portcall.schemas.options.expressions import Budget, Expression, compiled
from portcall.schemas.options.table import EXPRESSIONS

SETTINGS = ("actions", "host", *EXPRESSIONS)
MAX_TAGS = 100
"""Of one event."""
_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class Reading:
    """A generic source's settings, checked.

    Attributes:
        events: Where the events are; None: the body is one, or an array of them.
        fields: The expressions by their settings.
        actions: The actions by the words that mean them.
        host: Where clients pull from.
    """

    events: Expression | None
    fields: Mapping[str, Expression]
    actions: Mapping[str, str]
    host: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one expression gives on one event.

    Attributes:
        value: It; None: nothing.
        problem: Why it gives nothing that can be used; empty: it does, or there is nothing.
    """

    value: object = None
    problem: str = ""


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one body by the source's expressions.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return translated(_each(request.options, parsed(request.body)), acceptance)


def reading_of(options: Mapping[str, str]) -> Reading:
    """Check a source's settings.

    Raises:
        InvalidValueError: One is wrong; ``field`` is its name.
    """
    unknown = next((name for name in options if name not in SETTINGS), None)
    if unknown is not None:
        raise InvalidValueError(unknown[:64], f"is no setting; allowed are {', '.join(SETTINGS)}")
    if not options.get("repository"):
        raise InvalidValueError("repository", "is required")
    expressions = {name: _expression(options, name) for name in EXPRESSIONS}
    return Reading(
        events=expressions.pop("events"),
        fields={name: one for name, one in expressions.items() if one is not None},
        actions=_words(options.get("actions", "")),
        host=text(options.get("host", "")),
    )


def items_of(reading: Reading, body: object, budget: Budget) -> tuple[object, str]:
    """The events in a body, and the path that their positions follow.

    Raises:
        InvalidValueError: The expression ``events`` fails, or gives no array.
    """
    if reading.events is None:
        return body, ""
    try:
        items = reading.events.search(body, budget)
    except InvalidValueError as problem:
        raise InvalidValueError("events", problem.problem) from None
    if items is not None and not isinstance(items, list):
        raise InvalidValueError("events", "must give an array")
    return items or [], "events"


def answers_of(reading: Reading, item: object, budget: Budget) -> dict[str, Answer]:
    """What each expression gives on one event."""
    return {name: _answer(one, item, budget) for name, one in reading.fields.items()}


def found_of(reading: Reading, answers: Mapping[str, Answer], path: str) -> list[Found]:
    """What the answers tell: an event for each tag, or why there is none."""
    for name, answer in answers.items():
        if answer.problem:
            return [unreadable(name, answer.problem, path)]
    action = _action(reading, answers)
    if action not in _ACTIONS:
        return [ignored("other_action", path, action=action)]
    tags = _tags(answers.get("tag", Answer()).value)
    told = [_told(reading, answers, action, tag) for tag in tags]
    return [found(one, path) for one in told]


_ACTIONS = frozenset(action.value for action in Action)


def _each(options: Mapping[str, str], body: object) -> Iterator[Found]:
    budget = Budget()
    try:
        reading = _known(tuple(options.items()))
        items, name = items_of(reading, body, budget)
    except InvalidValueError as problem:
        yield Found("", None, problem=problem)
        return
    for path, item in elements(items, name):
        yield from found_of(reading, answers_of(reading, item, budget), path)
    yield from over_limit(items)


@lru_cache(maxsize=256)
def _known(options: tuple[tuple[str, str], ...]) -> Reading:
    """The checked settings of sources in use."""
    return reading_of(dict(options))


def _expression(options: Mapping[str, str], name: str) -> Expression | None:
    written = options.get(name)
    if not written:
        return None
    try:
        return compiled(written)
    except InvalidValueError as problem:
        raise InvalidValueError(name, problem.problem) from None


def _words(written: str) -> dict[str, str]:
    try:
        return action_words(written)
    except InvalidValueError as problem:
        raise InvalidValueError("actions", problem.problem) from None


def _answer(expression: Expression, item: object, budget: Budget) -> Answer:
    try:
        return Answer(expression.search(item, budget))
    except InvalidValueError as problem:
        return Answer(problem=problem.problem)


def _action(reading: Reading, answers: Mapping[str, Answer]) -> str:
    if "action" not in reading.fields:
        return Action.PUSH.value
    word = _text(answers, "action").lower()
    return reading.actions.get(word, word)


def _text(answers: Mapping[str, Answer], name: str) -> str:
    return plain(answers.get(name, Answer()).value)


def plain(value: object) -> str:
    """A text of a text or a whole number; empty: the value is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 2**63 else ""
    return text(value).strip()


def _tags(value: object) -> list[str]:
    """The tags of an event; one empty text where it has none."""
    if not isinstance(value, list):
        return [plain(value)]
    tags = dict.fromkeys(map(plain, value[:MAX_TAGS]))
    return [tag for tag in tags if tag] or [""]


def _told(reading: Reading, answers: Mapping[str, Answer], action: str, tag: str) -> Told:
    host, repository, named_tag, named_digest = reference(_text(answers, "repository"))
    tag, by_tag = tag_or_digest(tag or named_tag)
    digest = _digest(_text(answers, "digest")) or by_tag or named_digest
    own_id, time = _text(answers, "id"), answers.get("time", Answer()).value
    event = event_id(own_id)
    if event and isinstance(answers.get("tag", Answer()).value, list):
        event = hashed_id("generic", own_id, tag)
    elif not event and (isinstance(time, float) or plain(time)):
        event = hashed_id("generic", action, repository, tag, digest, plain(time) or repr(time))
    return Told(
        action=action,
        repository=repository,
        tag=tag,
        digest=digest,
        id=event,
        time=time_of(time),
        media_type=_text(answers, "media_type"),
        request=made_request(action, event, reading.host or host),
        extras=Extras(
            actor=_text(answers, "actor"),
            artifact_type=artifact_type(_text(answers, "media_type"), tag=tag),
            source_id=own_id,
        ),
    )


def reference(name: str) -> tuple[str, str, str, str]:
    """The host, the repository, the tag and the digest of an image's reference.

    The first part of a name is a host if it has a dot or a colon, or is ``localhost``, as for
    docker's commands.
    """
    rest, tag, digest = split_reference(name)
    host, path = split_host(rest)
    if host and ("." in host or ":" in host or host == _LOCAL):
        return host, path, tag, digest
    return "", rest, tag, digest


def _digest(value: str) -> str:
    return f"sha256:{value.lower()}" if _HEX.fullmatch(value) else value
