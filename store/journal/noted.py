"""Events in the journal, including those never attempted and those that match no webhook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, select

from portcall.schemas.events import PING
from portcall.schemas.extras import Extras
from portcall.schemas.filters import Facts, facts_by_tag
from portcall.schemas.journal import numbers
from portcall.schemas.operator import DISABLED_ACTION
from portcall.store.database.tables import journal
from portcall.store.journal import entries as noting
from portcall.store.journal import holding
from portcall.store.records import stored_extras

MAX_EVENTS = 500
"""Of one id; publishers choose the ids and may repeat them."""
_NOT_SHOWN = ("", PING, DISABLED_ACTION)


@dataclass(frozen=True, slots=True)
class NotedEvent:
    """One event of the journal.

    Attributes:
        event_id: Its id.
        registry: Its registry, in lower case.
        accepted_ms: When it was accepted, milliseconds since the epoch.
        action: Its action; empty where an earlier version noted it.
        repository: Its repository.
        tag: Empty where it has none.
        webhook_ids: The webhooks that it was routed to, ascending; None: it was not routed yet.
        held: Those whose filters held it back, by the filter's name.
        facts: What filters ask of it; less if the note that it was accepted is not entered yet, or
            is of an earlier version.
        manifest: The digest of what it is about; empty: it names none.
        extras: What its source tells, if it was routed to none; else its records have them.
    """

    event_id: str
    registry: str
    accepted_ms: int
    action: str
    repository: str
    tag: str
    webhook_ids: Sequence[int] | None
    held: Mapping[str, Sequence[int]] = field(default_factory=dict)
    facts: Facts = field(default_factory=lambda: Facts(""))
    manifest: str = ""
    extras: Extras | None = None


def of_id(connection: Connection, event_id: str) -> list[NotedEvent]:
    """The events of that id, newest first."""
    found = connection.execute(_query().where(journal.c.event_id == event_id).limit(MAX_EVENTS))
    return sorted((_noted(row) for row in found), key=lambda each: -each.accepted_ms)


def newest(connection: Connection, registry: str, limit: int) -> list[NotedEvent]:
    """The last events of a registry without pings, newest first."""
    query = (
        _query()
        .where(journal.c.registry == registry)
        .where(journal.c.action.not_in(_NOT_SHOWN))
        .order_by(journal.c.accepted_ms.desc())
        .limit(limit)
    )
    return [_noted(row) for row in connection.execute(query)]


def _query() -> Select[Any]:
    columns = journal.c
    return select(
        columns.event_id,
        columns.registry,
        columns.accepted_ms,
        columns.action,
        columns.repository,
        columns.tag,
        columns.matches,
        columns.webhooks,
        columns.held,
        columns.artifact_type,
        columns.is_referrer,
        columns.manifest,
        columns.extras,
    )


def _noted(row: Any) -> NotedEvent:  # noqa: ANN401 (a row of the query above)
    steps = noting.decode_numbers(row.webhooks) if row.webhooks else []
    return NotedEvent(
        row.event_id,
        row.registry,
        row.accepted_ms,
        row.action,
        row.repository,
        row.tag,
        None if row.matches is None else numbers(steps),
        holding.of(row.held),
        _facts(row),
        row.manifest,
        stored_extras.read(row.extras),
    )


def _facts(row: Any) -> Facts:  # noqa: ANN401 (as above)
    if not row.artifact_type:
        return facts_by_tag(row.action, row.tag)
    return Facts(row.action, row.tag, row.artifact_type, is_referrer=bool(row.is_referrer))
