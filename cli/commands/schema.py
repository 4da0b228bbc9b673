"""Check that a database exists and has the schema of this version; change nothing."""

from pathlib import Path
from typing import NamedTuple

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from portcall.store.database.database import Database, database_url
from portcall.store.database.migrate import configuration
from portcall.store.errors import NEWER_DATABASE_ADVICE


class SchemaProblem(NamedTuple):
    """A problem with a database's schema.

    Attributes:
        found: The problem.
        advice: The remedy.
    """

    found: str
    advice: str = "restart management, or run `portcall store migrate`: both migrate it"


def schema_problem(url: str) -> SchemaProblem | None:
    """Say what is wrong with the schema of the database at *url*; None: nothing.

    Raises:
        InvalidValueError: The kind of URL is unknown.
        StoreUnavailableError: The database does not answer.
    """
    address = database_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        # Connecting would create it.
        return SchemaProblem(f"the file {address.database} does not exist")
    database = Database(url)
    try:
        with database.reading() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
    finally:
        database.close()
    return difference(heads, ScriptDirectory.from_config(configuration()))


def difference(heads: tuple[str, ...], scripts: ScriptDirectory) -> SchemaProblem | None:
    """Describe how the database's schema differs from the newest migration."""
    if not heads:
        return SchemaProblem("it has no Portcall tables yet")
    if set(heads) == set(scripts.get_heads()):
        return None
    known = {script.revision for script in scripts.walk_revisions()}
    its, own = ", ".join(heads), scripts.get_current_head()
    if known.issuperset(heads):
        return SchemaProblem(f"its schema ({its}) is older than this version's ({own})")
    return SchemaProblem(
        f"its schema ({its}) is newer than this version's ({own}): a newer version has used it",
        NEWER_DATABASE_ADVICE,
    )
