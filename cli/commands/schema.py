"""Check that a database exists and has the schema of this version; change nothing."""

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from portcall.store.database.database import Database, database_url
from portcall.store.database.migrate import configuration


def schema_problem(url: str) -> str | None:
    """Say what is wrong with the schema of the database at *url*; None: nothing.

    Raises:
        InvalidValueError: The kind of URL is unknown.
        StoreUnavailableError: The database does not answer.
    """
    address = database_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        return f"the file {address.database} does not exist"  # connecting would create one
    database = Database(url)
    try:
        with database.reading() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
    finally:
        database.close()
    return difference(heads, ScriptDirectory.from_config(configuration()))


def difference(heads: tuple[str, ...], scripts: ScriptDirectory) -> str | None:
    """Describe how the database's schema differs from the newest migration."""
    if not heads:
        return "it has no Portcall tables yet"
    if set(heads) == set(scripts.get_heads()):
        return None
    known = {script.revision for script in scripts.walk_revisions()}
    is_newer = not known.issuperset(heads)
    age = "newer than" if is_newer else "older than"
    return f"its schema ({', '.join(heads)}) is {age} this version's ({scripts.get_current_head()})"
