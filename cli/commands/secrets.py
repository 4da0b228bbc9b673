"""`portcall secrets`: manage the keys that seal the database's secrets, while all roles run.

It works on the database itself, not through the API, so that no key travels over HTTP.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from portcall.cli.errors import CliError, NotRunningError
from portcall.cli.examples import examples
from portcall.cli.home import Home
from portcall.cli.options import Format
from portcall.cli.output import note, show
from portcall.cli.progress import progress
from portcall.cli.server import home_folder, read_ready
from portcall.cli.tables import Document, Row, value
from portcall.schemas.plurals import counted
from portcall.store.engine import Store, open_store
from portcall.store.secrets.key_file import add_key, keep_first_key
from portcall.store.secrets.keys import FILE_VARIABLE, VARIABLE, KeySource
from portcall.store.secrets.vault import Vault

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The keys that seal secrets in the database.",
    rich_markup_mode="rich",
)


@dataclass(frozen=True, slots=True)
class SealedDatabase:
    """A database, and its keys."""

    source: KeySource
    vault: Vault
    store: Store

    @classmethod
    @contextmanager
    def here(cls) -> Iterator["SealedDatabase"]:
        """Open, for a block, the database and keys that the environment or the home names.

        Raises:
            KeyFileError: The keys cannot be read.
        """
        home = Home(home_folder())
        source = KeySource.of(os.environ, home.path)
        vault = source.vault()
        with closing(open_store(_database_url(home), vault)) as store:
            yield cls(source, vault, store)

    def answer(self) -> dict[str, Any]:
        """Return where the keys are, which keys exist, and which ones the database needs."""
        needed = self.store.sealing.key_ids()
        return {
            "keys": self.source.name,
            "sealsWith": self.vault.first,
            "has": self.vault.key_ids,
            "needs": [key or "(in clear)" for key in needed],
            "webhooks": self.store.sealing.count(),
        }

    def reencrypt(self) -> None:
        """Seal all secrets with the first key.

        Raises:
            KeyFileError: A key is missing.
        """
        self.store.sealing.check(self.source.name)
        if not self.vault.first:
            raise CliError(f"{self.source.name} has no key: start management, which creates it")
        with progress("webhooks", self.store.sealing.count()) as advance:
            for sealed in self.store.sealing.seal_all():
                advance(sealed)


def _database_url(home: Home) -> str:
    """Return the database of this environment, or else of the `portcall up` in this home."""
    if url := os.environ.get("PORTCALL_DATABASE_URL"):
        return url
    try:
        return str(read_ready(home.path)["database_url"])
    except (NotRunningError, KeyError):
        return home.database_url


@app.command("status", epilog=examples("portcall secrets status"))
def status(*, output: Format = None) -> None:
    """Show which keys exist, and which ones the database needs. The keys are not printed."""
    with SealedDatabase.here() as site:
        show(site.answer(), _row, output)


@app.command("reencrypt", epilog=examples("portcall secrets reencrypt"))
def reencrypt(*, output: Format = None) -> None:
    """Seal every secret with the first key, in batches; run it again after an interruption.

    The roles may run meanwhile. Afterwards only old backups need the other keys.
    """
    with SealedDatabase.here() as site:
        site.reencrypt()
        _tell(site)
        show(site.answer(), _row, output)


@app.command(
    "rotate-key",
    epilog=examples("portcall secrets rotate-key", "portcall secrets rotate-key --forget-old"),
)
def rotate_key(
    *,
    forget_old: Annotated[
        bool,
        typer.Option("--forget-old", help="Remove the old keys from the file at the end."),
    ] = False,
    output: Format = None,
) -> None:
    """Add a new first key to the key file, and seal every secret with it.

    Running roles read the file again by themselves. Keys in PORTCALL_ENCRYPTION_KEY cannot be
    changed from here: put the new key before the old one yourself, for management, every
    deliverer and every producer, restart them, and run `portcall secrets reencrypt`.
    """
    with SealedDatabase.here() as site:
        if site.source.path is None:
            raise CliError(
                f"the keys are in {VARIABLE}: put a new key before them there (with a comma in"
                " between), restart management and the deliverers, and run `portcall secrets"
                f" reencrypt`; or keep the keys in a file that {FILE_VARIABLE} names"
            )
        site.store.sealing.check(site.source.name)
        add_key(site.source.path)
        site.vault.refresh()
        site.reencrypt()
        if forget_old and site.store.sealing.key_ids() == [site.vault.first]:
            keep_first_key(site.source.path)
            site.vault.refresh()
        _tell(site)
        show(site.answer(), _row, output)


@app.command(
    "discard", epilog=examples("portcall secrets discard", "portcall secrets discard --yes")
)
def discard(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    output: Format = None,
) -> None:
    """Discard the secrets whose key is lost: the only way to continue without that key.

    Their webhooks lose their signing secrets, custom headers and user info, and are disabled; set
    these again and enable the webhooks. A lost key that signs access tokens is replaced: clients
    then have to log in again. Secrets that can be opened stay.
    """
    with SealedDatabase.here() as site:
        if not yes:
            typer.confirm(
                "Secrets that cannot be opened will be lost. Continue?", abort=True, err=True
            )
        note(f"{counted(site.store.sealing.discard(), 'webhook')} lost secrets, and are disabled.")
        show(site.answer(), _row, output)


def _tell(site: SealedDatabase) -> None:
    others = [key for key in site.store.sealing.key_ids() if key != site.vault.first]
    if others:
        note(
            f"The keys {', '.join(others)} are in use again: a role still seals with them."
            " Restart it, and run this command again."
        )
        return
    sealed = counted(site.store.sealing.count(), "webhook")
    note(f"{sealed}: every secret is sealed with the key {site.vault.first}.")


def _row(answer: Document) -> Row:
    return {
        "KEYS": value(answer, "keys"),
        "SEALS WITH": value(answer, "sealsWith"),
        "HAS": " ".join(answer["has"]),
        "NEEDS": " ".join(answer["needs"]),
        "WEBHOOKS": str(answer["webhooks"]),
    }
