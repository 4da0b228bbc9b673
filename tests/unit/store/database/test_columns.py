"""Columns: their names and types, one after the other, are never a clause of SQL/JSON.

From 16 on, PostgreSQL reads ``format JSON`` so, and refuses it as a column. Earlier ones take it.
"""

import io
import re
from importlib import import_module

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from portcall.store.database.migrate import SCRIPTS
from portcall.store.database.tables import metadata

CLAUSE = re.compile(r"\bformat JSON\b", re.IGNORECASE)
VERSIONS = sorted(path.stem for path in (SCRIPTS / "versions").glob("[0-9]*.py"))
READING = {"0003_journal", "0008_signing_keys"}
"""Those that read rows, and so need a database: older than the clause, and without such a name."""


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_a_table_can_be_made_on_every_postgresql(name: str) -> None:
    made = str(CreateTable(metadata.tables[name]).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "CREATE TABLE" in made
    assert not CLAUSE.search(made)


@pytest.mark.parametrize("version", [each for each in VERSIONS if each not in READING])
def test_a_migration_runs_on_every_postgresql(version: str) -> None:
    written = io.StringIO()
    options = {"as_sql": True, "output_buffer": written}
    migration = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(migration):
        import_module(f"portcall.store.migrations.versions.{version}").upgrade()
    assert written.getvalue()
    assert not CLAUSE.search(written.getvalue())
