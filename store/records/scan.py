"""Walking back through the records in windows of ids, each of which costs about as much.

Ids grow in the order of the stream, which is nearly that of time: a time is found among the ids by
halving, with `SLACK_MS` to either side for what was slow to reach the stream. A window's lower end
comes from an index, so that a window without a match costs a known number of records, and no more.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal_column, select, text

from portcall.schemas.records import Outcome
from portcall.store.database.tables import events, records
from portcall.store.records.filters import Filter, RecordLine, of_events, of_records

WINDOWS = (1_000, 4_000, 10_000)
"""Records of the first window, of the second, and of all others: 1,000 of them take about 1 ms."""
SLACK_MS = 600_000
MAX_EVENTS = 500
_MAX_ID = 2**63 - 1
_HIDDEN_ID: ColumnElement[int] = literal_column("+records.id")
"""The plus keeps SQLite from reading the records by their ids where it has those of an event."""
_GIVEN_UP = frozenset({Outcome.GIVEN_UP})


class RecordScan:
    """One search on its way.

    Args:
        connection: Of a reading transaction.
        wanted: Which records.
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
        """Whether there is nothing left to look at."""
        return self._before <= self._lowest

    @property
    def next(self) -> int | None:
        """Where to go on; None: there is nothing left."""
        return None if self.is_over else self._before

    def step(self, limit: int) -> list[RecordLine]:
        """Look at the next window, and give what fits, newest first, *limit* at most."""
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
        """When the oldest record began that was looked at."""
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
        """When the record with that id began, or the next one that there is."""
        following = select(records.c.started_ms).where(records.c.id >= record_id)
        nearest = following.order_by(records.c.id).limit(1)
        started_ms: int | None = self._connection.execute(nearest).scalar_one_or_none()
        return started_ms


def _whose(connection: Connection, wanted: Filter) -> list[ColumnElement[bool]]:
    """What an index leads to: the webhook, the events of an id, or the outcome."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.event_id:
        named = select(events.c.key).where(events.c.event_id == wanted.event_id)
        newest = named.order_by(events.c.key.desc()).limit(MAX_EVENTS)
        conditions.append(records.c.event_key.in_(connection.execute(newest).scalars().all()))
    if wanted.webhook_id is not None:
        conditions.append(records.c.webhook_id == wanted.webhook_id)
    if not conditions and wanted.outcomes == _GIVEN_UP:
        conditions.append(_given_up())
    return conditions


def _lowest(connection: Connection) -> int:
    lowest: int | None = connection.execute(select(func.min(records.c.id))).scalar_one()
    return _MAX_ID if lowest is None else lowest


def _given_up() -> ColumnElement[bool]:
    """The condition on the outcome; written out, or SQLite would not use the index of it."""
    return text("records.outcome = 'given_up'")  # type: ignore[return-value]  # a condition is one


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
