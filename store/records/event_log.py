"""The event log: the recorder writes it; list-events, explain and redeliveries read it.

Records have ids that grow in the order of the stream, so "newest first" and "oldest first" are the
primary key backwards and forwards. See `store.records.appending` and `store.records.pruning`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.frames import RawRecordFrame
from portcall.schemas.records import Detail, Outcome
from portcall.store.database.database import Database, chunks, matching
from portcall.store.database.tables import MAX_BIG, events, records
from portcall.store.records import appending, bodies, lease, pruning, stored_extras
from portcall.store.records.appending import Position

_decode_detail = msgspec.json.Decoder(Detail).decode
DeliveryKey = tuple[str, int, int, int]
"""An event's id, when the event was accepted (ms), a webhook's id, and the number of the attempt at
which the delivery's schedule begins: over 1 for a replayed one."""

_MAX_EVENTS = 500
_EVENT_ID = ("event_id",)
_ACCEPTANCE = ("key", "event_id", "accepted_ms")
_DELIVERY = ("event_key", "webhook_id")
_ATTEMPT = ("event_key", "webhook_id", "attempt", "outcome")
_ENDINGS = frozenset((Outcome.DELIVERED, Outcome.GIVEN_UP, Outcome.CANCELLED, Outcome.REFUSED))
ENDED = 2**31
"""Used as an attempt's number, larger than any real one: the delivery has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """One record with its event.

    Attributes:
        id: Grows in the order of the stream; has gaps.
        event_id: The event's id.
        registry: The event's registry, in lower case.
        action: The event's action.
        repository: Empty for a ping.
        tag: Empty where the event has none.
        accepted_ms: When the event was accepted, milliseconds since the epoch.
        body: The JSON that was POSTed.
        webhook_id: Its webhook.
        attempt: The number of the attempt, from 1.
        outcome: How it ended.
        status: The HTTP status; 0 where there was no answer.
        started_ms: When the attempt began, milliseconds since the epoch.
        duration_us: How long it took, microseconds.
        detail: The request, the response, and why.
        extras: What the event's source tells beyond the payload; None: nothing.
    """

    id: int
    event_id: str
    registry: str
    action: str
    repository: str
    tag: str
    accepted_ms: int
    body: bytes
    webhook_id: int
    attempt: int
    outcome: Outcome
    status: int
    started_ms: int
    duration_us: int
    detail: Detail
    extras: Extras | None = None

    @property
    def delivery_id(self) -> str:
        """The ``webhook-id`` of the attempt."""
        return delivery_id(self.event_id, self.webhook_id)

    @property
    def event(self) -> Event:
        """The event in the form that the broker carried."""
        return Event(
            id=self.event_id,
            registry=self.registry,
            action=self.action,
            accepted_ms=self.accepted_ms,
            body=msgspec.Raw(self.body),
            repository=self.repository,
            tag=self.tag,
            extras=self.extras,
        )


class EventLog:
    """The records, their events, and the stored position of each stream.

    Args:
        database: The database.
        term: The term in which a recorder writes; see `store.records.lease`. None: unchecked.
    """

    def __init__(self, database: Database, term: int | None = None) -> None:
        self._database = database
        self._term = term

    def in_term(self, term: int) -> "EventLog":
        """The same log, which accepts frames in that term of the recorder's lease only."""
        return EventLog(self._database, term)

    def position(self, stream: str) -> Position | None:
        """The last stored frame of *stream*; None: none yet."""
        with self._database.reading() as connection:
            return appending.read_position(connection, stream)

    def append(
        self,
        stream: str,
        expected: Position | None,
        frames: Sequence[tuple[int, RawRecordFrame]],
    ) -> Position:
        """Store frames and the position of the last, in one transaction: all of it, or nothing.

        A frame whose id is stored is not stored again. After a commit with an unknown result it is
        safe to append the same frames once more.

        Args:
            stream: The frames' stream.
            expected: The stored position that the caller knows.
            frames: Offsets and frames, in order; at least one.

        Returns:
            The new position: what to expect next time.

        Raises:
            LeaseLostError: Another recorder leads.
            PositionConflictError: The stored position differs: another process wrote.
            UnstorableError: A value fits no column. Store the frames one by one to find the frame
                with
                the value.
            StoreUnavailableError: The database does not answer.
        """
        with self._database.writing(durable=False) as connection:
            lease.verify(connection, self._term)
            return appending.append(connection, stream, expected, frames)

    def known_frames(self, frame_ids: Sequence[str]) -> set[str]:
        """Which of these frames are stored."""
        with self._database.reading() as connection:
            return appending.known_frames(connection, frame_ids)

    def page(self, webhook_id: int, *, before: int | None, limit: int) -> list[StoredRecord]:
        """Records of a webhook, newest first.

        Args:
            webhook_id: Its webhook.
            before: Only records with a smaller id, as from the last of the page before; None: all.
            limit: How many at most.
        """
        query = _query().where(records.c.webhook_id == webhook_id)
        if before is not None:
            query = query.where(records.c.id < min(before, MAX_BIG))
        query = query.order_by(records.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def of_event(
        self, event_id: str, webhook_ids: Sequence[int] | None, *, limit: int = 10_000
    ) -> list[StoredRecord]:
        """Records of an event, oldest first.

        Args:
            event_id: Its event; publishers choose ids, so there may be several (of very many the
                newest are used).
            webhook_ids: Only of these webhooks; None: of all.
            limit: How many at most.
        """
        named = select(events.c.key).where(events.c.event_id == event_id)
        newest = named.order_by(events.c.key.desc()).limit(_MAX_EVENTS)
        with self._database.reading() as connection:
            keys = connection.execute(newest).scalars().all()
            query = _query().where(records.c.event_key.in_(keys))
            if webhook_ids is not None:
                query = query.where(records.c.webhook_id.in_(webhook_ids))
            rows = connection.execute(query.order_by(records.c.id).limit(limit))
            return [_record(row) for row in rows]

    def events(self, registry: str, event_ids: Sequence[str]) -> list[Event]:
        """Events of a registry that have a record, by id; see `bodies.of_events`."""
        with self._database.reading() as connection:
            return bodies.of_events(connection, registry, event_ids)

    def attempted(self, deliveries: Sequence[DeliveryKey]) -> dict[DeliveryKey, int]:
        """The highest attempt that is recorded for each of these deliveries.

        Used for a redelivered frame: a missing record may still be on its way in the stream.

        Args:
            deliveries: For each the event's id, when it was accepted (the same id may be accepted
                again), the webhook's id, and the attempt at which its schedule begins.

        Returns:
            Only those that have a record; `ENDED` for one that was delivered, refused, given up or
            cancelled, after which it must not be attempted again. Records from before a replay do
            not count as its end.
        """
        by_event: dict[tuple[str, int], list[int]] = {}
        firsts: dict[tuple[str, int, int], list[int]] = {}
        for event_id, accepted_ms, webhook_id, first in set(deliveries):
            by_event.setdefault((event_id, accepted_ms), []).append(webhook_id)
            firsts.setdefault((event_id, accepted_ms, webhook_id), []).append(first)
        with self._database.reading() as connection:
            keys = _event_keys(connection, list(by_event))
            found: dict[DeliveryKey, int] = {}
            pairs = {(key, each) for key, event in keys.items() for each in by_event[event]}
            for chunk in chunks(list(pairs)):
                for row in matching(connection, records, _DELIVERY, _ATTEMPT, chunk):
                    pair = (*keys[row.event_key], row.webhook_id)
                    for first in firsts[pair]:
                        ended = row.outcome in _ENDINGS and row.attempt >= first
                        delivery = (*pair, first)
                        attempt = ENDED if ended else row.attempt
                        found[delivery] = max(attempt, found.get(delivery, 0))
        return found

    def prune(self, before_ms: int, *, limit: int) -> int:
        """Delete the oldest records and the rows that only they needed, in one short transaction.

        Args:
            before_ms: Only records that began before this time.
            limit: How many records to look at.

        Returns:
            How many records were deleted; call again until it is 0.
        """
        with self._database.writing(durable=False) as connection:
            return pruning.prune(connection, before_ms, limit)


def read_record(connection: Connection, record_id: int) -> StoredRecord | None:
    """One record with its event; None: there is none."""
    query = _query().where(records.c.id == min(record_id, MAX_BIG))
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def _event_keys(
    connection: Connection, wanted: Sequence[tuple[str, int]]
) -> dict[int, tuple[str, int]]:
    """The keys of events, given by id and time of acceptance.

    They are queried separately, like the records: with a join, SQLite begins with the records of
    the webhooks, which may be millions.
    """
    times = set(wanted)
    ids = [(event_id,) for event_id in {event_id for event_id, _ in wanted}]
    return {
        row.key: (row.event_id, row.accepted_ms)
        for chunk in chunks(ids)
        for row in matching(connection, events, _EVENT_ID, _ACCEPTANCE, chunk)
        if (row.event_id, row.accepted_ms) in times
    }


def _query() -> Select[Any]:
    return select(
        records.c.id,
        events.c.event_id,
        events.c.registry,
        events.c.action,
        events.c.repository,
        events.c.tag,
        events.c.accepted_ms,
        events.c.body,
        events.c.extras,
        records.c.webhook_id,
        records.c.attempt,
        records.c.outcome,
        records.c.status,
        records.c.started_ms,
        records.c.duration_us,
        records.c.detail,
    ).join_from(records, events, records.c.event_key == events.c.key)


def _record(row: Row[Any]) -> StoredRecord:
    values = dict(row._mapping)  # noqa: SLF001 (documented; the underscore keeps column names free)
    values["outcome"] = Outcome(values["outcome"])
    values["detail"] = _detail(values["detail"])
    values["extras"] = stored_extras.read(values["extras"])
    return StoredRecord(**values)


def _detail(text: bytes) -> Detail:
    """Read a detail; an invalid one, from a faulty deliverer, must not hide the other records."""
    try:
        return _decode_detail(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Detail(message=f"the stored detail cannot be read: {error}")
