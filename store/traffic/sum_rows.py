"""Reading the sums, and the newest record of each webhook."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from portcall.store.database.database import chunks
from portcall.store.database.tables import records, traffic, webhooks


def read_sums(
    connection: Connection,
    registry: str,
    webhook_ids: Sequence[int],
    step_s: int,
    starts: range,
) -> Iterator[Any]:
    """Rows in the order of the fields of `Sums`, after the webhook and the time."""
    columns = traffic.c
    query: Select[Any] = (
        select(
            columns.webhook_id,
            columns.start_s,
            columns.attempts,
            columns.succeeded,
            columns.given_up,
            columns.cancelled,
            columns.refused,
            columns.events,
            columns.latency,
        )
        .where(columns.registry == registry, columns.step_s == step_s)
        .where(columns.start_s >= starts[0], columns.start_s < starts[-1] + starts.step)
    )
    for chunk in chunks(webhook_ids):
        yield from connection.execute(query.where(columns.webhook_id.in_(chunk))).all()


def read_totals(
    connection: Connection, registry: str, step_s: int, starts: range
) -> Sequence[Row[int, int, int, int]]:
    """The attempts of each webhook of a registry, the successful and the refused ones."""
    columns = traffic.c
    query = (
        select(
            columns.webhook_id,
            func.sum(columns.attempts),
            func.sum(columns.succeeded),
            func.sum(columns.refused),
        )
        .select_from(webhooks.join(traffic, columns.webhook_id == webhooks.c.id))
        .where(webhooks.c.registry_key == registry)
        .where(columns.registry == registry, columns.step_s == step_s)
        .where(columns.start_s >= starts[0], columns.start_s < starts[-1] + starts.step)
        .group_by(columns.webhook_id)
    )
    rows: Sequence[Row[int, int, int, int]] = connection.execute(query).all()
    return rows


def read_newest(
    connection: Connection, registry: str, webhook_ids: Collection[int] | None
) -> Iterator[Row[Any]]:
    """The newest record of each webhook that has one: one index lookup for each."""
    newest = (
        select(func.max(records.c.id))
        .where(records.c.webhook_id == webhooks.c.id)
        .correlate(webhooks)
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(
            webhooks.c.id.label("webhook_id"),
            records.c.id,
            records.c.started_ms,
            records.c.outcome,
            records.c.status,
            records.c.attempt,
        )
        .select_from(webhooks.outerjoin(records, records.c.id == newest))
        .where(webhooks.c.registry_key == registry)
    )
    narrowed = (
        [query]
        if webhook_ids is None
        else [query.where(webhooks.c.id.in_(chunk)) for chunk in chunks(list(webhook_ids))]
    )
    for each in narrowed:
        yield from connection.execute(each).all()
