"""Shell completion: names that the server knows; none while the server does not answer."""

from collections.abc import Callable, Iterator

import typer

from portcall.cli.client import Management
from portcall.cli.server import find_server
from portcall.cli.tables import value
from portcall.cli.transport import HttpTransport
from portcall.schemas.errors import PortcallError
from portcall.schemas.events import Action
from portcall.schemas.formats.names import FormatName

PATIENCE_S = 2.0
"""How long a user waits after pressing TAB."""


def registries() -> list[str]:
    """Return the names of the registries."""
    return _names(lambda management: management.registries())


def webhooks(context: typer.Context) -> list[str]:
    """Return the names of the webhooks of the registry that the command line already names."""
    registry = context.params.get("registry")
    if not registry:
        return []
    return _names(
        lambda management: management.pages(
            "GET", f"{value(management.find_registry(str(registry)), 'id')}/webhooks"
        )
    )


def tokens() -> list[str]:
    """Return the names of the valid tokens."""
    return _names(
        lambda management: (
            each
            for each in management.pages("GET", "/portcall/tokens")
            if value(each, "status") == "live"
        )
    )


def actions() -> list[str]:
    """Return the names of the actions."""
    return [action.value for action in Action]


def formats() -> list[str]:
    """Return the names of the formats."""
    return [name.value for name in FormatName]


def _names(ask: Callable[[Management], Iterator[dict[str, object]]]) -> list[str]:
    try:
        server = find_server()
        ca_file = str(server.ready.get("ca_file") or "")
        with HttpTransport(
            server.management_url, token=server.token, ca_file=ca_file, patience_s=PATIENCE_S
        ) as http:
            return [value(each, "name") for each in ask(Management(server, http))]
    except PortcallError:
        return []
