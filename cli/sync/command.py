"""`portcall source sync`: publish what a registry did while Portcall did not hear of it."""

import asyncio
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from portcall.cli.client import Management
from portcall.cli.errors import CliError, UsageError
from portcall.cli.examples import examples
from portcall.cli.options import SERVER_PANEL, Format, Group, Registry, Url
from portcall.cli.output import note, show
from portcall.cli.server import find_server, home_folder
from portcall.cli.sync.known import KnownTags
from portcall.cli.sync.publish import Destination
from portcall.cli.sync.registry.client import check_address
from portcall.cli.sync.registry.credentials import PASSWORD, USERNAME, find_credentials
from portcall.cli.sync.registry.kinds import Api
from portcall.cli.sync.report import row
from portcall.cli.sync.run import Order, Sync, add_rest
from portcall.cli.tables import value
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.aliases import Aliases, read_aliases
from portcall.schemas.scopes import check_repository

REGISTRY_PANEL = "The registry"
EVENTS_PANEL = "The events"
MAX_PASSWORD = 64 * 1024
EXAMPLES = examples(
    "portcall source sync -r myregistry --from https://registry.example.com --dry-run",
    "portcall source sync -r myregistry --from https://registry.example.com --yes --max 500",
)

From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="ADDRESS",
        help="The registry's own address, such as https://registry.example.com.",
        show_default=False,
        rich_help_panel=REGISTRY_PANEL,
    ),
]
ApiOption = Annotated[
    Api,
    typer.Option(
        "--api",
        help="How the registry is asked; auto finds Harbor's API and zot's search.",
        case_sensitive=False,
        rich_help_panel=REGISTRY_PANEL,
    ),
]
Repositories = Annotated[
    list[str] | None,
    typer.Option(
        "--repository",
        metavar="REPOSITORY",
        help="Only this repository; may be repeated. Needed where a registry does not list them.",
        show_default=False,
        rich_help_panel=REGISTRY_PANEL,
    ),
]
AliasesOption = Annotated[
    str,
    typer.Option(
        "--aliases",
        metavar="SENT=NAME,...",
        help="Other names for its repositories: the option aliases of its source.",
        show_default=False,
        rich_help_panel=REGISTRY_PANEL,
    ),
]
Username = Annotated[
    str | None,
    typer.Option(
        "--username",
        help=f"The registry's user; by default {USERNAME}, or the one in Docker's config.json.",
        show_default=False,
        rich_help_panel=REGISTRY_PANEL,
    ),
]
PasswordStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        help=f"Read the password from standard input; by default {PASSWORD}.",
        rich_help_panel=REGISTRY_PANEL,
    ),
]
Ca = Annotated[
    str | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        help="Further CA certificates (PEM) to trust for the registry and its token server.",
        show_default=False,
        rich_help_panel=REGISTRY_PANEL,
    ),
]
Concurrency = Annotated[
    int,
    typer.Option(
        "--concurrency",
        min=1,
        max=64,
        help="Requests to the registry at a time.",
        rich_help_panel=REGISTRY_PANEL,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Count only.", rich_help_panel=EVENTS_PANEL),
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes",
        "-y",
        help="Publish without asking. Without it, and without a terminal, this only counts.",
        rich_help_panel=EVENTS_PANEL,
    ),
]
Deletes = Annotated[
    bool,
    typer.Option(
        "--deletes",
        help="Publish a delete, too, for each known manifest that the registry does not have any"
        " more. The credentials must see every repository.",
        rich_help_panel=EVENTS_PANEL,
    ),
]
Adopt = Annotated[
    bool,
    typer.Option(
        "--adopt",
        help="Publish nothing: let what is there count as seen.",
        rich_help_panel=EVENTS_PANEL,
    ),
]
Rate = Annotated[
    float,
    typer.Option(
        "--rate",
        min=0,
        max=10_000,
        help="Events per second; 0: as fast as possible.",
        rich_help_panel=EVENTS_PANEL,
    ),
]
Most = Annotated[
    int | None,
    typer.Option(
        "--max",
        min=0,
        help="Publish nothing if more events than this were missed.",
        show_default=False,
        rich_help_panel=EVENTS_PANEL,
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FILE",
        help="The file with the progress; by default under $PORTCALL_HOME/sync.",
        show_default=False,
        rich_help_panel=EVENTS_PANEL,
    ),
]
ProducerUrl = Annotated[
    str | None,
    typer.Option(
        "--producer-url",
        help="The producer's address; by default from $PORTCALL_HOME/ready.json, or --url.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]


def sync(
    *,
    registry: Registry,
    address: From,
    api: ApiOption = Api.AUTO,
    repository: Repositories = None,
    aliases: AliasesOption = "",
    username: Username = None,
    password_stdin: PasswordStdin = False,
    ca: Ca = None,
    concurrency: Concurrency = 8,
    dry_run: DryRun = False,
    yes: Yes = False,
    deletes: Deletes = False,
    adopt: Adopt = False,
    rate: Rate = 50.0,
    most: Most = None,
    state: State = None,
    group: Group = None,
    url: Url = None,
    producer_url: ProducerUrl = None,
    output: Format = None,
) -> None:
    """Publish the pushes that no event told of, marked as backfilled.

    This compares the tags of the registry itself with those that Portcall knows. It counts first,
    asks, and then publishes with the same ids in every run. A run that was cut off is resumed by
    the same command.
    """
    if adopt and deletes:
        raise UsageError("--adopt publishes no deletes: leave out --adopt or --deletes")
    address = check_address(address)
    server = find_server(url)
    management = Management(server)
    found = management.find_registry(registry, group)
    name = value(found, "name")
    order = Order(
        registry=name,
        address=address,
        api=api,
        repositories=_repositories(repository or ()),
        aliases=_aliases(aliases),
        with_deletes=deletes,
        is_adopting=adopt,
        is_dry=dry_run,
        rate=rate,
        most=most,
        concurrency=concurrency,
        ca_file=ca,
        state=state or _state(name, address),
    )
    host = address.partition("://")[2].partition("/")[0]
    producer = (producer_url or server.producer_url).rstrip("/")
    syncing = Sync(
        order,
        credentials=find_credentials(
            host.lower(), username, _password() if password_stdin else None, os.environ
        ),
        known=KnownTags(management, value(found, "id")),
        destination=Destination(f"{producer}/registries/{name}/events", server.token, name, host),
        confirm=lambda question: _confirmed(question, yes=yes),
    )
    try:
        asyncio.run(syncing.run())
    except KeyboardInterrupt:
        note("Interrupted: the same command resumes it.")
        raise typer.Exit(1) from None
    except CliError as error:
        show(syncing.report.document(), row, output)
        add_rest(error, syncing.report)
        raise
    show(syncing.report.document(), row, output)


def _confirmed(question: str, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        note("Nothing was changed: without a terminal, --yes is needed.")
        return False
    return typer.confirm(question, err=True)


def _aliases(value: str) -> Aliases:
    try:
        return read_aliases(value)
    except InvalidValueError as error:
        raise UsageError(f"--aliases: {error.problem}") from error


def _repositories(names: Sequence[str]) -> list[str]:
    try:
        return [check_repository(name, "--repository") for name in dict.fromkeys(names)]
    except InvalidValueError as error:
        raise UsageError(str(error)) from error


def _state(registry: str, address: str) -> Path:
    subject = hashlib.sha256(address.encode()).hexdigest()[:12]
    return home_folder() / "sync" / f"{registry.lower()}-{subject}.jsonl"


def _password() -> str:
    """The password on standard input, without the end of its line.

    Raises:
        UsageError: There is none, or it is too long.
    """
    text = sys.stdin.read(MAX_PASSWORD + 1).rstrip("\r\n")
    if not text or len(text) > MAX_PASSWORD:
        raise UsageError("--password-stdin: standard input has no password, or too long a one")
    return text
