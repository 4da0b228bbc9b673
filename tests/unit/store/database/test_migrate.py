"""Migrating SQLite files: the contract, and the file itself."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from portcall.store.database.migrate import migrate
from portcall.store.errors import NewerDatabaseError, StoreUnavailableError
from tests.unit.store.contract.migrations import MigratingAtOnceContract, MigrationsContract


@pytest.fixture
def empty_database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new.db'}"


class TestMigrations(MigrationsContract):
    """On SQLite."""


class TestMigratingAtOnce(MigratingAtOnceContract):
    """On SQLite."""


def test_a_new_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "with % and space.db"
    migrate(f"sqlite:///{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_is_in_wal_mode(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'new.db'}")
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"no/such\.db cannot be used as a store"):
        migrate(f"sqlite:///{tmp_path / 'no' / 'such.db'}")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is not a database, but long enough to be taken for one" * 100)
    with pytest.raises(StoreUnavailableError, match="cannot be used as a store"):
        migrate(f"sqlite:///{path}")


def test_a_database_of_a_newer_version_says_so_and_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(NewerDatabaseError, match=r"schema is 9999, .* a newer version has used it"):
        migrate(f"sqlite:///{path}")
    assert path.read_bytes() == before
