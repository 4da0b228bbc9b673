"""Rollup: the recorder scans the records by their ids, and adds each once to its sums.

The position is stored with those of the streams. It moves in the transaction of the sums, and only
from where this scan saw it: after a kill -9 nothing is counted twice or left out, and if several
processes scan the same records, only one of them commits. Events are counted when the frames of the
journal are stored, in the same transaction. Figures: docs/decisions/0019.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select, update

from portcall.schemas.records import Outcome
from portcall.store.database.database import Database, chunks, matching
from portcall.store.database.tables import positions, records, traffic
from portcall.store.traffic.buckets import FIVE, FOR_GOOD, NARROW, TEN, WIDE, BucketLength
from portcall.store.traffic.latency import bin_of, decode_bins, encode_bins, merge_bins

PLACE = "portcall.traffic"
"""The name of our position; its offset is the id of a record."""
WINDOW = 10_000
"""Records in one transaction: some 100 ms, of which it holds the write lock for a quarter."""

_CANCELLED = Outcome.CANCELLED.value
_GIVEN_UP = Outcome.GIVEN_UP.value
_DELIVERED = Outcome.DELIVERED.value
_REFUSED = Outcome.REFUSED.value
_KEY = ("registry", "webhook_id", "step_s", "start_s")
_KEYED = (*_KEY, "latency")
_ALL = ("", 0)

Subject = tuple[str, int]
"""The subject of sums: a registry and a webhook's id; 0: the registry; no registry: everything."""
Key = tuple[str, int, int, int]
"""A row: the subject, the bucket's length and when it began, seconds."""


@dataclass(slots=True)
class _Tally:
    """The amounts that a batch adds to one row."""

    attempts: int = 0
    succeeded: int = 0
    given_up: int = 0
    cancelled: int = 0
    refused: int = 0
    bins: dict[int, int] = field(default_factory=dict)

    def merge(self, other: "_Tally") -> None:
        self.attempts += other.attempts
        self.succeeded += other.succeeded
        self.given_up += other.given_up
        self.cancelled += other.cancelled
        self.refused += other.refused
        merge_bins(self.bins, other.bins)


def advance(database: Database, *, now_ms: int, window: int = WINDOW) -> int:
    """Sum up the next records; returns how many there were (fewer than *window*: no more).

    Args:
        database: The database.
        now_ms: The time: records too old for a bucket are left out of it, and records of the future
            count as of now.
        window: How many records at most.

    Raises:
        StoreUnavailableError: The database does not answer; nothing was changed, or all of it.
    """
    with database.reading() as connection:
        before = _place(connection)
        reached = _end_of(connection, before, window)
        if reached is None:
            return 0
        rows = _walked(connection, before, reached)
    tallies = _tallied(rows, now_ms)
    with database.writing(durable=False) as connection:
        if _move(connection, before, reached):
            _store(connection, tallies)
    return len(rows)


def is_behind(connection: Connection) -> bool:
    """Whether there are records that are not in the sums yet."""
    newest = connection.execute(select(func.max(records.c.id))).scalar_one()
    return newest is not None and newest > _place(connection)


