"""`portcall source`: create, list, show, update, rotate and delete the sources of a registry."""

import sys
from typing import Annotated

import typer

from portcall.cli.client import Management, source_path
from portcall.cli.errors import NotFoundError, UsageError
from portcall.cli.examples import examples
from portcall.cli.options import Format, Group, NameOption, Registry, Url, one_name, pairs
from portcall.cli.output import note, show_all
from portcall.cli.source.checks import listed, ruled
from portcall.cli.source.options import Name, Networks, Options, ProofOption, Secret
from portcall.cli.source.showing import show_source, source_row
from portcall.cli.source.trying import EXAMPLES, try_source
from portcall.cli.sync.command import EXAMPLES as SYNC_EXAMPLES
from portcall.cli.sync.command import sync
from portcall.cli.tables import Document, value
from portcall.schemas.options.drafts import draft_of
from portcall.schemas.sources import SourceKind, check_networks, check_source_name

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Sources: where a registry's events come from. Each has an address and a secret of its"
    " own, for Harbor, GitHub, Docker Hub, Event Grid and others.",
    rich_markup_mode="rich",
)


@app.command(
    "create",
    epilog=examples(
        "portcall source create -r myregistry --kind harbor",
        "portcall source create hub -r myregistry --kind dockerhub --networks 203.0.113.0/24",
    ),
)
def create(
    name: Name = None,
    *,
    name_option: NameOption = None,
    registry: Registry,
    kind: Annotated[
        SourceKind, typer.Option("--kind", help="The product that sends.", case_sensitive=False)
    ],
    proof: ProofOption = None,
    secret: Secret = None,
    options: Options = None,
    networks: Networks = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Create a source, and print how the other side is set up. Its secret is shown once."""
    is_named = name is not None or name_option is not None
    wanted = one_name(name, name_option, "source create") if is_named else kind.value
    given: Document = {
        "kind": kind.value,
        "options": pairs(options or (), "--options"),
        "proof": proof and proof.value,
        "secret": secret,
        "networks": listed(networks) or None,
    }
    ruled(lambda: check_source_name(wanted))
    ruled(lambda: draft_of(**given))
    properties = {key: each for key, each in given.items() if each is not None}
    management = Management.at(url)
    path = source_path(management.find_registry(registry, group), wanted)
    _check_new(management, path, wanted, registry)
    show_source(management, management.ask("PUT", path, {"properties": properties}), output)


@app.command("list", epilog=examples("portcall source list -r myregistry"))
def list_sources(
    *, registry: Registry, group: Group = None, url: Url = None, output: Format = None
) -> None:
    """List the sources of a registry, without their secrets."""
    management = Management.at(url)
    owner = value(management.find_registry(registry, group), "id")
    found = management.ask("GET", f"{owner}/sources")
    show_all(found.get("value", []), source_row, output)


@app.command("show", epilog=examples("portcall source show harbor -r myregistry"))
def show_one(
    name: Name = None,
    *,
    name_option: NameOption = None,
    registry: Registry,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Show one source, and how the other side is set up."""
    name = one_name(name, name_option, "source show")
    management = Management.at(url)
    path = source_path(management.find_registry(registry, group), name)
    show_source(management, management.ask("GET", path), output)


@app.command(
    "update",
    epilog=examples(
        "portcall source update harbor -r myregistry --networks 10.0.0.0/8 2001:db8::/32",
        "portcall source update harbor -r myregistry --proof header --options header=X-Token",
        'portcall source update harbor -r myregistry --networks ""',
    ),
)
def update(
    name: Name = None,
    *,
    name_option: NameOption = None,
    registry: Registry,
    proof: ProofOption = None,
    secret: Secret = None,
    options: Options = None,
    networks: Networks = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Change a source: what is given replaces what it has, and an empty value removes it.

    Another proof without --options removes the options of the previous one. A new --secret replaces
    the previous one at once; after `portcall source rotate` both are accepted for a while.
    """
    name = one_name(name, name_option, "source update")
    given: Document = {
        "proof": proof and proof.value,
        "secret": secret,
        "options": None if options is None else pairs(options, "--options"),
        "networks": listed(networks),
    }
    changes = {key: each for key, each in given.items() if each is not None}
    ruled(lambda: check_networks(changes.get("networks", ())))
    management = Management.at(url)
    path = source_path(management.find_registry(registry, group), name)
    show_source(management, management.ask("PATCH", path, {"properties": changes}), output)


@app.command(
    "rotate",
    epilog=examples(
        "portcall source rotate harbor -r myregistry",
        "portcall source rotate harbor -r myregistry --overlap none",
    ),
)
def rotate(
    name: Name = None,
    *,
    name_option: NameOption = None,
    registry: Registry,
    secret: Secret = None,
    overlap: Annotated[
        str | None,
        typer.Option(
            "--overlap",
            metavar="DURATION",
            help='How long the previous secret is accepted, such as 7d; "none" for not at all.',
            show_default=False,
        ),
    ] = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Give a source another secret; the previous one is accepted for a while, too."""
    name = one_name(name, name_option, "source rotate")
    management = Management.at(url)
    body = {"secret": secret} if secret else {}
    if overlap is not None:
        body["overlap"] = overlap
    path = source_path(management.find_registry(registry, group), name)
    show_source(management, management.ask("POST", f"{path}/rotateSecret", body), output)


@app.command("delete", epilog=examples("portcall source delete harbor -r myregistry --yes"))
def delete(
    name: Name = None,
    *,
    name_option: NameOption = None,
    registry: Registry,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    group: Group = None,
    url: Url = None,
) -> None:
    """Delete a source: after two seconds its sender gets 404."""
    name = one_name(name, name_option, "source delete")
    management = Management.at(url)
    path = source_path(management.find_registry(registry, group), name)
    management.ask("GET", path)
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete the source {name} of {registry}?", abort=True, err=True)
    management.ask("DELETE", path)
    note(f"Deleted the source {name}.")


app.command("try", epilog=EXAMPLES)(try_source)
app.command("sync", epilog=SYNC_EXAMPLES)(sync)


def _check_new(management: Management, path: str, name: str, registry: str) -> None:
    """Check that there is no such source: a PUT would replace it.

    Raises:
        UsageError: There is one.
    """
    try:
        found: Document = management.ask("GET", path)["properties"]
    except NotFoundError:
        return
    raise UsageError(
        f"{registry} has a source {name} already, of the kind {found['kind']}: give another NAME,"
        " or change it with `portcall source update`"
    )
