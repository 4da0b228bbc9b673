import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from portcall.store.database.migrate import newest
from tests.unit.cli.conftest import Run


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "portcall.db"
    monkeypatch.setenv("PORTCALL_DATABASE_URL", f"sqlite:///{path}")
    return path


def revision_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        ((revision,),) = connection.execute("SELECT version_num FROM alembic_version")
    return str(revision)


def test_it_may_run_twice(portcall: Run, database: Path) -> None:
    for _ in range(2):
        done = portcall("store", "migrate")
        assert (done.code, done.out) == (0, "")
        assert "has the schema of this version" in done.err
        assert revision_of(database) == newest()


def test_a_newer_database_stays_as_it_is(portcall: Run, database: Path) -> None:
    assert portcall("store", "migrate").code == 0
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    done = portcall("store", "migrate")
    assert done.code == 2
    assert "the database's schema is 9999" in done.err
    assert f"knows the schemas up to {newest()}" in done.err
    assert revision_of(database) == "9999"


def test_without_a_database_it_says_what_to_set(portcall: Run) -> None:
    done = portcall("store", "migrate")
    assert done.code == 2
    assert "PORTCALL_DATABASE_URL is not set" in done.err


def test_a_database_that_is_away_is_an_error(
    portcall: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTCALL_DATABASE_URL", f"sqlite:///{tmp_path / 'no' / 'such.db'}")
    assert portcall("store", "migrate").code == 1
