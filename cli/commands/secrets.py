"""`portcall secrets`: the keys that the database's secrets are sealed with. Works beside all roles.

It goes to the database itself, not through the API: no key ever travels over HTTP.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from portcall.cli.client import home_folder, read_ready
from portcall.cli.errors import CliError, NotRunningError
from portcall.cli.examples import examples
from portcall.cli.home import Home
from portcall.cli.options import Format
from portcall.cli.output import counted, note, show
from portcall.cli.progress import progress
from portcall.cli.tables import Document, Row, value
from portcall.store.engine import Store, open_store
from portcall.store.secrets.key_file import add_key, keep_first_key
from portcall.store.secrets.keys import FILE_VARIABLE, VARIABLE, KeySource
from portcall.store.secrets.vault import Vault

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The keys that secrets are sealed with in the database.",
    rich_markup_mode="rich",
)


@dataclass(frozen=True, slots=True)
class Site:
    """A database, and its keys."""

    source: KeySource
    vault: Vault
    store: Store

    @classmethod
    @contextmanager
    def here(cls) -> Iterator["Site"]:
        """Those that the environment and ``$PORTCALL_HOME`` name, open for a block.

        Raises:
            KeyFileError: The keys cannot be had.
        """
        home = Home(home_folder())
        source = KeySource.of(os.environ, home.path)
        vault = source.vault()
        with closing(open_store(_database_url(home), vault)) as store:
            yield cls(source, vault, store)

    def answer(self) -> dict[str, Any]:
        """Where the keys are, which there are, and which the database needs."""
        needed = self.store.sealing.key_ids()
        return {
            "keys": self.source.name,
            "sealsWith": self.vault.first,
            "has": self.vault.key_ids,
            "needs": [key or "(in clear)" for key in needed],
            "webhooks": self.store.sealing.count(),
        }

    def reencrypt(self) -> None:
        """Bring all secrets under the first key.

        Raises:
            KeyFileError: A key is missing.
        """
        self.store.sealing.check(self.source.name)
        if not self.vault.first:
            raise CliError(f"{self.source.name} has no key: start management, which makes it")
        with progress("webhooks", self.store.sealing.count()) as advance:
            for sealed in self.store.sealing.seal_all():
                advance(sealed)


def _database_url(home: Home) -> str:
    """The database of this environment, else of the `portcall up` in this home, running or not."""
    if url := os.environ.get("PORTCALL_DATABASE_URL"):
        return url
    try:
        return str(read_ready(home.path)["database_url"])
    except (NotRunningError, KeyError):
        return home.database_url


@app.command("status", epilog=examples("portcall secrets status"))
def status(*, output: Format = None) -> None:
    """Show which keys are here, and which ones the database needs. The keys are not shown."""
    with Site.here() as site:
        show(site.answer(), _row, output)


@app.command("reencrypt", epilog=examples("portcall secrets reencrypt"))
def reencrypt(*, output: Format = None) -> None:
    """Seal every secret with the first key, in parts; after a cut it can be run again.

    Everything may run meanwhile. Afterwards the other keys are needed for old backups only.
    """
    with Site.here() as site:
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
        typer.Option("--forget-old", help="Take the old keys out of the file when all is done."),
    ] = False,
    output: Format = None,
) -> None:
    """Put a new key in front in the key file, and seal every secret with it.

    Roles that run read the file again by themselves. Keys in PORTCALL_ENCRYPTION_KEY cannot be
    changed from here: put the new one in front of the old one yourself, for management and every
    deliverer, start them again, and run `portcall secrets reencrypt`.
    """
    with Site.here() as site:
        if site.source.path is None:
            raise CliError(
                f"the keys are in {VARIABLE}: put a new one in front of them there (a comma"
                " between), restart management and the deliverers, and run `portcall secrets"
                f" reencrypt`; or keep them in a file, which {FILE_VARIABLE} names"
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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: Format = None,
) -> None:
    """Give up the secrets whose key is lost for good: there is no other way to go on without it.

    Their webhooks lose what signs, their custom headers and user info, and are disabled; set them
    anew and enable them. A key that signs access tokens is replaced: whoever has one logs in again.
    What can be opened stays as it is.
    """
    with Site.here() as site:
        if not yes:
            typer.confirm(
                "Secrets that cannot be opened are lost then. Go on?", abort=True, err=True
            )
        note(f"{counted(site.store.sealing.discard(), 'webhook')} lost secrets, and are disabled.")
        show(site.answer(), _row, output)


def _tell(site: Site) -> None:
    others = [key for key in site.store.sealing.key_ids() if key != site.vault.first]
    if others:
        note(
            f"The keys {', '.join(others)} are in use again: a role still seals with them."
            " Restart it, and run this again."
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
