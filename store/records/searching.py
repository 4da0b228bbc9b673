"""Searching the records: filters, newest first, in bounded time however many records there are.

A search scans backwards from the newest record, or from where the last search stopped, through
windows of ids. It ends with a full page, at the beginning of the log, or after `BUDGET_S`; then it
says how far it got. `store.records.scan` defines the windows.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.reasons import brief_reason
from portcall.schemas.records import Failure, Outcome
from portcall.store.database.database import Database, chunks
from portcall.store.database.tables import MAX_BIG, events, records
from portcall.store.records.event_log import StoredRecord, read_record
from portcall.store.records.filters import Filter, RecordLine
from portcall.store.records.scan import RecordScan

BUDGET_S = 0.25
DELIVERY_BUDGET_S = 1.0
"""Twice that, and a wait for the recorder, are within the 5 s of an answer."""
_DELIVERIES = 5_000


@dataclass(frozen=True, slots=True)
class FoundRecords:
    """The result of a search.

    Attributes:
        lines: Newest first.
        next: Where to continue (the *before* of the next search); None: there is no more.
        searched_to_ms: When the oldest searched record began; None: none was searched.
        is_full: Whether the search ended because the page was full; otherwise, with a *next*,
            because its time was over: "nothing found since ..., search on?".
    """

    lines: list[RecordLine]
    next: int | None = None
    searched_to_ms: int | None = None
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """The result of a search for the event of a delivery.

    Attributes:
        event_id: Empty: it was not found.
        searched_to_ms: If the time was over: when the oldest searched record began.
    """

    event_id: str
    searched_to_ms: int | None = None


class _Brief(msgspec.Struct):
    """The fields of a detail that a list needs."""

    failure: Failure = Failure.NONE
    message: str = ""


_decode_brief = msgspec.json.Decoder(_Brief).decode


class Searching:
    """Finds records.

    All methods may raise `StoreUnavailableError`: the database does not answer.
    """

    def __init__(self, database: Database, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock_s = clock_s

    def search(
        self,
        wanted: Filter,
        *,
        before: int | None = None,
        limit: int = 50,
        budget_s: float = BUDGET_S,
    ) -> FoundRecords:
        """The next matching records, newest first.

        Args:
            wanted: The filter.
            before: Only records with a smaller id: the *next* of the search before.
            limit: How many at most.
            budget_s: How long to search; it may read one window more after that.
        """
        deadline_s = self._clock_s() + budget_s
        with self._database.reading() as connection:
            found = self._walk(RecordScan(connection, wanted, before), limit, deadline_s)
            failed = [each.id for each in found.lines if each.outcome is not Outcome.DELIVERED]
            why = _reasons(connection, failed)
            lines = [replace(each, reason=why.get(each.id, "")) for each in found.lines]
            return replace(found, lines=lines)

    def _walk(self, walk: RecordScan, limit: int, deadline_s: float) -> FoundRecords:
        lines: list[RecordLine] = []
        while not walk.is_over:
            lines += walk.step(limit - len(lines))
            if len(lines) == limit:
                return FoundRecords(lines, lines[-1].id, lines[-1].started_ms, is_full=True)
            if self._clock_s() >= deadline_s:
                return FoundRecords(lines, walk.next, walk.reached_ms())
        return FoundRecords(lines, None, walk.reached_ms())

    def reasons(self, record_ids: Sequence[int]) -> dict[int, str]:
        """Why these records' attempts did not succeed, in brief; those that are stored."""
        with self._database.reading() as connection:
            return _reasons(connection, record_ids)

    def newest_of(self, lines: Sequence[RecordLine]) -> dict[tuple[str, int, int], int]:
        """The id of the newest record of each of these deliveries.

        Args:
            lines: One record of each, at least; all of one webhook.

        Returns:
            By the event's id, when it was accepted, and the webhook's id.
        """
        if not lines:
            return {}
        webhook_id = lines[0].webhook_id
        ids = sorted({each.event_id for each in lines})
        query = (
            select(events.c.event_id, events.c.accepted_ms, func.max(records.c.id))
            .join(events, events.c.key == records.c.event_key)
            .where(records.c.webhook_id == webhook_id)
            .group_by(events.c.event_id, events.c.accepted_ms)
        )
        with self._database.reading() as connection:
            keys = [
                key
                for chunk in chunks(ids)
                for key in connection.execute(
                    select(events.c.key).where(events.c.event_id.in_(chunk))
                ).scalars()
            ]
            return {
                (event_id, accepted_ms, webhook_id): newest
                for chunk in chunks(keys)
                for event_id, accepted_ms, newest in connection.execute(
                    query.where(records.c.event_key.in_(chunk))
                )
            }

    def event_of(
        self, registry: str, wanted: str, *, budget_s: float = DELIVERY_BUDGET_S
    ) -> FoundEvent:
        """The event of the delivery with the id *wanted*, from the newest record backwards.

        A delivery's id is a hash, so it is compared with that of each record: about 300,000 records
        a second. An index would cost every write, for a question that is asked by hand.

        Args:
            registry: The key of the registry.
            wanted: A ``webhook-id``.
            budget_s: How long to search.
        """
        deadline_s = self._clock_s() + budget_s
        before, reached_ms = MAX_BIG, None
        with self._database.reading() as connection:
            while rows := connection.execute(_deliveries_before(before)).all():
                for row in rows:
                    if row.registry == registry and wanted == delivery_id(
                        row.event_id, row.webhook_id
                    ):
                        return FoundEvent(row.event_id)
                before, reached_ms = rows[-1].id, rows[-1].started_ms
                if self._clock_s() >= deadline_s:
                    return FoundEvent("", reached_ms)
        return FoundEvent("")

    def get(self, record_id: int) -> StoredRecord | None:
        """One record with its request, its response and its event; None: there is none."""
        with self._database.reading() as connection:
            return read_record(connection, record_id)


def _reasons(connection: Connection, record_ids: Sequence[int]) -> dict[int, str]:
    columns = (records.c[name] for name in ("id", "outcome", "status", "duration_us", "detail"))
    query = select(*columns)
    return {
        row.id: reason_of(Outcome(row.outcome), row.status, row.duration_us, row.detail)
        for chunk in chunks(list(record_ids))
        for row in connection.execute(query.where(records.c.id.in_(chunk)))
    }


def reason_of(outcome: Outcome, status: int, duration_us: int, detail: bytes) -> str:
    """Why an attempt did not succeed, in brief, from the JSON of its detail."""
    try:
        known = _decode_brief(detail)
    except (msgspec.DecodeError, UnicodeDecodeError):
        known = _Brief()
    return brief_reason(
        outcome,
        known.failure,
        status=status,
        message=known.message,
        duration_us=duration_us,
    )


def _deliveries_before(record_id: int) -> Select[Any]:
    """The deliveries of records with smaller ids, newest first."""
    return (
        select(
            records.c.id,
            records.c.webhook_id,
            records.c.started_ms,
            events.c.event_id,
            events.c.registry,
        )
        .join(events, events.c.key == records.c.event_key)
        .where(records.c.id < record_id)
        .order_by(records.c.id.desc())
        .limit(_DELIVERIES)
    )
