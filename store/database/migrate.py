"""Migrations: the first process that needs it brings the database to the newest schema."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from portcall.store.database.database import Database, database_url
from portcall.store.errors import NewerDatabaseError, StoreUnavailableError

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parents[1] / "migrations"
_ADVISORY_LOCK = 0x706F727463616C6C
"""An arbitrary number: "portcall" in ASCII."""


def migrate(url: str) -> None:
    """Bring the database at *url* to the newest schema; several processes may do so at once.

    A missing SQLite file is created, readable by its owner alone.

    Args:
        url: As for `store.engine.open_store`.

    Raises:
        InvalidValueError: The URL is not supported.
        StoreUnavailableError: The database does not answer, or its directory does not exist.
        NewerDatabaseError: A newer version has migrated it; nothing was changed.
    """
    address = database_url(url)
    database = Database(url)
    try:
        if address.get_backend_name() == "sqlite":
            with _locked(Path(address.database or "")):
                _upgrade(database)
        else:
            _upgrade(database)
    finally:
        database.close()


def configuration() -> "Config":
    """Alembic's configuration, made in code, without an ini file."""
    from alembic.config import Config  # noqa: PLC0415 (takes 10 MB, for a new schema only)

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def newest() -> str:
    """The newest schema's revision: the file names begin with the revisions, in order."""
    return max(_revisions())


def _revisions() -> set[str]:
    return {path.name.partition("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*.py")}


def _found(database: Database) -> list[str]:
    """The revisions of the database; empty: it has none yet, or the upgrade says what is wrong."""
    try:
        with database.reading() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
            return [str(each) for each in found]
    except StoreUnavailableError:
        return []


def _upgrade(database: Database) -> None:
    found = _found(database)
    if found == [newest()]:
        return
    if unknown := set(found) - _revisions():
        raise NewerDatabaseError(max(unknown), newest())
    from alembic import command  # noqa: PLC0415 (as in `configuration`)

    config = configuration()
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file while the SQLite file is made and migrated.

    The switch to WAL mode needs the file exclusively and does not wait for it, so processes that
    start together must take turns. The mode is kept in the file.
    """
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(path.with_name(path.name + ".lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Only a missing file: closing a descriptor of the file ends all of this process's locks
            # on it, also those of SQLite. Source: sqlite.org/howtocorrupt.html, section 2.2.
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            with closing(sqlite3.connect(path, timeout=10)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailableError(f"{path} cannot be used as a store: {error}") from error
        yield
