"""The filters of a search for records, and the lines that it returns."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, text

from portcall.schemas.records import Outcome
from portcall.store.database.tables import events, records

INDEXED = {
    outcome: text(f"records.outcome = '{outcome.value}'")
    for outcome in (Outcome.GIVEN_UP, Outcome.REFUSED)
}
"""The outcomes with an index of their own: of few records, which people look for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    """One record in a list: without the request, the response and the body.

    Attributes:
        id: Its number in the log; 0: it was read from the stream, and has none yet.
        event_id: The event's id.
        registry: The event's registry, in lower case.
        action: The event's action.
        repository: Empty for a ping.
        tag: Empty where the event has none.
        accepted_ms: When the event was accepted, milliseconds since the epoch.
        webhook_id: Its webhook.
        attempt: The number of the attempt, from 1.
        outcome: How it ended.
        status: The HTTP status; 0 where there was no answer.
        started_ms: When the attempt began, milliseconds since the epoch.
        duration_us: How long it took, microseconds.
        reason: Why it did not succeed, in brief; empty: it did.
    """

    id: int
    event_id: str
    registry: str
    action: str
    repository: str
    tag: str
    accepted_ms: int
    webhook_id: int
    attempt: int
    outcome: Outcome
    status: int
    started_ms: int
    duration_us: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter of records; empty fields and None match everything.

    Attributes:
        registry: The registry's key: its name in lower case.
        webhook_id: Of this webhook.
        event_id: Of events of this id.
        status_classes: First digits of the HTTP status: 2 to 5; 0: without an answer.
        statuses: Exact HTTP statuses; a record may match these or the classes.
        outcomes: How the attempts ended.
        actions: The events' actions.
        repository: The event's repository contains this.
        repository_is_exact: The event's repository equals this.
        tag: The event's tag equals this.
        first_attempts: True: only attempts number 1; False: only later ones.
        since_ms: Attempts that began then or later, milliseconds since the epoch.
        until_ms: Attempts that began before.
    """

    registry: str = ""
    webhook_id: int | None = None
    event_id: str = ""
    status_classes: frozenset[int] = frozenset()
    statuses: frozenset[int] = frozenset()
    outcomes: frozenset[Outcome] = frozenset()
    actions: frozenset[str] = frozenset()
    repository: str = ""
    repository_is_exact: bool = False
    tag: str = ""
    first_attempts: bool | None = None
    since_ms: int | None = None
    until_ms: int | None = None


def is_outcome(outcome: Outcome) -> ColumnElement[bool]:
    """The condition for one of `INDEXED`, as literal SQL, or SQLite would not use its index."""
    return INDEXED[outcome]  # type: ignore[return-value]  # a condition is one


def of_records(wanted: Filter) -> list[ColumnElement[bool]]:
    """The conditions on a record's own columns, without its webhook and its position."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.status_classes or wanted.statuses:
        conditions.append(_has_status(wanted))
    if wanted.outcomes:
        conditions.append(records.c.outcome.in_([each.value for each in wanted.outcomes]))
    if wanted.first_attempts is not None:
        first = records.c.attempt <= 1
        conditions.append(first if wanted.first_attempts else ~first)
    if wanted.since_ms is not None:
        conditions.append(records.c.started_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        conditions.append(records.c.started_ms < wanted.until_ms)
    return conditions


def of_events(wanted: Filter) -> list[ColumnElement[bool]]:
    """The conditions on a record's event."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.registry:
        conditions.append(events.c.registry == wanted.registry)
    if wanted.actions:
        conditions.append(events.c.action.in_(sorted(wanted.actions)))
    if wanted.tag:
        conditions.append(events.c.tag == wanted.tag)
    if wanted.repository and wanted.repository_is_exact:
        conditions.append(events.c.repository == wanted.repository)
    elif wanted.repository:
        part = wanted.repository.lower()
        conditions.append(events.c.repository.contains(part, autoescape=True))
    return conditions


def _has_status(wanted: Filter) -> ColumnElement[bool]:
    ranges = [
        records.c.status.between(each * 100, each * 100 + 99) if each else records.c.status == 0
        for each in sorted(wanted.status_classes)
    ]
    exact = [records.c.status.in_(sorted(wanted.statuses))] if wanted.statuses else []
    return or_(*ranges, *exact)
