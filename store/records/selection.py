"""The selection of a replay: deliveries that have ended, by the last record of each.

The last record of an event for a webhook shows the state of the delivery. A retried delivery is
pending, whatever its earlier records say; so is a replayed one, from its next record on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    exists,
    func,
    literal_column,
    select,
)

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import PING, Event
from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Status
from portcall.store.database.database import chunks
from portcall.store.database.tables import events, records, webhooks
from portcall.store.records import stored_extras
from portcall.store.records.filters import INDEXED, is_outcome

ENDINGS = (Outcome.GIVEN_UP, Outcome.CANCELLED, Outcome.DELIVERED, Outcome.REFUSED)
MAX_MS = 2**62
TRIED_AT_ONCE = 1000
MAX_EVENTS = 500
"""Of one id; publishers choose the ids and may repeat them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which deliveries.

    Attributes:
        registry: The registry's key: its name in lower case.
        webhook_id: Only of this webhook; None: of all of the registry's.
        event_id: Only of the events of that id; empty: of all.
        outcomes: How they ended; members of `ENDINGS`.
        since_ms: Only of events that were accepted then or later.
        until_ms: Only of events that were accepted before.
    """

    registry: str
    webhook_id: int | None = None
    event_id: str = ""
    outcomes: tuple[Outcome, ...] = (Outcome.GIVEN_UP,)
    since_ms: int = 0
    until_ms: int = MAX_MS


@dataclass(frozen=True, slots=True)
class Count:
    """How many deliveries are selected.

    Attributes:
        total: Those whose webhook exists.
        disabled: Those of them whose webhook is disabled: a replay skips them.
        deleted: Those whose webhook was deleted; not in the total.
    """

    total: int
    disabled: int
    deleted: int


@dataclass(frozen=True, slots=True)
class SelectedDelivery:
    """One selected delivery.

    Attributes:
        record_id: The id of its last record.
        event: The event to deliver.
        webhook_id: Its webhook.
        attempt: The highest attempt with a record.
        enabled: Whether the webhook is enabled; None: it was deleted.
    """

    record_id: int
    event: Event
    webhook_id: int
    attempt: int
    enabled: bool | None


def count(connection: Connection, selection: Selection, last_record: int) -> Count:
    """Count the selected deliveries up to *last_record*."""
    # The plus keeps SQLite from reading all records in the order of the groups.
    of: ColumnElement[Any] = literal_column("+records.webhook_id")
    counting: Select[Any] = select(of, func.count())
    query = _narrowed(connection, counting, selection, 0, last_record)
    by_webhook = {row[0]: row[1] for row in connection.execute(query.group_by(of))}
    enabled = enabled_webhooks(connection, list(by_webhook))
    return Count(
        total=sum(by_webhook[each] for each in enabled),
        disabled=sum(by_webhook[each] for each, is_enabled in enabled.items() if not is_enabled),
        deleted=sum(number for each, number in by_webhook.items() if each not in enabled),
    )


def page(
    connection: Connection, selection: Selection, *, after: int, last_record: int, limit: int
) -> list[SelectedDelivery]:
    """The next of the selected deliveries, by the ids of their records.

    Args:
        connection: Of a reading transaction.
        selection: The selection.
        after: Only records with a larger id.
        last_record: The largest id.
        limit: How many.
    """
    other = records.alias("other")
    highest = (
        select(func.max(other.c.attempt))
        .where(other.c.event_key == records.c.event_key)
        .where(other.c.webhook_id == records.c.webhook_id)
        .correlate(records)
        .scalar_subquery()
    )
    columns = select(
        records.c.id,
        records.c.webhook_id,
        highest.label("attempt"),
        events.c.event_id,
        events.c.registry,
        events.c.action,
        events.c.accepted_ms,
        events.c.body,
        events.c.repository,
        events.c.tag,
        events.c.extras,
    )
    query = _narrowed(connection, columns, selection, after, last_record)
    rows = connection.execute(query.order_by(records.c.id).limit(limit)).all()
    enabled = enabled_webhooks(connection, list({row.webhook_id for row in rows}))
    return [
        SelectedDelivery(
            row.id, event_of(row), row.webhook_id, row.attempt, enabled.get(row.webhook_id)
        )
        for row in rows
    ]


def event_id_of(connection: Connection, webhook_id: int, wanted: str) -> str | None:
    """The id of the event of a delivery of a webhook; None: it has no record.

    A delivery's id is a hash that is not stored: the webhook's events are tried, newest first.
    """
    query = (
        select(records.c.id, events.c.event_id)
        .join_from(records, events, records.c.event_key == events.c.key)
        .where(records.c.webhook_id == webhook_id)
        .order_by(records.c.id.desc())
        .limit(TRIED_AT_ONCE)
    )
    rows = connection.execute(query).all()
    while rows:
        for row in rows:
            event_id: str = row.event_id
            if delivery_id(event_id, webhook_id) == wanted:
                return event_id
        rows = connection.execute(query.where(records.c.id < rows[-1].id)).all()
    return None


def _narrowed(
    connection: Connection, query: Select[Any], selection: Selection, after: int, last: int
) -> Select[Any]:
    """*query*, limited to the last records of the selected deliveries and to their events.

    The webhooks are not joined: SQLite would begin with them, and read all their records.
    """
    later = records.alias("later")
    query = (
        query.select_from(records.join(events, records.c.event_key == events.c.key))
        .where(records.c.id > after)
        .where(records.c.id <= last)
        .where(_ended(selection.outcomes))
        .where(events.c.registry == selection.registry)
        .where(events.c.action != PING)
        .where(
            ~exists()
            .where(later.c.event_key == records.c.event_key)
            .where(later.c.webhook_id == records.c.webhook_id)
            .where(later.c.id > records.c.id)
        )
    )
    if selection.webhook_id is not None:
        query = query.where(records.c.webhook_id == selection.webhook_id)
    if selection.event_id:
        named = select(events.c.key).where(events.c.event_id == selection.event_id)
        newest = named.order_by(events.c.key.desc()).limit(MAX_EVENTS)
        query = query.where(records.c.event_key.in_(connection.execute(newest).scalars().all()))
    if selection.since_ms:
        query = query.where(events.c.accepted_ms >= selection.since_ms)
    if selection.until_ms < MAX_MS:
        query = query.where(events.c.accepted_ms < selection.until_ms)
    return query


def _ended(outcomes: Sequence[Outcome]) -> ColumnElement[bool]:
    """The condition on the outcome."""
    if len(outcomes) == 1 and outcomes[0] in INDEXED:
        return is_outcome(outcomes[0])
    return records.c.outcome.in_([outcome.value for outcome in outcomes])


def enabled_webhooks(connection: Connection, webhook_ids: Sequence[int]) -> dict[int, bool]:
    """Whether webhooks are enabled; deleted ones are missing."""
    query = select(webhooks.c.id, webhooks.c.status)
    return {
        row.id: row.status == Status.ENABLED.value
        for chunk in chunks(webhook_ids)
        for row in connection.execute(query.where(webhooks.c.id.in_(chunk)))
    }


def event_of(row: Any) -> Event:  # noqa: ANN401 (a row with the columns of an event)
    """The event of a row."""
    return Event(
        id=row.event_id,
        registry=row.registry,
        action=row.action,
        accepted_ms=row.accepted_ms,
        body=msgspec.Raw(row.body),
        repository=row.repository,
        tag=row.tag,
        extras=stored_extras.read(row.extras),
    )
