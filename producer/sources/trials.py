"""A dry run of a generic source: a sample body in, what would become of it out, field by field."""

from collections.abc import Mapping
from dataclasses import dataclass

from portcall.producer.formats.acceptance import Acceptance
from portcall.producer.sources.adapter import Found, translated
from portcall.producer.sources.fields import elements, parsed
from portcall.producer.sources.kinds.generic import (
    Answer,
    Reading,
    answers_of,
    found_of,
    items_of,
    plain,
    reading_of,
)
from portcall.schemas.options.expressions import MAX_STEPS, Budget

MAX_SHOWN = 20
"""Events of a sample that are shown."""


@dataclass(frozen=True, slots=True)
class FieldTrial:
    """One expression on one event.

    Attributes:
        name: The setting.
        expression: As it was written.
        value: What it gives, cut; of an object or an array only what it is. Empty: nothing.
        problem: Why it fails; empty: it does not.
    """

    name: str
    expression: str
    value: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class EventTrial:
    """What would become of one event of the sample; with several tags it is several events.

    Attributes:
        path: Its position, e.g. ``events[3]``; empty: the body itself.
        fields: Its fields.
        payloads: The bodies that would be POSTed to webhooks, as JSON.
        ignored: The reasons for what would be ignored.
        problems: What is wrong with that, with the field's name.
    """

    path: str
    fields: list[FieldTrial]
    payloads: list[str]
    ignored: list[str]
    problems: list[str]


@dataclass(frozen=True, slots=True)
class Trial:
    """What would become of a sample.

    Attributes:
        events: The first `MAX_SHOWN` of them.
        count: How many there are.
        steps: How much of the expressions' budget they take; the limit is `MAX_STEPS`.
    """

    events: list[EventTrial]
    count: int
    steps: int


def try_out(options: Mapping[str, str], sample: bytes, acceptance: Acceptance) -> Trial:
    """Read a sample by a generic source's settings, and publish nothing.

    Raises:
        InvalidValueError: A setting is wrong (``field`` is its name), or the sample is no JSON.
    """
    reading, budget = reading_of(options), Budget()
    items, name = items_of(reading, parsed(sample), budget)
    events: list[EventTrial] = []
    count = 0
    for path, item in elements(items, name):
        count += 1
        answers = answers_of(reading, item, budget)
        if len(events) < MAX_SHOWN:
            shown = [_field(reading, each, answer) for each, answer in answers.items()]
            events.append(_event(path, shown, found_of(reading, answers, path), acceptance))
    return Trial(events, count, min(MAX_STEPS, MAX_STEPS - budget.steps))


def _field(reading: Reading, name: str, answer: Answer) -> FieldTrial:
    return FieldTrial(name, reading.fields[name].text, _shown(answer.value), answer.problem)


def _shown(value: object) -> str:
    """A value for people."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case dict():
            return "an object"
        case list():
            return f"an array of {len(value)}"
        case float():
            return repr(value)
        case _:
            return plain(value)


def _event(
    path: str, fields: list[FieldTrial], found: list[Found], acceptance: Acceptance
) -> EventTrial:
    translation = translated(found, acceptance)
    return EventTrial(
        path=path,
        fields=fields,
        payloads=[bytes(event.body).decode() for event in translation.events],
        ignored=list(translation.ignored.elements()),
        problems=[
            f"{one.field}: {one.problem}" if one.field else one.problem
            for one in translation.details
            if one.problem
        ],
    )
