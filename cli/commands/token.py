"""`portcall token`: manage the tokens that give access to this installation."""

from enum import StrEnum
from typing import Annotated

import typer

from portcall.cli import completion
from portcall.cli.client import Management
from portcall.cli.errors import NotFoundError
from portcall.cli.examples import examples
from portcall.cli.options import Format, NameOption, Url, name_too, one_name
from portcall.cli.output import note, show, show_all
from portcall.cli.tables import Document, Row, seconds, value

PATH = "/portcall/tokens"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Tokens: each gives rights to one user or program. A token's secret is a password for"
    " az, and a bearer token.",
    rich_markup_mode="rich",
)


class TokenRole(StrEnum):
    """What a token may do."""

    ADMINISTRATOR = "administrator"
    READER = "reader"
    PUBLISHER = "publisher"


@app.command(
    "create",
    epilog=examples(
        "portcall token create ci --role administrator --expires 90d",
        "portcall token create dashboard --role reader",
        "portcall token create registry01 --role publisher -r myregistry",
    ),
)
def create(
    name: Annotated[
        str | None,
        typer.Argument(
            help="The token's name, for example its purpose.", metavar="NAME", show_default=False
        ),
    ] = None,
    *,
    name_option: NameOption = None,
    role: Annotated[
        TokenRole,
        typer.Option(
            "--role",
            help="administrator: everything; reader: read-only; publisher: publishes the"
            " events of one registry.",
            case_sensitive=False,
            show_default=False,
        ),
    ],
    registry: Annotated[
        str | None,
        typer.Option(
            "--registry",
            "-r",
            help="The registry of a publisher.",
            show_default=False,
            autocompletion=completion.registries,
        ),
    ] = None,
    expires: Annotated[
        str,
        typer.Option(
            "--expires", metavar="TIME", help='How long the token is valid, such as 90d; or "none".'
        ),
    ] = "none",
    url: Url = None,
    output: Format = None,
) -> None:
    """Create a token. Its secret is shown once, and cannot be shown again."""
    body = {
        "name": one_name(name, name_option, "token create"),
        "role": role.value,
        "expiresAfter": expires,
    }
    if registry is not None:
        body["registry"] = registry
    show(Management.at(url).ask("POST", PATH, body), secret_row, output)
    note("Keep the secret: it is not shown again.")


@app.command("list", epilog=examples("portcall token list", "portcall token list -o json"))
def list_tokens(*, url: Url = None, output: Format = None) -> None:
    """List the tokens, without their secrets; expired and revoked ones stay for 30 more days."""
    show_all(Management.at(url).pages("GET", PATH), token_row, output)


@app.command(
    "revoke",
    epilog=examples(
        "portcall token revoke ci",
        "portcall token revoke 0a1b2c3d-0000-4000-8000-000000000000",
    ),
)
def revoke(
    token: Annotated[
        str | None,
        typer.Argument(
            help="Its name or its client id.",
            metavar="NAME",
            show_default=False,
            autocompletion=completion.tokens,
        ),
    ] = None,
    *,
    name_option: Annotated[str | None, name_too(completion.tokens)] = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Revoke a token: after at most two seconds it is refused."""
    token = one_name(token, name_option, "token revoke")
    management = Management.at(url)
    client_id = value(find(management, token), "clientId")
    show(management.ask("POST", f"{PATH}/{client_id}/revoke"), token_row, output)


def find(management: Management, wanted: str) -> Document:
    """Return the token of that name or client id; of several with the name, the valid one.

    Raises:
        NotFoundError: There is none.
    """
    found = [
        each
        for each in management.pages("GET", PATH)
        if wanted.lower() in (value(each, "name").lower(), value(each, "clientId"))
    ]
    if not found:
        raise NotFoundError(f"there is no token {wanted!r}: see `portcall token list`")
    return next((each for each in found if value(each, "status") != "revoked"), found[0])


def token_row(token: Document) -> Row:
    """Return a token, without its secret."""
    return {
        "NAME": value(token, "name"),
        "CLIENT ID": value(token, "clientId"),
        "ROLE": value(token, "role"),
        "REGISTRY": value(token, "registry"),
        "STATUS": value(token, "status"),
        "EXPIRES": seconds(value(token, "expiresAt")),
        "LAST USED": seconds(value(token, "lastUsedAt")),
    }


def secret_row(token: Document) -> Row:
    """Return a new token."""
    return {
        "NAME": value(token, "name"),
        "CLIENT ID": value(token, "clientId"),
        "SECRET": value(token, "clientSecret"),
    }
