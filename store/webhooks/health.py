"""Webhook health: since when all attempts of a webhook fail, its probes, and its counters.

It is computed beside the hot path, from the records of the log in the order of their ids. The
position is stored with those of the streams, and moves in the transaction of its effects: if
several processes scan the same records, only one of them commits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, case, func, insert, or_, select, update

from portcall.schemas.durations import format_duration
from portcall.schemas.records import Outcome
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.webhooks import Cause, Status
from portcall.store.database import counters
from portcall.store.database.database import Database, chunks
from portcall.store.database.tables import positions, records, webhooks

PLACE = "portcall.standing"
"""The name of our position; its offset is the id of a record."""
WINDOW = 50_000
"""Records in one query: some 50 ms on SQLite."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SILENCES = 4
"""A time without an attempt counts as at most this part of the limit, because attempts may have
been impossible. So it takes five failures at least to disable a webhook; one before and one after
an outage of ours are not enough."""

COUNTERS = ("delivered", "failed", "given_up", "cancelled", "refused")
_FAILED = (Outcome.RETRIED.value, Outcome.GIVEN_UP.value)
_ANSWERED = (Outcome.DELIVERED.value, Outcome.REFUSED.value)
"""They end a time of failures: a receiver that refuses for good is there, and reads its events."""


@dataclass(frozen=True, slots=True)
class Advance:
    """The result of a scan of the log.

    Attributes:
        disabled: The webhooks that were disabled, with the reason.
        more: Whether there are more records to scan.
    """

    disabled: Sequence[tuple[int, str]] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Change:
    """What the records say about one webhook; *until_ms* is set if it must be disabled.

    *limit_ms* is how long it may fail; set if it must be disabled.
    """

    row: Row[Any]
    since_ms: int
    until_ms: int = 0
    limit_ms: int = 0


