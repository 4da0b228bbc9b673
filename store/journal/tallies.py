"""Tallies: the results of some events' deliveries in the log, counted by the database.

A delivery counts once, for all its records: as delivered if any attempt was, else as refused by the
receiver, else as given up, else as cancelled, else as waiting for its next attempt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal,
    select,
)

from portcall.schemas.journal import CHECK_MASK
from portcall.schemas.records import Outcome
from portcall.store.database.database import chunks, matching
from portcall.store.database.tables import events, records

DELIVERED, REFUSED, GIVEN_UP, CANCELLED, RETRIED = 4, 3, 2, 1, 0
_IDENTITY = ("event_id", "digest")
_FOUND = ("digest", "key")

_ENDING = func.max(
    case(
        (records.c.outcome == Outcome.DELIVERED.value, DELIVERED),
        (records.c.outcome == Outcome.REFUSED.value, REFUSED),
        (records.c.outcome == Outcome.GIVEN_UP.value, GIVEN_UP),
        (records.c.outcome == Outcome.CANCELLED.value, CANCELLED),
        else_=RETRIED,
    )
)
_LAST_MS = func.max(records.c.started_ms + records.c.duration_us / 1000)


@dataclass(frozen=True, slots=True)
class Tally:
    """The results of one event's deliveries.

    Attributes:
        recorded: How many have records.
        delivered: Of these, how many were delivered.
        given_up: How many were given up.
        cancelled: How many were cancelled.
        unmoved: How many wait for an attempt, without a record since some time.
        checksum: Of the webhooks that have records, as `schemas.journal.checksum`.
        refused: How many the receiver refused for good.
    """

    recorded: int = 0
    delivered: int = 0
    given_up: int = 0
    cancelled: int = 0
    unmoved: int = 0
    checksum: int = 0
    refused: int = 0

    @property
    def ended(self) -> int:
        """How many have ended."""
        return self.delivered + self.given_up + self.cancelled + self.refused


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The result of one delivery: its ending (see above), and when its last attempt ended."""

    ending: int
    last_ms: int


def event_keys(connection: Connection, wanted: Sequence[tuple[str, bytes]]) -> dict[int, bytes]:
    """The digests of those events, given by id and digest, that have records; by their keys."""
    return {
        row.key: row.digest
        for chunk in chunks(wanted)
        for row in matching(connection, events, _IDENTITY, _FOUND, chunk)
    }


def tally(
    connection: Connection, wanted: Sequence[tuple[str, bytes]], unmoved_before_ms: int
) -> dict[bytes, Tally]:
    """Tallies of the events, given by id and digest, that have records; by digest."""
    keys = event_keys(connection, wanted)
    found: dict[bytes, Tally] = {}
    for chunk in chunks(list(keys)):
        values = {"keys": chunk, "before_ms": unmoved_before_ms}
        for row in connection.execute(_TALLIES, values):
            found[keys[row.event_key]] = _tally(row)
    return found


def quick(connection: Connection, wanted: Sequence[tuple[str, bytes]]) -> dict[bytes, Tally]:
    """Tallies as if each record were a delivery: right where no delivery has two.

    It costs half. Where a delivery has two, the checksum or the number of records differs.
    """
    keys = event_keys(connection, wanted)
    return {
        keys[row.event_key]: _tally(row)
        for chunk in chunks(list(keys))
        for row in connection.execute(_QUICK, {"keys": chunk})
    }


def deliveries(connection: Connection, event_id: str, digest: bytes) -> dict[int, DeliveryResult]:
    """The result of each delivery of an event that has a record, by its webhook."""
    keys = list(event_keys(connection, [(event_id, digest)]))
    query = (
        select(records.c.webhook_id, _ENDING.label("ending"), _LAST_MS.label("last_ms"))
        .where(records.c.event_key.in_(keys))
        .group_by(records.c.webhook_id)
    )
    return {
        row.webhook_id: DeliveryResult(row.ending, int(row.last_ms))
        for row in connection.execute(query)
    }


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _tallies() -> Select[Any]:
    each = (
        select(
            records.c.event_key,
            records.c.webhook_id,
            _ENDING.label("ending"),
            _LAST_MS.label("last_ms"),
        )
        .where(records.c.event_key.in_(bindparam("keys", expanding=True)))
        .group_by(records.c.event_key, records.c.webhook_id)
        .subquery("each_delivery")
    )
    unmoved = (each.c.ending == RETRIED) & (each.c.last_ms < bindparam("before_ms"))

    return select(
        each.c.event_key,
        func.count().label("recorded"),
        _count(each.c.ending == DELIVERED).label("delivered"),
        _count(each.c.ending == GIVEN_UP).label("given_up"),
        _count(each.c.ending == CANCELLED).label("cancelled"),
        _count(unmoved).label("unmoved"),
        func.sum(each.c.webhook_id.op("&")(CHECK_MASK)).label("checksum"),
        _count(each.c.ending == REFUSED).label("refused"),
    ).group_by(each.c.event_key)


_TALLIES = _tallies()
_QUICK = (
    select(
        records.c.event_key,
        func.count().label("recorded"),
        _count(records.c.outcome == Outcome.DELIVERED.value).label("delivered"),
        _count(records.c.outcome == Outcome.GIVEN_UP.value).label("given_up"),
        _count(records.c.outcome == Outcome.CANCELLED.value).label("cancelled"),
        literal(0).label("unmoved"),
        func.sum(records.c.webhook_id.op("&")(CHECK_MASK)).label("checksum"),
        _count(records.c.outcome == Outcome.REFUSED.value).label("refused"),
    )
    .where(records.c.event_key.in_(bindparam("keys", expanding=True)))
    .group_by(records.c.event_key)
)


def _tally(row: Row[Any]) -> Tally:
    return Tally(
        row.recorded,
        int(row.delivered),
        int(row.given_up),
        int(row.cancelled),
        int(row.unmoved),
        int(row.checksum),
        int(row.refused),
    )
