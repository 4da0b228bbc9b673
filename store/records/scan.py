"""The record scan: backwards through the records in windows of ids, each of a limited cost.

Ids grow in the order of the stream, which is nearly that of time. So a time is found among the ids
by binary search, with `SLACK_MS` on either side for records that reached the stream late. A
window's lower end comes from an index, so a window without a match costs a known number of records.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal_column, select

from portcall.schemas.records import Outcome
from portcall.store.database.tables import MAX_BIG, events, records
from portcall.store.records.filters import (
    INDEXED,
    Filter,
    RecordLine,
    is_outcome,
    of_events,
    of_records,
)

WINDOWS = (1_000, 4_000, 10_000)
"""Records of the first window, of the second, and of all others: 1,000 of them take about 1 ms."""
SLACK_MS = 600_000
MAX_EVENTS = 500
_HIDDEN_ID: ColumnElement[int] = literal_column("+records.id")
"""The plus keeps SQLite from scanning the records by id when it has those of an event."""


class RecordScan:
    """One search in progress.

    Args:
        connection: A reading transaction's.
        wanted: The filter.
        before: Only records with a smaller id; None: all.
    """

    def __init__(self, connection: Connection, wanted: Filter, before: int | None) -> None:
        self._connection = connection
        self._wanted = wanted
        self._whose = _whose(connection, wanted)
        self._steps = 0
        self._lowest = _lowest(connection)
        self._reached: int | None = None
        start = self._newest() + 1
        if before is not None:
            start = min(start, before)
        if wanted.until_ms is not None:
            start = min(start, self._first_after(wanted.until_ms + SLACK_MS, start))
        if wanted.since_ms is not None:
            self._lowest = max(self._lowest, self._first_after(wanted.since_ms - SLACK_MS, start))
        self._before = start

    @property
    def is_over(self) -> bool:
        """Whether no records are left."""
        return self._before <= self._lowest

    @property
    def next(self) -> int | None:
        """Where to continue; None: nothing is left."""
        return None if self.is_over else self._before

    def step(self, limit: int) -> list[RecordLine]:
        """Search the next window; returns matches, newest first, *limit* at most."""
        size = WINDOWS[min(self._steps, len(WINDOWS) - 1)]
        self._steps += 1
        lower = max(self._lower_end(size), self._lowest)
        place = _HIDDEN_ID if self._wanted.event_id else records.c.id
        query = (
            _lines()
            .where(place >= lower, place < self._before)
            .where(*self._whose, *of_records(self._wanted), *of_events(self._wanted))
            .order_by(place.desc())
            .limit(limit)
        )
        lines = [_line(row) for row in self._connection.execute(query)]
        self._before = self._reached = lower
        return lines

    def reached_ms(self) -> int | None:
        """When the oldest searched record began."""
        if self._reached is None:
            return None
        return self._started_ms(self._reached)

    def _lower_end(self, size: int) -> int:
        """The id from which the window is *size* records long."""
        if not self._whose:
            return self._before - size  # ids have few gaps
        if self._wanted.event_id:
            return self._lowest  # of a few events there are few records
        query = select(records.c.id).where(records.c.id < self._before).where(*self._whose)
        nth = query.order_by(records.c.id.desc()).offset(size - 1).limit(1)
        found = self._connection.execute(nth).scalar_one_or_none()
        return self._lowest if found is None else found

    def _newest(self) -> int:
        return self._connection.execute(select(func.max(records.c.id))).scalar_one() or 0

    def _first_after(self, time_ms: int, end: int) -> int:
        """About the first id below *end* of a record that began at a time or later."""
        low, high = self._lowest, end
        while low < high:
            middle = (low + high) // 2
            started_ms = self._started_ms(middle)
            if started_ms is None or started_ms >= time_ms:
                high = middle
            else:
                low = middle + 1
        return low

    def _started_ms(self, record_id: int) -> int | None:
        """When the record with that id, or the next existing one, began."""
        following = select(records.c.started_ms).where(records.c.id >= record_id)
        nearest = following.order_by(records.c.id).limit(1)
        started_ms: int | None = self._connection.execute(nearest).scalar_one_or_none()
        return started_ms


def _whose(connection: Connection, wanted: Filter) -> list[ColumnElement[bool]]:
    """The condition that uses an index: the webhook, the events of an id, or the outcome."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.event_id:
        named = select(events.c.key).where(events.c.event_id == wanted.event_id)
        newest = named.order_by(events.c.key.desc()).limit(MAX_EVENTS)
        conditions.append(records.c.event_key.in_(connection.execute(newest).scalars().all()))
    if wanted.webhook_id is not None:
        conditions.append(records.c.webhook_id == wanted.webhook_id)
    if not conditions and len(wanted.outcomes) == 1 and wanted.outcomes <= INDEXED.keys():
        conditions.append(is_outcome(*wanted.outcomes))
    return conditions


def _lowest(connection: Connection) -> int:
    lowest: int | None = connection.execute(select(func.min(records.c.id))).scalar_one()
    return MAX_BIG if lowest is None else lowest


def _lines() -> Select[Any]:
    return select(
        records.c.id,
        events.c.event_id,
        events.c.registry,
        events.c.action,
        events.c.repository,
        events.c.tag,
        events.c.accepted_ms,
        records.c.webhook_id,
        records.c.attempt,
        records.c.outcome,
        records.c.status,
        records.c.started_ms,
        records.c.duration_us,
    ).join_from(records, events, records.c.event_key == events.c.key)


def _line(row: Row[Any]) -> RecordLine:
    values = dict(row._mapping)  # noqa: SLF001 (documented; the underscore keeps column names free)
    values["outcome"] = Outcome(values["outcome"])
    return RecordLine(**values)
