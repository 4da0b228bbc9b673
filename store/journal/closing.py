"""Settling: an event whose deliveries have all ended is counted once and then left alone.

Each function does a little at a time, so that writers of the log wait for milliseconds only.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Select, bindparam, delete, select, update

from portcall.runtime.clock import now_ms
from portcall.schemas.events import PING
from portcall.schemas.journal import Note, differences
from portcall.store.database import counters
from portcall.store.database.database import Database
from portcall.store.database.tables import events, journal, journal_frames
from portcall.store.journal import entries as noting
from portcall.store.journal import tallies
from portcall.store.journal.entries import JournalRow
from portcall.store.journal.open_events import BEGINNING, Cursor, OpenEvent, open_events
from portcall.store.journal.tallies import Tally
from portcall.store.records import lease
from portcall.store.records.appending import read_position

CHUNK = 200
"""Events whose rows are read together; an event takes 10 to 30 us."""
KEPT_FRAMES = 10_000
"""How many frame ids are kept: more than the broker puts into one chunk of a stream (4,096)."""
SKEW_MS = 5_000
"""The largest difference between the clocks of producer and deliverer: within it, a record may be
deleted although its event is not older than the retention."""


def settle(
    database: Database, after: Cursor = BEGINNING, term: int | None = None
) -> tuple[int, Cursor | None]:
    """Settle the ended ones of the next open events; how many, and the next cursor (None: done)."""
    with database.reading() as connection:
        since_ms = counters.read(connection, counters.JOURNAL_SINCE)
        rows = open_events(connection, max(after, (since_ms, b"")), limit=CHUNK)
        complete = _complete(connection, [row for row in rows if row.matches is not None])
    if complete:
        with database.writing(durable=False) as connection:
            lease.verify(connection, term)
            # Unless a note arrived in between that changed the expected deliveries.
            connection.execute(_SETTLE, [_values(row, tally) for row, tally in complete])
    return len(complete), rows[-1].cursor if len(rows) == CHUNK else None


def _complete(connection: Connection, rows: Sequence[OpenEvent]) -> list[tuple[OpenEvent, Tally]]:
    """The ended ones, first by the quick count, which is right where nothing was retried."""
    wanted = [(row.event_id, row.digest) for row in rows]
    known = tallies.quick(connection, wanted)
    slow = [row for row in rows if row.digest in known and not _is_complete(row, known)]
    known |= tallies.tally(connection, [(row.event_id, row.digest) for row in slow], 0)
    return [(row, known[row.digest]) for row in rows if _is_complete(row, known)]


def _is_complete(row: OpenEvent, known: dict[bytes, Tally]) -> bool:
    tally = known.get(row.digest)
    return tally is not None and row.is_complete(tally, now_ms())


_SETTLE = (
    update(journal)
    .where(
        journal.c.digest == bindparam("of"),
        journal.c.matches == bindparam("counted"),
        journal.c.checksum == bindparam("summed"),
    )
    .values(
        settled=1,
        delivered=bindparam("as_delivered"),
        given_up=bindparam("as_given_up"),
        cancelled=bindparam("as_cancelled"),
        refused=bindparam("as_refused"),
    )
)


def _values(row: OpenEvent, tally: Tally) -> dict[str, object]:
    return {
        "of": row.digest,
        "counted": row.matches,
        "summed": row.checksum,
        "as_delivered": tally.delivered,
        "as_given_up": tally.given_up,
        "as_cancelled": tally.cancelled,
        "as_refused": tally.refused,
    }


def check(database: Database, term: int | None = None) -> int:
    """Make rows for events of the log that the journal lacks; returns how many were checked.

    Fewer than `CHUNK`: there are no more.

    Such a row says: there are records, and the event was not accepted. A note may still arrive, and
    then completes the row. A ping whose note was lost counts as accepted.
    """
    with database.reading() as connection:
        found = _unchecked(connection)
        known = noting.known_digests(connection, [row.digest for row in found])
        since_ms = counters.read(connection, counters.JOURNAL_SINCE)
        strays = [
            _stray(connection, row)
            for row in found
            if row.digest not in known and row.accepted_ms >= since_ms
        ]
    if found:
        with database.writing(durable=False) as connection:
            lease.verify(connection, term)
            counters.bump(connection, counters.JOURNAL_SINCE, 0)  # locks out writers of notes
            arrived = noting.known_digests(connection, [row.digest for row in strays])
            noting.add(connection, [row for row in strays if row.digest not in arrived])
            counters.put(connection, counters.JOURNAL_CHECKED, found[-1].key)
    return len(found)


def _unchecked(connection: Connection) -> Sequence[sqlalchemy.Row[Any]]:
    after = counters.read(connection, counters.JOURNAL_CHECKED)
    columns = events.c
    query: Select[Any] = (
        select(
            columns.key,
            columns.digest,
            columns.event_id,
            columns.registry,
            columns.accepted_ms,
            columns.action,
            columns.repository,
            columns.tag,
        )
        .where(columns.key > after)
        .order_by(columns.key)
        .limit(CHUNK)
    )
    return connection.execute(query).all()


def _stray(connection: Connection, event: sqlalchemy.Row[Any]) -> JournalRow:
    row = JournalRow(event.digest, event.event_id, event.registry, event.accepted_ms)
    row.action, row.repository, row.tag = event.action, event.repository, event.tag
    if event.action == PING:
        webhook_ids = tallies.deliveries(connection, event.event_id, event.digest)
        steps = differences(webhook_ids)
        noting.note_in(row, Note("", event.event_id, event.registry, event.accepted_ms, steps), 0)
    return row


def prune(connection: Connection, before_ms: int, limit: int) -> int:
    """Delete events that were accepted before a time; see `store.journal.journal.Journal.prune`."""
    horizon_ms = before_ms + SKEW_MS
    since_ms = counters.bump(connection, counters.JOURNAL_SINCE, 0)
    if horizon_ms > since_ms:
        counters.put(connection, counters.JOURNAL_SINCE, horizon_ms)
    gone = 0
    for settled in (0, 1):
        old = (
            select(journal.c.digest)
            .where(journal.c.settled == settled, journal.c.accepted_ms < horizon_ms)
            .limit(limit)
        )
        gone += connection.execute(delete(journal).where(journal.c.digest.in_(old))).rowcount
    return gone


def forget_frames(connection: Connection, stream: str) -> None:
    """Delete the ids of all but the newest frames."""
    position = read_position(connection, stream)
    if position is not None:
        frames = journal_frames.c
        old = frames.stream_offset < position.offset - KEPT_FRAMES
        connection.execute(delete(journal_frames).where(old, frames.notes.is_(None)))
