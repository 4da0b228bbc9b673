"""Pruning: deletes old records, then the events and frame ids that are no longer needed."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, exists, select

from portcall.store.database import counters
from portcall.store.database.database import chunks
from portcall.store.database.tables import events, frames, records

KEPT_FRAMES = 5_000
"""How many frame ids are kept, however old: more than the broker puts into one chunk of a stream
(4,096), so that a reader that begins at the last chunk recognises its frames."""


def prune(connection: Connection, before_ms: int, limit: int) -> int:
    """Delete records that began before *before_ms* among the *limit* oldest; return how many.

    Records are in the order of the stream, which is nearly that of time; the few others are skipped
    and found the next time.
    """
    counters.bump(connection, counters.RECORD_ID, 0)  # locks out writers that refer to old events
    oldest = select(records.c.id, records.c.event_key, records.c.started_ms)
    rows = connection.execute(oldest.order_by(records.c.id).limit(limit)).all()
    expired = [row for row in rows if row.started_ms < before_ms]
    if not expired:
        return 0
    last = expired[-1].id
    connection.execute(
        delete(records).where(records.c.id <= last).where(records.c.started_ms < before_ms)
    )
    _drop_events(connection, sorted({row.event_key for row in expired}))
    _drop_frames(connection, last)
    return len(expired)


def _drop_events(connection: Connection, keys: Sequence[int]) -> None:
    """Delete those of the events that no record refers to: their last one was just deleted."""
    referred = exists().where(records.c.event_key == events.c.key)
    for chunk in chunks(keys):
        connection.execute(delete(events).where(events.c.key.in_(chunk)).where(~referred))


def _drop_frames(connection: Connection, last: int) -> None:
    newest = select(frames.c.record_id).order_by(frames.c.record_id.desc())
    kept = connection.execute(newest.offset(KEPT_FRAMES - 1).limit(1)).scalar_one_or_none()
    if kept is not None:
        gone = (frames.c.record_id <= last) & (frames.c.record_id < kept)
        connection.execute(delete(frames).where(gone))
