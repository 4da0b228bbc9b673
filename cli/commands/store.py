"""`portcall store`: bring the database to the schema of this version before the roles start."""

import os

import typer

from portcall.cli.errors import UsageError
from portcall.cli.examples import examples
from portcall.cli.output import note
from portcall.store.database.migrate import migrate

DATABASE = "PORTCALL_DATABASE_URL"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=f"The database in {DATABASE}.",
    rich_markup_mode="rich",
)


@app.callback()
def store() -> None:
    """Make a group of the commands, although there is only one."""


@app.command("migrate", epilog=examples(f"{DATABASE}=postgresql://... portcall store migrate"))
def migrate_store() -> None:
    """Bring the database to the schema of this version.

    You may repeat it, and run it several times at once. Management does the same when it starts. If
    a newer version has migrated the database, nothing changes, and the exit code is 2.
    """
    url = os.environ.get(DATABASE)
    if not url:
        raise UsageError(
            f"{DATABASE} is not set: set it to the database, such as"
            " postgresql://user:password@host/name"
        )
    migrate(url)
    note("The database has the schema of this version.")
