"""`portcall registry`: manage the registries that send events, by ARM's rules."""

import sys
from typing import Annotated

import typer

from portcall.cli import completion
from portcall.cli.client import Management
from portcall.cli.examples import examples
from portcall.cli.options import Format, Group, NameOption, Url, name_too, one_name, pairs
from portcall.cli.output import note, show, show_all
from portcall.cli.tables import registry_row, value
from portcall.schemas.webhooks import Sku

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Registries: the sources of events, and the owners of webhooks.",
    rich_markup_mode="rich",
)

NewName = Annotated[
    str | None,
    typer.Argument(
        help="The registry's name: 5 to 50 letters and digits.", metavar="NAME", show_default=False
    ),
]
ExistingName = Annotated[
    str | None,
    typer.Argument(
        help="The registry's name.",
        metavar="NAME",
        show_default=False,
        autocompletion=completion.registries,
    ),
]
ExistingNameOption = Annotated[str | None, name_too(completion.registries)]


@app.command(
    "create",
    epilog=examples(
        "portcall registry create myregistry",
        "portcall registry create --name myregistry --sku Basic -l westeurope --tags team=web",
    ),
)
def create(
    name: NewName = None,
    *,
    name_option: NameOption = None,
    location: Annotated[
        str, typer.Option("--location", "-l", help="The Azure region that Azure clients see.")
    ] = "westus",
    sku: Annotated[
        Sku, typer.Option("--sku", help="Its tier: 2, 10 or 500 webhooks.", case_sensitive=False)
    ] = Sku.PREMIUM,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tags", metavar="KEY=VALUE...", help="Tags.", show_default=False),
    ] = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Create a registry, or update the existing one of that name."""
    name = one_name(name, name_option, "registry create")
    management = Management.at(url)
    body = {
        "location": location,
        "sku": {"name": sku.value},
        "tags": pairs(tags or (), "--tags"),
        "properties": {"adminUserEnabled": False},
    }
    made = management.ask("PUT", management.registry_path(name, group), body)
    show(made, registry_row, output)


@app.command("list", epilog=examples("portcall registry list", "portcall registry list -o json"))
def list_registries(*, group: Group = None, url: Url = None, output: Format = None) -> None:
    """List the registries."""
    show_all(Management.at(url).registries(group), registry_row, output)


@app.command("show", epilog=examples("portcall registry show myregistry"))
def show_registry(
    name: ExistingName = None,
    *,
    name_option: ExistingNameOption = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Show one registry."""
    name = one_name(name, name_option, "registry show")
    show(Management.at(url).find_registry(name, group), registry_row, output)


@app.command(
    "delete",
    epilog=examples(
        "portcall registry delete myregistry", "portcall registry delete myregistry --yes"
    ),
)
def delete(
    name: ExistingName = None,
    *,
    name_option: ExistingNameOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    group: Group = None,
    url: Url = None,
) -> None:
    """Delete a registry and all its webhooks."""
    name = one_name(name, name_option, "registry delete")
    management = Management.at(url)
    registry = management.find_registry(name, group, wanted=False)
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete the registry {name} and all its webhooks?", abort=True, err=True)
    management.ask("DELETE", value(registry, "id"))
    note(f"Deleted the registry {name}.")
