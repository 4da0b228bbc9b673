"""How rows leave the tables of what webhooks were told: `told_tags` and `told_children`."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, delete, func, select, tuple_

from portcall.store.database.database import Database, chunks


def prune(
    database: Database,
    table: Table,
    key: Sequence[str],
    useless: ColumnElement[bool],
    *,
    most: int,
    limit: int,
) -> int:
    """Delete rows that are useless or too many, the oldest first; returns how many.

    Args:
        database: Where the table is.
        table: One with a column ``told_ms``.
        key: The columns of its primary key.
        useless: Which rows are useless.
        most: How many rows stay.
        limit: How many to delete at most.

    Raises:
        StoreUnavailableError: The database does not answer.
    """
    names = [table.c[name] for name in key]
    oldest = select(*names).order_by(table.c.told_ms)
    with database.reading() as connection:
        found = connection.execute(oldest.where(useless).limit(limit)).all()
        count = connection.execute(select(func.count()).select_from(table)).scalar_one()
        if count - most > len(found):
            found = connection.execute(oldest.limit(min(count - most, limit))).all()
    if not found:
        return 0
    gone = 0
    with database.writing(durable=False) as connection:
        for chunk in chunks(sorted(tuple(row) for row in found)):
            gone += connection.execute(delete(table).where(tuple_(*names).in_(chunk))).rowcount
    return gone
