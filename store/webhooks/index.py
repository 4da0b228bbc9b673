"""The webhooks as the router keeps them: a snapshot, and the changes after it."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from portcall.schemas.filters import Filters
from portcall.schemas.webhooks import Status
from portcall.store.database import counters
from portcall.store.database.database import Database
from portcall.store.database.tables import tombstones, webhooks

IndexRow = tuple[int, str, str, int, Filters | None, list[str] | None]
"""An enabled webhook: its id, its registry in lower case, its canonical scope, its action bits, its
filters, and the patterns of its scopes; None where it has none."""

_CHUNK = 5_000
_INDEX = (
    webhooks.c.id,
    webhooks.c.registry_key,
    webhooks.c.scope_key,
    webhooks.c.actions,
    webhooks.c.filters,
    webhooks.c.scopes,
)


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of the webhooks between a revision and a later one.

    Attributes:
        revision: The later one.
        changed: The enabled webhooks that were created or changed.
        gone: The ids of those that were deleted or are disabled.
    """

    revision: int
    changed: list[IndexRow]
    gone: list[int]


def snapshot(database: Database) -> tuple[int, Iterator[IndexRow]]:
    """The revision, and every enabled webhook at that revision, in no order.

    The rows come from the database in chunks during the iteration, in the transaction that read the
    revision; the transaction ends with the last row, or with the iterator.

    Raises:
        StoreUnavailableError: The database does not answer; iterating may raise it, too.
    """
    rows = _snapshot(database)
    revision = next(rows)
    return revision, rows  # type: ignore[return-value]  # after the first come only rows


def _snapshot(database: Database) -> Iterator[int | IndexRow]:
    query = select(*_INDEX).where(webhooks.c.status == Status.ENABLED.value)
    with database.reading() as connection:
        yield counters.read(connection, counters.REVISION)
        result = connection.execute(query, execution_options={"yield_per": _CHUNK})
        for rows in result.partitions():
            yield from map(tuple, rows)


def changes_since(database: Database, revision: int) -> Changes | None:
    """The changes after *revision*, or None if they are not known.

    They are unknown if tombstones from after it were dropped, or if the revision is not one of this
    database, because that was replaced or restored to an earlier state.
    """
    with database.reading() as connection:
        current = counters.read(connection, counters.REVISION)
        if not counters.read(connection, counters.HORIZON) <= revision <= current:
            return None
        if revision == current:
            return Changes(current, [], [])
        later = select(*_INDEX, webhooks.c.status).where(webhooks.c.revision > revision)
        rows = connection.execute(later).all()
        buried = select(tombstones.c.webhook_id).where(tombstones.c.revision > revision)
        gone = list(connection.execute(buried).scalars())
    changed: list[IndexRow] = []
    for webhook_id, registry, scope, actions, filters, scopes, status in rows:
        if status == Status.ENABLED.value:
            changed.append((webhook_id, registry, scope, actions, filters, scopes))
        else:
            gone.append(webhook_id)
    return Changes(current, changed, gone)
