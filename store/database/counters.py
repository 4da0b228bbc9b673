"""Counters: numbers that only grow, raised in the transaction of the change that they count.

On PostgreSQL the row of a counter stays locked until the commit, on SQLite the whole database. So a
transaction that raises a counter first has no other writer of its kind beside it, and numbers are
committed in the order in which they were given.
"""

from importlib import import_module

from sqlalchemy import Connection, select, update

from portcall.store.database.tables import counters

REVISION = "revision"
"""Raised by each change of registries and webhooks."""
WEBHOOK_ID = "webhook_id"
"""The last id that was given to a webhook."""
TOMBSTONES = "tombstones"
"""How many tombstones there are."""
HORIZON = "horizon"
"""The revision up to which tombstones were dropped: older changes cannot be listed any more."""
RECORD_ID = "record_id"
"""The last id that was given to a record."""
JOURNAL_SINCE = "journal_since"
"""The journal has every event that was accepted since then, milliseconds since the epoch."""
JOURNAL_CHECKED = "journal_checked"
"""The key of the event up to which the log was compared with the journal."""

TOLD = "told"
"""The revision up to which the operator was notified of automatically disabled webhooks; it
exists once an operator's webhook was configured."""


def first_values(install_s: int) -> list[dict[str, object]]:
    """The counters of a new database; those of the journal come with their migration.

    Args:
        install_s: The time, seconds since the epoch. Ids and revisions begin at ``install_s << 20``
            (2**51 these days, within the exact range of a double): a database that replaces a lost
            one
            repeats none of its ids as long as those grew by less than a million in a second.
    """
    first = install_s << 20
    values = {REVISION: first, WEBHOOK_ID: first, TOMBSTONES: 0, HORIZON: 0, RECORD_ID: 0}
    return [{"name": name, "value": value} for name, value in values.items()]


def bump(connection: Connection, name: str, by: int = 1) -> int:
    """Raise a counter, and return its new value; other writers of it wait from here on."""
    statement = (
        update(counters)
        .where(counters.c.name == name)
        .values(value=counters.c.value + by)
        .returning(counters.c.value)
    )
    value: int = connection.execute(statement).scalar_one()
    return value


def put(connection: Connection, name: str, value: int) -> None:
    """Set a counter."""
    connection.execute(update(counters).where(counters.c.name == name).values(value=value))


def lift(connection: Connection, name: str, value: int) -> None:
    """Raise a counter to *value*, unless it is as high already."""
    lower = (counters.c.name == name) & (counters.c.value < value)
    connection.execute(update(counters).where(lower).values(value=value))


def begin(connection: Connection, name: str, value: int) -> None:
    """Add a counter, unless it is there: another process may add it at the same moment."""
    # Both drivers name it alike; the module of the other driver is not loaded.
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    added = dialect.insert(counters)
    connection.execute(added.values(name=name, value=value).on_conflict_do_nothing())


def read(connection: Connection, name: str) -> int:
    """The value of a counter."""
    value: int = connection.execute(
        select(counters.c.value).where(counters.c.name == name)
    ).scalar_one()
    return value
