"""The journal's open events: those with a delivery that has not ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, not_, select

from portcall.store.database.tables import journal
from portcall.store.journal.tallies import Tally

CHUNK = 500
"""Events read together."""
ANEW_MS = 4 * 86_400_000
"""How long a replayed delivery may take: more than the three days of retries."""

Cursor = tuple[int, bytes]
"""A position among the rows that are not settled: the last one's time of acceptance and digest."""
BEGINNING: Cursor = (0, b"")


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """A row of the journal that is not settled, without its webhooks."""

    digest: bytes
    event_id: str
    registry: str
    accepted_ms: int
    accepted: int
    matches: int | None
    checksum: int
    anew_ms: int
    filtered: int = 0

    @property
    def cursor(self) -> Cursor:
        """The cursor after this one."""
        return self.accepted_ms, self.digest

    def is_complete(self, tally: Tally, now_ms: int) -> bool:
        """Whether every expected delivery has ended for good, and there is no other.

        A given-up delivery that is sent again may still be delivered: it counts as open.
        """
        return (
            tally.recorded == tally.ended == self.matches
            and tally.checksum == self.checksum
            and (tally.delivered == self.matches or now_ms - self.anew_ms > ANEW_MS)
        )

    def is_odd(self, tally: Tally) -> bool:
        """Whether there are records of deliveries that should not exist."""
        if self.matches is None:
            return False
        return tally.recorded > self.matches or (
            tally.recorded == self.matches and tally.checksum != self.checksum
        )


def open_events(
    connection: Connection, after: Cursor, registry: str | None = None, limit: int = CHUNK
) -> list[OpenEvent]:
    """The next rows after *after* that are not settled, oldest first; below *limit*: all."""
    columns = journal.c
    after_ms, after_digest = after
    query: Select[Any] = (
        select(
            columns.digest,
            columns.event_id,
            columns.registry,
            columns.accepted_ms,
            columns.accepted,
            columns.matches,
            columns.checksum,
            columns.anew_ms,
            columns.filtered,
        )
        .where(columns.settled == 0, columns.accepted_ms >= after_ms)
        .where(not_(and_(columns.accepted_ms == after_ms, columns.digest <= after_digest)))
        .order_by(columns.accepted_ms, columns.digest)
        .limit(limit)
    )
    return [OpenEvent(*row) for row in connection.execute(within(query, registry))]


def all_open_events(
    connection: Connection, since_ms: int, registry: str | None = None
) -> Iterator[list[OpenEvent]]:
    """All rows since then that are not settled, in chunks."""
    after: Cursor = (since_ms, b"")
    while rows := open_events(connection, after, registry):
        yield rows
        after = rows[-1].cursor


def within(query: Select[Any], registry: str | None) -> Select[Any]:
    """The query of the journal, limited to a registry if one is given."""
    return query if registry is None else query.where(journal.c.registry == registry)