class WebhookHealth:
    """Computes and stores the health of webhooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def advance(self, *, disable_after_ms: int, now_ms: int, window: int = WINDOW) -> Advance:
        """Scan the new records, and disable webhooks that failed for too long.

        A webhook is disabled when two of its attempts failed so long apart and none in between
        succeeded. Silence is no failure: a silent time between two failures counts only as a part
        of the limit at most.

        Args:
            disable_after_ms: For webhooks without their own limit; 0: never.
            now_ms: The time, milliseconds since the epoch.
            window: How many records at most.

        Raises:
            StoreUnavailableError: The database does not answer; nothing was changed.
        """
        with self._database.reading() as connection:
            before = _place(connection)
            reached = _end_of(connection, before or 0, window)
            if reached is None:
                return Advance()
            seen = _seen(connection, before or 0, reached)
            changes = [
                change
                for row in _enabled(connection, list(seen))
                if (change := _judged(row, seen[row.id], disable_after_ms)) is not None
            ]
            changes = [_without_silence(connection, change, reached) for change in changes]
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)  # locks out changes of webhooks
            if _place(connection) != before:
                return Advance(more=True)
            _move(connection, before, reached)
            _count(connection, seen.values())
            disabled = _change(connection, changes, now_ms)
        return Advance(disabled, more=True)

    def claim_probes(self, now_ms: int, first_ms: int = HOUR_MS) -> list[int]:
        """The webhooks whose automatic probe is due: each is returned to one caller only.

        Args:
            now_ms: The time.
            first_ms: How long after the disabling the first one is due. The pauses double up to a
                day: after an hour come 2, 4, 8, 16 h more, and then one probe a day.
        """
        asked = or_(
            webhooks.c.probe.is_(True),
            webhooks.c.probe.is_(None) & (webhooks.c.cause == Cause.FAILING.value),
        )
        query = (
            select(webhooks.c.id, webhooks.c.status_changed_ms, webhooks.c.probed_ms)
            .where(webhooks.c.status == Status.DISABLED.value)
            .where(webhooks.c.cause != Cause.OWNER.value)
            .where(asked)
        )
        with self._database.reading() as connection:
            due = [
                row
                for row in connection.execute(query)
                if next_probe_ms(row.status_changed_ms, row.probed_ms, first_ms) <= now_ms
            ]
        if not due:
            return []
        with self._database.writing() as connection:
            return [row.id for row in due if _probed(connection, row.id, row.probed_ms, now_ms)]

    def probed(self, webhook_id: int, before_ms: int, now_ms: int) -> bool:
        """Note a probe; returns whether no other process did since *before_ms*."""
        with self._database.writing() as connection:
            return _probed(connection, webhook_id, before_ms, now_ms)


def next_probe_ms(disabled_ms: int, probed_ms: int, first_ms: int = HOUR_MS) -> int:
    """When the next probe is due: the pause doubles from the first one to a day."""
    last = max(probed_ms, disabled_ms)
    return last + min(last - disabled_ms + first_ms, max(DAY_MS, first_ms))


def _probed(connection: Connection, webhook_id: int, before_ms: int, now_ms: int) -> bool:
    mine = (webhooks.c.id == webhook_id) & (webhooks.c.probed_ms == before_ms)
    return connection.execute(update(webhooks).where(mine).values(probed_ms=now_ms)).rowcount > 0


def _place(connection: Connection) -> int | None:
    query = select(positions.c.stream_offset).where(positions.c.stream == PLACE)
    place: int | None = connection.execute(query).scalar_one_or_none()
    return place


def _move(connection: Connection, before: int | None, reached: int) -> None:
    if before is None:
        values = {"stream": PLACE, "stream_offset": reached, "frame_id": ""}
        connection.execute(insert(positions).values(values))
    else:
        ours = update(positions).where(positions.c.stream == PLACE)
        connection.execute(ours.values(stream_offset=reached))


def _end_of(connection: Connection, after: int, window: int) -> int | None:
    """The last of the next records; None: there is none."""
    following = select(records.c.id).where(records.c.id > after).order_by(records.c.id)
    end: int | None = connection.execute(
        select(func.max(following.limit(window).subquery().c.id))
    ).scalar_one()
    return end


def _seen(connection: Connection, after: int, reached: int) -> dict[int, Row[Any]]:
    """What the records after *after* say about each webhook, aggregated by the database."""
    failed = records.c.outcome.in_(_FAILED)
    query: Select[Any] = (
        select(
            records.c.webhook_id,
            func.max(case((records.c.outcome.in_(_ANSWERED), records.c.id))).label("answered"),
            func.max(case((failed, records.c.id))).label("failed"),
            func.min(case((failed, records.c.started_ms))).label("first_ms"),
            func.max(case((failed, records.c.started_ms))).label("last_ms"),
            func.count(case((records.c.outcome == Outcome.DELIVERED.value, 1))).label("delivered"),
            func.count(case((failed, 1))).label("failures"),
            func.count(case((records.c.outcome == Outcome.GIVEN_UP.value, 1))).label("given_up"),
            func.count(case((records.c.outcome == Outcome.CANCELLED.value, 1))).label("cancelled"),
            func.count(case((records.c.outcome == Outcome.REFUSED.value, 1))).label("refused"),
        )
        .where(records.c.id > after)
        .where(records.c.id <= reached)
        .group_by(records.c.webhook_id)
    )
    return {row.webhook_id: row for row in connection.execute(query)}


def _count(connection: Connection, seen: Iterable[Row[Any]]) -> None:
    """Add the records' counts to the webhooks' counters; webhooks deleted meanwhile have none."""
    added = [
        {
            "row_id": row.webhook_id,
            "delivered_more": row.delivered,
            "failed_more": row.failures,
            "given_up_more": row.given_up,
            "cancelled_more": row.cancelled,
            "refused_more": row.refused,
        }
        for row in seen
    ]
    more = {name: webhooks.c[name] + bindparam(f"{name}_more") for name in COUNTERS}
    connection.execute(
        update(webhooks).where(webhooks.c.id == bindparam("row_id")).values(more), added
    )


def _enabled(connection: Connection, webhook_ids: Sequence[int]) -> Iterable[Row[Any]]:
    query: Select[Any] = select(
        webhooks.c.id,
        webhooks.c.revision,
        webhooks.c.status_changed_ms,
        webhooks.c.failing_since_ms,
        webhooks.c.disable_after_ms,
    ).where(webhooks.c.status == Status.ENABLED.value)
    for chunk in chunks(webhook_ids):
        yield from connection.execute(query.where(webhooks.c.id.in_(chunk)))


def _judged(row: Row[Any], seen: Row[Any], disable_after_ms: int) -> _Change | None:
    """The change of a webhook; None: there is none."""
    since_ms: int = row.failing_since_ms
    if seen.answered is not None:
        since_ms = 0
    if seen.failed is not None and seen.failed > (seen.answered or 0) and not since_ms:
        # If it answered in between, the first failure after that is unknown. The last one is
        # used: it is later by one scan at most, and never too early.
        first_ms = seen.first_ms if seen.answered is None else seen.last_ms
        since_ms = max(first_ms, row.status_changed_ms)
    after_ms = disable_after_ms if row.disable_after_ms is None else row.disable_after_ms
    if since_ms and after_ms and seen.failed and seen.last_ms - since_ms >= after_ms:
        return _Change(row, since_ms, seen.last_ms, after_ms)
    return None if since_ms == row.failing_since_ms else _Change(row, since_ms)


def _without_silence(connection: Connection, change: _Change, reached: int) -> _Change:
    """The change, unless the webhook would be disabled for being silent.

    It is called only for a webhook that would be disabled: it reads each of its failures.
    """
    if not change.until_ms:
        return change
    longest_ms = change.limit_ms // SILENCES
    before = func.lag(records.c.started_ms).over(order_by=records.c.started_ms)
    gaps = (
        select((records.c.started_ms - before).label("gap_ms"))
        .where(records.c.webhook_id == change.row.id)
        .where(records.c.id <= reached)
        .where(records.c.started_ms >= change.since_ms)
        .where(records.c.outcome.in_(_FAILED))
        .subquery()
    )
    silent_ms = connection.execute(
        select(func.sum(gaps.c.gap_ms - longest_ms)).where(gaps.c.gap_ms > longest_ms)
    ).scalar_one()
    failing_ms = change.until_ms - change.since_ms - int(silent_ms or 0)
    return change if failing_ms >= change.limit_ms else replace(change, until_ms=0)


def _change(
    connection: Connection, changes: Sequence[_Change], now_ms: int
) -> list[tuple[int, str]]:
    """Write the changes, except for webhooks that changed since they were read."""
    if not changes:
        return []
    same = (webhooks.c.id == bindparam("row_id")) & (webhooks.c.revision == bindparam("read_at"))
    values = [
        {"row_id": each.row.id, "read_at": each.row.revision, "since": each.since_ms}
        for each in changes
    ]
    connection.execute(
        update(webhooks).where(same).values(failing_since_ms=bindparam("since")), values
    )
    return [
        (each.row.id, _reason(each))
        for each in changes
        if each.until_ms and _disable(connection, each, now_ms)
    ]


def _disable(connection: Connection, change: _Change, now_ms: int) -> bool:
    values = {
        "status": Status.DISABLED.value,
        "status_reason": _reason(change),
        "status_changed_ms": now_ms,
        "cause": Cause.FAILING.value,
        "probed_ms": 0,
        "revision": counters.bump(connection, counters.REVISION),
    }
    same = (webhooks.c.id == change.row.id) & (webhooks.c.revision == change.row.revision)
    return connection.execute(update(webhooks).where(same).values(values)).rowcount > 0


def _reason(change: _Change) -> str:
    seconds = (change.until_ms - change.since_ms) // 1000 * 1000
    return (
        f"every attempt failed since {acr_timestamp(change.since_ms)}, for"
        f" {format_duration(max(seconds, 1000))}: the webhook was disabled"
    )
