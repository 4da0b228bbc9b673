"""Tombstones: which webhooks were deleted, and when, so that "what changed since" is exact."""

from sqlalchemy import Connection, delete, func, select

from portcall.store.database import counters
from portcall.store.database.database import insert_rows
from portcall.store.database.tables import tombstones

LIMIT = 100_000
"""How many are kept at least; when there are twice as many, one statement deletes the older half. A
reader with an older revision gets a snapshot instead."""


def bury(connection: Connection, webhook_ids: list[int], revision: int) -> None:
    """Note that these webhooks were deleted at *revision*; delete the oldest notes if needed."""
    insert_rows(connection, tombstones, [(webhook_id, revision) for webhook_id in webhook_ids])
    count = counters.bump(connection, counters.TOMBSTONES, len(webhook_ids))
    if count > 2 * LIMIT:
        _forget(connection, count - LIMIT)


def _forget(connection: Connection, surplus: int) -> None:
    """Drop about *surplus* of the oldest: whole revisions, so that the horizon is exact."""
    by_age = select(tombstones.c.revision).order_by(tombstones.c.revision)
    horizon = connection.execute(by_age.offset(surplus - 1).limit(1)).scalar_one()
    connection.execute(delete(tombstones).where(tombstones.c.revision <= horizon))
    left = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
    counters.put(connection, counters.TOMBSTONES, left)
    counters.put(connection, counters.HORIZON, horizon)
