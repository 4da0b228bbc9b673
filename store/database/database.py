"""Access to the database: an engine, reading and writing transactions, translated errors.

SQLite runs in WAL mode (set by `store.database.migrate`, kept in the file). A commit there survives
a ``kill -9``. At ``synchronous=NORMAL`` a power cut may undo the last commits, each as a whole. The
event log tolerates that, because the position in the stream goes back with the rows. A webhook does
not (its id would be given again), so every other write waits for the disk (``FULL``).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache, partial
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, Row, Table, event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from portcall.schemas.errors import InvalidValueError
from portcall.store.database.change_stamp import ChangeStamp
from portcall.store.errors import StoreUnavailableError

LOCK_TIMEOUT_S = 10
"""How long a transaction waits for another one before the store counts as unavailable."""

Values = tuple[object, ...]
ValueT = TypeVar("ValueT")

POOL_TIMEOUT_S = 10
"""How long a transaction waits for one of the 15 connections of the process."""
CACHE_MIB = 16
"""Pages that a SQLite connection keeps. Each connection fills its own, within minutes of use."""

AT_ONCE, MOST_AT_ONCE = 512, 1_000
"""Rows that are inserted before others may run: by SQLite, in this process; by PostgreSQL."""
_SYNCHRONOUS = "portcall_synchronous"
_NOT_THERE_YET = frozenset({"42P01", "42703"})
"""PostgreSQL's undefined_table and undefined_column: the database is not migrated yet."""
_POSTGRESQL_ARGUMENTS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "portcall",
    "options": f"-c lock_timeout={LOCK_TIMEOUT_S}s",
}


