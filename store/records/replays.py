"""Replays: the selection, the progress and the worker of each.

One process works on a replay page by page and holds a lease on it: the position moves after a page
was published. If the process is killed, the lease runs out; the next one repeats one page at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from portcall.schemas.records import Outcome
from portcall.store.database import counters
from portcall.store.database.database import Database
from portcall.store.database.tables import MAX_BIG, replays
from portcall.store.records import selection
from portcall.store.records.selection import Count, SelectedDelivery, Selection


class ReplayState(StrEnum):
    """The state of a replay."""

    RUNNING = "running"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A replay as it is stored.

    Attributes:
        id: Grows with each.
        selection: Which deliveries.
        last_record: It covers the records up to this one; deliveries that end later are not in it.
        rate: Deliveries a second at most.
        total: How many deliveries it had when it was created.
        position: The last record that was processed.
        published: Deliveries that were published.
        disabled: Deliveries skipped because their webhook is disabled.
        state: Its state.
        created_ms: When it was created, milliseconds since the epoch.
        changed_ms: When it last moved or changed its state.
    """

    id: int
    selection: Selection
    last_record: int
    rate: int
    total: int
    position: int
    published: int
    disabled: int
    state: ReplayState
    created_ms: int
    changed_ms: int

    @property
    def gone(self) -> int:
        """Of a completed one: deliveries that no longer existed, or had moved on."""
        if self.state is not ReplayState.COMPLETED:
            return 0
        return max(self.total - self.published - self.disabled, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedPage:
    """A page that was processed.

    Attributes:
        position: Its last record; of an empty page, the replay's last one.
        published: How many of its deliveries were published.
        disabled: How many were skipped.
        is_last: Whether no page follows.
    """

    position: int
    published: int = 0
    disabled: int = 0
    is_last: bool = False


class Replays:
    """The table of replays."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, wanted: Selection) -> Count:
        """Count the deliveries of a replay."""
        with self._database.reading() as connection:
            last = counters.read(connection, counters.RECORD_ID)
            return selection.count(connection, wanted, last)

    def event_id_of(self, webhook_id: int, delivery_id: str) -> str | None:
        """The id of the event of a delivery; None: there is no record of it."""
        with self._database.reading() as connection:
            return selection.event_id_of(connection, webhook_id, delivery_id)

    def create(self, wanted: Selection, *, rate: int, now_ms: int) -> Replay:
        """Create a replay of the current selection."""
        with self._database.reading() as connection:
            last = counters.read(connection, counters.RECORD_ID)
            total = selection.count(connection, wanted, last).total
        values = {
            "registry_key": wanted.registry,
            "webhook_id": wanted.webhook_id,
            "event_id": wanted.event_id,
            "outcomes": ",".join(wanted.outcomes),
            "since_ms": wanted.since_ms,
            "until_ms": wanted.until_ms,
            "last_record": last,
            "rate": rate,
            "total": total,
            "position": 0,
            "published": 0,
            "disabled": 0,
            "state": ReplayState.RUNNING.value,
            "holder": "",
            "lease_ms": 0,
            "created_ms": now_ms,
            "changed_ms": now_ms,
        }
        with self._database.writing() as connection:
            statement = insert(replays).values(values).returning(replays)
            return _read(connection.execute(statement).one())

    def get(self, registry: str, replay_id: int) -> Replay | None:
        """A replay of a registry (its key), or None."""
        query = select(replays).where(_named(registry, replay_id))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else _read(row)

    def list(self, registry: str, *, before: int | None, limit: int) -> list[Replay]:
        """Replays of a registry (its key), newest first, with an id under *before*."""
        query = select(replays).where(replays.c.registry_key == registry)
        if before is not None:
            query = query.where(replays.c.id < min(before, MAX_BIG))
        query = query.order_by(replays.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [_read(row) for row in connection.execute(query)]

    def change(
        self, registry: str, replay_id: int, state: ReplayState, *, where: ReplayState, now_ms: int
    ) -> bool:
        """Give a replay another state, if it is in the state *where*; returns whether it was."""
        named = _named(registry, replay_id) & (replays.c.state == where.value)
        values = {"state": state.value, "changed_ms": now_ms, "holder": "", "lease_ms": 0}
        with self._database.writing() as connection:
            return connection.execute(update(replays).where(named).values(values)).rowcount > 0

    def claim(self, holder: str, *, now_ms: int, lease_ms: int) -> Sequence[Replay]:
        """Take the running replays without a worker, and return all that *holder* has.

        Args:
            holder: The process that asks.
            now_ms: The time.
            lease_ms: For how long they are taken.
        """
        running = replays.c.state == ReplayState.RUNNING.value
        free = running & (replays.c.lease_ms < now_ms) & (replays.c.holder != holder)
        mine = running & (replays.c.holder == holder)
        with self._database.reading() as connection:
            found = list(connection.execute(select(replays.c.id).where(free)).scalars())
        if found:
            with self._database.writing() as connection:
                taken = free & replays.c.id.in_(found)
                values = {"holder": holder, "lease_ms": now_ms + lease_ms}
                connection.execute(update(replays).where(taken).values(values))
        with self._database.reading() as connection:
            rows = connection.execute(select(replays).where(mine).order_by(replays.c.id))
            return [_read(row) for row in rows]

    def page(self, replay: Replay, *, limit: int) -> Sequence[SelectedDelivery]:
        """The next deliveries of a replay."""
        with self._database.reading() as connection:
            return selection.page(
                connection,
                replay.selection,
                after=replay.position,
                last_record=replay.last_record,
                limit=limit,
            )

    def renew(self, replay: Replay, holder: str, *, now_ms: int, lease_ms: int) -> bool:
        """Extend a lease; False: another process has it by now, or the replay is not running."""
        return self._write(replay, holder, {"lease_ms": now_ms + lease_ms})

    def advance(
        self, replay: Replay, holder: str, step: ReplayedPage, *, now_ms: int, lease_ms: int
    ) -> bool:
        """Note that a page was processed; False as for `renew`, and nothing is noted."""
        state = ReplayState.COMPLETED if step.is_last else ReplayState.RUNNING
        values = {
            "position": step.position,
            "published": replays.c.published + step.published,
            "disabled": replays.c.disabled + step.disabled,
            "state": state.value,
            "changed_ms": now_ms,
            "lease_ms": now_ms + lease_ms,
        }
        return self._write(replay, holder, values)

    def prune(self, before_ms: int) -> int:
        """Delete replays that do not run and last changed before *before_ms*; returns how many."""
        old = (replays.c.state != ReplayState.RUNNING.value) & (replays.c.changed_ms < before_ms)
        with self._database.reading() as connection:
            if connection.execute(select(replays.c.id).where(old).limit(1)).first() is None:
                return 0
        with self._database.writing() as connection:
            return connection.execute(delete(replays).where(old)).rowcount

    def release(self, holder: str) -> None:
        """Leave all replays of *holder* to other processes."""
        with self._database.writing() as connection:
            connection.execute(
                update(replays).where(replays.c.holder == holder).values(holder="", lease_ms=0)
            )

    def _write(self, replay: Replay, holder: str, values: dict[str, Any]) -> bool:
        mine = (
            (replays.c.id == replay.id)
            & (replays.c.holder == holder)
            & (replays.c.state == ReplayState.RUNNING.value)
            & (replays.c.position == replay.position)
        )
        with self._database.writing() as connection:
            return connection.execute(update(replays).where(mine).values(values)).rowcount > 0


def _named(registry: str, replay_id: int) -> ColumnElement[bool]:
    return (replays.c.registry_key == registry) & (replays.c.id == min(replay_id, MAX_BIG))


def _read(row: Row[Any]) -> Replay:
    return Replay(
        id=row.id,
        selection=Selection(
            registry=row.registry_key,
            webhook_id=row.webhook_id,
            event_id=row.event_id,
            outcomes=tuple(Outcome(word) for word in row.outcomes.split(",")),
            since_ms=row.since_ms,
            until_ms=row.until_ms,
        ),
        last_record=row.last_record,
        rate=row.rate,
        total=row.total,
        position=row.position,
        published=row.published,
        disabled=row.disabled,
        state=ReplayState(row.state),
        created_ms=row.created_ms,
        changed_ms=row.changed_ms,
    )
