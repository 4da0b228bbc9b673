from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from portcall.cli.commands.schema import SchemaProblem, difference, schema_problem
from portcall.store.database.database import Database
from portcall.store.database.migrate import configuration, migrate


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'portcall.db'}"


def test_a_migrated_database_is_well(url: str) -> None:
    migrate(url)
    assert schema_problem(url) is None


def test_a_database_that_is_not_there_is_not_made(url: str, tmp_path: Path) -> None:
    missing = SchemaProblem(f"the file {tmp_path / 'portcall.db'} does not exist")
    assert schema_problem(url) == missing
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_has_no_tables(url: str, tmp_path: Path) -> None:
    (tmp_path / "portcall.db").touch()
    assert schema_problem(url) == SchemaProblem("it has no Portcall tables yet")


def test_a_database_of_a_later_version_is_newer(url: str) -> None:
    migrate(url)
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    found = schema_problem(url)
    assert found is not None
    assert "its schema (9999) is newer than this version's" in found.found
    assert "restore the backup" in found.advice


def test_a_database_of_an_earlier_version_is_older(monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = ScriptDirectory.from_config(configuration())
    first = scripts.get_bases()[0]
    monkeypatch.setattr(scripts, "get_heads", lambda: ["later"])
    found = difference((first,), scripts)
    assert found is not None
    assert f"its schema ({first}) is older than" in found.found
    assert "portcall store migrate" in found.advice