class Database:
    """A pool of connections to one database, SQLite or PostgreSQL.

    Args:
        url: The database's URL.
        cache_mib: How much of the file each connection to SQLite caches in memory.
        idle_transaction_s: After how long PostgreSQL undoes a transaction in which this process
            does nothing, seconds; None: never. Its locks otherwise last for as long as the process
            is stopped, or, if its machine is gone, until PostgreSQL misses it.
    """

    def __init__(
        self, url: str, *, cache_mib: int = CACHE_MIB, idle_transaction_s: int | None = None
    ) -> None:
        self._engine = _engine(database_url(url), cache_mib, idle_transaction_s)
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        self._stamp = ChangeStamp(self._engine.url.database or "") if self.is_sqlite else None
        self._is_closed = False
        event.listen(self._engine, "checkin", self._returned)

    def close(self) -> None:
        """Close the pooled connections; one in use by another thread is closed after its block."""
        self._is_closed = True
        self._engine.dispose()
        if self._stamp is not None:
            self._stamp.close()

    def _returned(self, _connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        """A disposed engine forgets connections in use, so nothing else would close them."""
        if self._is_closed:
            record.invalidate()

    def stamp(self) -> int | None:
        """A number that stays equal as long as nothing is committed, by any process.

        It never waits, and needs no thread.

        Returns:
            None if that is unknown: PostgreSQL, or a file that cannot be read now.
        """
        return None if self._stamp is None else self._stamp.read()

    def checkpoint(self) -> None:
        """Empty SQLite's log where no reader needs it, so that overwritten data is gone."""
        with translated(), self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            if driver is not None:
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database from its first query to its last.

        Raises:
            StoreUnavailableError: The database cannot be reached or did not answer.
        """
        with translated(), self._engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that changes something: committed after the block, undone if it raises.

        Args:
            durable: Whether the commit must survive a power cut; otherwise it may be undone by
                one as a whole (SQLite only; PostgreSQL decides that by its own settings).

        Raises:
            StoreUnavailableError: The database cannot be reached, is locked or is full. After an
                error in the commit itself it is unknown whether the change was made.
        """
        with translated(), self._engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(**{_SYNCHRONOUS: "FULL" if durable else "NORMAL"})
            with connection.begin():
                yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Turn the drivers' errors for an unreachable database into `StoreUnavailableError`."""
    try:
        yield
    except exc.DBAPIError as error:
        if _is_ours(error):
            raise
        reason = str(error.orig).strip().partition("\n")[0]
        raise StoreUnavailableError(f"the store does not answer: {reason}") from error
    except exc.TimeoutError as error:
        raise StoreUnavailableError("the store does not answer: no free connection") from error


def _is_ours(error: exc.DBAPIError) -> bool:
    """Whether the error is our mistake; a database that is not migrated yet is not.

    (SQLite reports that as an operational error in the first place.)
    """
    ours = (exc.IntegrityError, exc.DataError, exc.ProgrammingError, exc.NotSupportedError)
    return isinstance(error, ours) and getattr(error.orig, "sqlstate", "") not in _NOT_THERE_YET


def database_url(text: str) -> URL:
    """Read a database URL: ``sqlite:///file``, ``postgresql://…`` or with a driver.

    Raises:
        InvalidValueError: It is another URL.
    """
    try:
        url = sqlalchemy.make_url(text)
    except (exc.ArgumentError, ValueError) as error:
        raise InvalidValueError("database_url", "is not a database URL") from error
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite":
        raise InvalidValueError(
            "database_url", f"{url.drivername} is not known; write sqlite or postgresql"
        )
    if url.database in (None, "", ":memory:"):
        raise InvalidValueError("database_url", "must name a file, as in sqlite:///portcall.db")
    return url


def _engine(url: URL, cache_mib: int, idle_transaction_s: int | None) -> Engine:
    if url.get_backend_name() != "sqlite":
        arguments = dict(_POSTGRESQL_ARGUMENTS)
        if idle_transaction_s is not None:
            idle = f" -c idle_in_transaction_session_timeout={idle_transaction_s}s"
            arguments["options"] = f"{arguments['options']}{idle}"
        return sqlalchemy.create_engine(
            url,
            pool_pre_ping=True,
            pool_use_lifo=True,
            pool_timeout=POOL_TIMEOUT_S,
            connect_args=arguments,
            hide_parameters=True,
        )
    engine = sqlalchemy.create_engine(
        url,
        pool_use_lifo=True,  # uses as few connections, and caches, as possible
        pool_timeout=POOL_TIMEOUT_S,
        connect_args={"timeout": LOCK_TIMEOUT_S, "check_same_thread": False},
        hide_parameters=True,  # in the text of errors; they may be secrets
    )
    event.listen(engine, "connect", partial(_prepare_sqlite, cache_mib))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(
    cache_mib: int, connection: DBAPIConnection, _record: ConnectionPoolEntry
) -> None:
    """Begin transactions ourselves: Python's driver would begin them late, and deferred."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA cache_size = -{cache_mib * 1024}")
    cursor.execute("PRAGMA wal_autocheckpoint = 16000")
    cursor.execute("PRAGMA journal_size_limit = 67108864")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Lock before a writer's first read: a later lock can fail at once, without waiting."""
    synchronous = connection.get_execution_options().get(_SYNCHRONOUS)
    if synchronous is None:
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql(f"PRAGMA synchronous = {synchronous}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def give_way() -> None:
    """Let other processes that wait for this core run first.

    Work in the database takes some milliseconds without a pause, which the kernel would let an
    event on its way through the pipeline wait for.
    """
    os.sched_yield()


def insert_rows(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert plain tuples, with their values in the order of the table's columns."""
    statement = _insert(table, connection.dialect.name == "sqlite")
    at_once = AT_ONCE if connection.dialect.name == "sqlite" else MOST_AT_ONCE
    for begin in range(0, len(rows), at_once):
        give_way()
        connection.exec_driver_sql(statement, list(rows[begin : begin + at_once]))


def matching(
    connection: Connection,
    table: Table,
    keys: tuple[str, ...],
    columns: tuple[str, ...],
    wanted: Sequence[Values],
) -> Sequence[Row[Any]]:
    """Read *columns* of the rows of *table* whose *keys* have one of the *wanted* values.

    In plain SQL: compiling it for each number of values costs 40 us per value. As a join: for ``(a,
    b) IN (VALUES ...)`` SQLite reads the whole index.
    """
    if not wanted:
        return []
    statement = _matching(table, keys, columns, len(wanted), connection.dialect.name == "sqlite")
    values = tuple(value for row in wanted for value in row)
    give_way()
    return connection.exec_driver_sql(statement, values).all()


@cache
def _insert(table: Table, is_sqlite: bool) -> str:  # noqa: FBT001 (part of a cache's key)
    names = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {_marks(len(names), is_sqlite)}"  # noqa: S608 (names are ours)


@lru_cache(maxsize=1024)
def _matching(
    table: Table,
    keys: tuple[str, ...],
    columns: tuple[str, ...],
    size: int,
    is_sqlite: bool,  # noqa: FBT001 (part of a cache's key)
) -> str:
    marks = ", ".join([_marks(len(keys), is_sqlite)] * size)
    found = ", ".join(f"{table.name}.{name}" for name in columns)
    joined = " AND ".join(f"{table.name}.{name} = wanted.{name}" for name in keys)
    return (
        f"WITH wanted ({', '.join(keys)}) AS (VALUES {marks})"  # noqa: S608 (names are ours)
        f" SELECT {found} FROM wanted JOIN {table.name} ON {joined}"
    )


def _marks(count: int, is_sqlite: bool) -> str:  # noqa: FBT001 (part of a cache's key)
    return f"({', '.join(['?' if is_sqlite else '%s'] * count)})"


def chunks(values: Sequence[ValueT], size: int = 500) -> Iterator[Sequence[ValueT]]:
    """*values* in parts that fit one ``IN (...)``; SQLite allows 32,766 parameters."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
