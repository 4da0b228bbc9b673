"""The recorder's lease: the database decides which of several recorders writes.

One row says who leads, in which term, and until when. Only the database's clock counts, so the
clocks of the recorders' machines may differ. Each take-over begins a new term. Every transaction
that stores frames or notes first checks the leader's term (`verify`): a leader that was paused for
minutes cannot write beside its successor, not even in a transaction that it had begun.

Without a standby the leader does not renew its lease: an installation with one recorder pays
nothing. A standby therefore announces itself first (`await_turn`), which gives the leader a whole
lease to answer. From then on the leader renews the lease, and the standby may take it when it has
expired. Rules and figures: docs/decisions/0077.
"""

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    case,
    literal_column,
    or_,
    select,
    update,
)

from portcall.store.database.database import Database
from portcall.store.database.tables import Big, leases
from portcall.store.errors import LeaseLostError

RECORDER = "recorder"
"""The name of the row."""
LEASE_MS = 6_000
"""How long a lease is valid without a renewal. A leader renews it every 2 s, so two renewals may
fail; a dead leader costs 6 s, and at most 1 s until the standby looks."""
AWAITED_MS = 60_000
"""How long an announcement of a standby is valid; it is repeated after half of that."""
NOBODY = ""

_CLOCKS = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
}
_OURS = leases.c.name == RECORDER


@dataclass(frozen=True, slots=True)
class LeaseState:
    """The lease as a recorder sees it.

    Attributes:
        owner: The process that leads, or led last; `NOBODY`: it ended in order.
        term: The number of its term; each take-over raises it.
        left_ms: How long the lease is still valid, milliseconds; negative: it has expired.
        awaited_ms: How long a standby's announcement is still valid; 0 or less: none is known.
    """

    owner: str
    term: int
    left_ms: int
    awaited_ms: int

    @property
    def is_free(self) -> bool:
        """Whether a recorder may take it now: released, or expired although a standby waits."""
        return self.owner == NOBODY or (self.left_ms < 0 < self.awaited_ms)


class RecorderLease:
    """The row. All methods block, and may raise `StoreUnavailableError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self) -> LeaseState:
        """Read the lease."""
        columns = leases.c
        with self._database.reading() as connection:
            now = _now(connection)
            query = select(
                columns.owner,
                columns.term,
                (columns.expires_ms - now).label("left_ms"),
                (columns.awaited_until_ms - now).label("awaited_ms"),
            )
            row = connection.execute(query.where(_OURS)).one()
        return LeaseState(row.owner, row.term, row.left_ms, row.awaited_ms)

    def await_turn(self, seen: LeaseState) -> None:
        """Announce a standby. The first announcement gives the leader a whole lease to answer."""
        with self._database.writing(durable=False) as connection:
            now = _now(connection)
            until = leases.c.expires_ms
            answered = case((leases.c.awaited_until_ms > now, until), else_=now + LEASE_MS)
            statement = update(leases).where(_OURS, leases.c.term == seen.term)
            connection.execute(
                statement.values(
                    awaited_until_ms=now + AWAITED_MS,
                    expires_ms=case((until > answered, until), else_=answered),
                )
            )

    def take(self, seen: LeaseState, owner: str, *, is_dead: bool = False) -> int | None:
        """Lead from now on, if the lease is free.

        Args:
            seen: The lease at the last look; if another process took it since, the result is None.
            owner: The process that asks.
            is_dead: Whether the owner that was seen certainly does not run any more.

        Returns:
            The new term; None: it is not free, or another one was faster.
        """
        columns = leases.c
        with self._database.writing(durable=False) as connection:
            now = _now(connection)
            expired = (columns.expires_ms < now) & (columns.awaited_until_ms > now)
            statement = update(leases).where(_OURS, columns.term == seen.term)
            if not is_dead:
                statement = statement.where(or_(columns.owner == NOBODY, expired))
            taken = statement.values(owner=owner, term=columns.term + 1, expires_ms=now + LEASE_MS)
            term: int | None = connection.execute(
                taken.returning(columns.term)
            ).scalar_one_or_none()
        return term

    def renew(self, term: int) -> bool:
        """Extend the lease; False: another recorder leads."""
        with self._database.writing(durable=False) as connection:
            values = {"expires_ms": _now(connection) + LEASE_MS}
            return connection.execute(_of_term(term).values(values)).rowcount > 0

    def release(self, term: int) -> None:
        """Leave it to the next one at once; without effect in another term."""
        with self._database.writing(durable=False) as connection:
            connection.execute(_of_term(term).values(owner=NOBODY, expires_ms=0))


def verify(connection: Connection, term: int | None) -> None:
    """Check that *term* still is the current one, and keep it so until the transaction ends.

    On PostgreSQL it locks the row against a take-over, but not against others that verify; on
    SQLite a writing transaction excludes every other one anyway.

    Args:
        connection: Of a writing transaction; call this first.
        term: The caller's term; None: it has none, and nothing is checked.

    Raises:
        LeaseLostError: Another recorder leads.
    """
    if term is None:
        return
    query = select(leases.c.term).where(_OURS).with_for_update(read=True)
    current = connection.execute(query).scalar_one()
    if current != term:
        raise LeaseLostError(term, current)


def _of_term(term: int) -> Update:
    return update(leases).where(_OURS, leases.c.term == term)


def _now(connection: Connection) -> ColumnElement[int]:
    """The database's clock, milliseconds since the epoch."""
    return literal_column(_CLOCKS[connection.dialect.name], Big)