def add_events(connection: Connection, acceptances: Iterable[tuple[str, int]], now_ms: int) -> None:
    """Count accepted events, in a transaction that ensures that each is counted once.

    Args:
        connection: Of a writing transaction.
        acceptances: For each event its registry's key, and when it was accepted, milliseconds.
        now_ms: The time.
    """
    by_registry = Counter(
        (registry, min(accepted_ms, now_ms) // 10_000 * 10) for registry, accepted_ms in acceptances
    )
    counts: Counter[Key] = Counter()
    for (registry, second), count in by_registry.items():
        for subject, step in _kept([(registry, 0), _ALL], WIDE, second, now_ms):
            counts[*subject, step.length_s, second - second % step.length_s] += count
    rows = [(*key, 0, 0, 0, 0, 0, count, b"") for key, count in sorted(counts.items())]
    _upsert(connection, rows, with_latency=False)


def prune(database: Database, *, now_ms: int, before_ms: int, limit: int) -> int:
    """Delete the oldest expired rows, in one short transaction.

    Args:
        database: The database.
        now_ms: The time.
        before_ms: The records' horizon, for rows that are kept as long as records.
        limit: About how many rows of each bucket length.

    Returns:
        How many; call again until it is 0.
    """
    gone = 0
    with database.writing(durable=False) as connection:
        for step in (*WIDE, NARROW[0]):
            for of_all in (True, False):
                kept_s = step.kept_of_all_s if of_all else step.kept_s
                until_s = before_ms // 1000 if kept_s == FOR_GOOD else now_ms // 1000 - kept_s
                gone += _forget(connection, step, until_s, limit, of_all=of_all)
    return gone


def _place(connection: Connection) -> int:
    query = select(positions.c.stream_offset).where(positions.c.stream == PLACE)
    place: int = connection.execute(query).scalar_one()
    return place


def _move(connection: Connection, before: int, reached: int) -> bool:
    """Move the position; returns whether no other process did. Locks out others, on PostgreSQL."""
    ours = (positions.c.stream == PLACE) & (positions.c.stream_offset == before)
    moved = connection.execute(update(positions).where(ours).values(stream_offset=reached))
    return moved.rowcount > 0


def _end_of(connection: Connection, after: int, window: int) -> int | None:
    """The last of the next records; None: there is none."""
    following = select(records.c.id).where(records.c.id > after).order_by(records.c.id)
    end: int | None = connection.execute(
        select(func.max(following.limit(window).subquery().c.id))
    ).scalar_one()
    return end


def _walked(connection: Connection, after: int, reached: int) -> Sequence[Any]:
    """The next records. In plain SQL: this is the hot path of the scan."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    return connection.exec_driver_sql(
        "SELECT records.webhook_id, records.outcome, records.status, records.started_ms,"  # noqa: S608 (a mark)
        " records.duration_us, events.registry FROM records"
        " JOIN events ON records.event_key = events.key"
        f" WHERE records.id > {mark} AND records.id <= {mark}",
        (after, reached),
    ).all()


def _added_up(
    rows: Iterable[Any], now_ms: int
) -> tuple[dict[tuple[str, int, int], _Tally], dict[tuple[str, int], _Tally]]:
    """By webhook and 5 minutes, and by registry and 10 s: all other sums are made of these.

    It is the loop of the hot path, so it is one function.
    """
    narrow: dict[tuple[str, int, int], _Tally] = {}
    wide: dict[tuple[str, int], _Tally] = {}
    for webhook_id, outcome, status, started_ms, duration_us, registry in rows:
        second = (min(now_ms, started_ms)) // 1000
        key = (registry, webhook_id, second - second % FIVE.length_s)
        one = narrow.get(key)
        if one is None:
            one = narrow[key] = _Tally()
        place = (registry, second - second % TEN.length_s)
        whole = wide.get(place)
        if whole is None:
            whole = wide[place] = _Tally()
        if outcome == _CANCELLED:
            one.cancelled += 1
            whole.cancelled += 1
            continue
        if outcome == _GIVEN_UP:
            one.given_up += 1
            whole.given_up += 1
            if not status and not duration_us:
                continue  # cancelled because it was too old
        one.attempts += 1
        whole.attempts += 1
        if outcome == _DELIVERED:
            one.succeeded += 1
            whole.succeeded += 1
        elif outcome == _REFUSED:
            one.refused += 1
            whole.refused += 1
        if status:
            number = bin_of(duration_us)
            one.bins[number] = one.bins.get(number, 0) + 1
            whole.bins[number] = whole.bins.get(number, 0) + 1
    return narrow, wide


def _tallied(rows: Iterable[Any], now_ms: int) -> dict[Key, _Tally]:
    """The sums of every subject for every bucket that is kept of it."""
    by_webhook, by_registry = _added_up(rows, now_ms)
    tallies: dict[Key, _Tally] = {}
    for (registry, webhook_id, start_s), tally in by_webhook.items():
        kept = _kept([(registry, webhook_id)], NARROW, start_s, now_ms)
        _spread(tallies, kept, start_s, tally)
    for (registry, start_s), tally in by_registry.items():
        kept = _kept([(registry, 0), _ALL], WIDE, start_s, now_ms)
        _spread(tallies, kept, start_s, tally)
    return tallies


def _spread(
    tallies: dict[Key, _Tally],
    kept: Iterable[tuple[Subject, BucketLength]],
    start_s: int,
    tally: _Tally,
) -> None:
    """Add a tally to the rows of some subjects."""
    for subject, step in kept:
        key = (*subject, step.length_s, start_s - start_s % step.length_s)
        tallies.setdefault(key, _Tally()).merge(tally)


def _kept(
    subjects: Iterable[Subject], steps: Sequence[BucketLength], second: int, now_ms: int
) -> Iterator[tuple[Subject, BucketLength]]:
    """The buckets of some subjects that are kept for so long."""
    for subject in subjects:
        for step in steps:
            kept_s = step.kept_of_all_s if subject == _ALL else step.kept_s
            if kept_s == FOR_GOOD or second >= now_ms // 1000 - kept_s:
                yield subject, step


def _store(connection: Connection, tallies: Mapping[Key, _Tally]) -> None:
    keys = sorted(tallies)  # in one order, or two writers could wait for each other
    for chunk in chunks(keys):
        for row in matching(connection, traffic, _KEY, _KEYED, chunk):
            key = (row.registry, row.webhook_id, row.step_s, row.start_s)
            merge_bins(tallies[key].bins, decode_bins(row.latency))
    rows = [
        (
            *key,
            tally.attempts,
            tally.succeeded,
            tally.given_up,
            tally.cancelled,
            tally.refused,
            0,
            encode_bins(tally.bins),
        )
        for key, tally in ((key, tallies[key]) for key in keys)
    ]
    _upsert(connection, rows, with_latency=True)


def _upsert(
    connection: Connection, rows: Sequence[tuple[object, ...]], *, with_latency: bool
) -> None:
    """Insert rows, or add to them; the latency replaces the row's, so there may be one writer."""
    if not rows:
        return
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    summed = ("attempts", "succeeded", "given_up", "cancelled", "refused", "events")
    changes = [f"{name} = traffic.{name} + excluded.{name}" for name in summed]
    if with_latency:
        changes.append("latency = excluded.latency")
    columns = (*_KEY, *summed, "latency")
    connection.exec_driver_sql(
        f"INSERT INTO traffic ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"  # noqa: S608 (names are ours)
        f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {', '.join(changes)}",
        list(rows),
    )


def _forget(
    connection: Connection, step: BucketLength, until_s: int, limit: int, *, of_all: bool
) -> int:
    of = traffic.c.registry == "" if of_all else traffic.c.registry != ""
    old = (traffic.c.step_s == step.length_s) & (traffic.c.start_s < until_s) & of
    nth = select(traffic.c.start_s).where(old).order_by(traffic.c.start_s)
    last_s = connection.execute(nth.offset(limit - 1).limit(1)).scalar_one_or_none()
    if last_s is not None:
        old &= traffic.c.start_s <= last_s
    return connection.execute(traffic.delete().where(old)).rowcount
