"""`portcall webhook secret`: rotate a webhook's signing secret, and show its public keys."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from portcall.cli import options
from portcall.cli.client import Management, webhook_path
from portcall.cli.examples import examples
from portcall.cli.options import Format, Group, Name, Registry, Url
from portcall.cli.output import Output, chosen, note, paint, show, show_all
from portcall.cli.tables import Document, Row, clean, seconds, value
from portcall.cli.webhook.naming import options_named
from portcall.cli.webhook.rows import webhook_row_for
from portcall.schemas.signatures import Scheme

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The secret that signs a webhook's requests (Standard Webhooks).",
    rich_markup_mode="rich",
    epilog=examples(
        "portcall webhook secret rotate -r myregistry -n ci01hook",
        "portcall webhook secret show-public -r myregistry -n ci01hook",
    ),
)
_EXTRAS = ("properties", "portcall")


@app.command(
    "rotate",
    epilog=examples(
        "portcall webhook secret rotate -r myregistry -n ci01hook",
        "portcall webhook secret rotate -r myregistry -n ci01hook --overlap 1h",
        "portcall webhook secret rotate -r myregistry -n ci01hook --signature v1a",
        "portcall webhook secret rotate -r myregistry -n ci01hook --overlap none   # it leaked",
    ),
)
def rotate(
    *,
    registry: Registry,
    name: Name,
    overlap: Annotated[
        str | None,
        typer.Option(
            "--overlap",
            metavar="DURATION",
            help='For how long the old secret also signs, such as 24h; "none" ends it at once.'
            " By default PORTCALL_SECRET_OVERLAP (24h).",
            show_default=False,
        ),
    ] = None,
    signature: Annotated[Scheme | None, options.SIGNATURE] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            "--secret",
            metavar="SECRET",
            help="Your own new secret, whsec_...; by default one is created.",
            show_default=False,
        ),
    ] = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Give a webhook a new secret; the old one also signs for a day, so consumers can switch.

    The new secret is shown only once. Of a v1a key, only the public half is ever shown.
    """
    given = {"overlap": overlap, "signature": signature, "secret": secret}
    body = {key: each for key, each in given.items() if each is not None}
    management = Management.at(url)
    found = management.find_registry(registry, group)
    path = f"{webhook_path(found, name)}/rotateSecret"
    with options_named():
        rotated = management.ask("POST", path, body)
    tell_webhook(rotated, output, signing_row)


@app.command(
    "show-public",
    epilog=examples("portcall webhook secret show-public -r myregistry -n ci01hook"),
)
def show_public(
    *,
    registry: Registry,
    name: Name,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Show the public keys that a webhook's consumer should trust; two during a rotation."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    keys = management.ask("GET", f"{webhook_path(found, name)}/publicKeys").get("value") or []
    show_all(keys, key_row, output)
    if not keys and chosen(output) is Output.TABLE:
        note("It has no public key: only v1a has one.")


def signing_row(webhook: Document) -> Row:
    """Return how a webhook signs, and until when the old secret signs as well."""
    return {
        "NAME": value(webhook, "name"),
        "SIGNATURE": value(webhook, *_EXTRAS, "signature"),
        "PUBLIC KEY": value(webhook, *_EXTRAS, "publicKey"),
        "BEFORE": value(webhook, *_EXTRAS, "previousSignature"),
        "UNTIL": seconds(value(webhook, *_EXTRAS, "previousUntil")),
    }


def key_row(key: Document) -> Row:
    """Return a public key, and until when it is used, if known."""
    return {"PUBLIC KEY": value(key, "key"), "UNTIL": seconds(value(key, "until"))}


def tell_webhook(
    webhook: Document, output: Output | None, row: Callable[[Document], Row] | None = None
) -> None:
    """Print a changed webhook and, with a table, its new secret: no other answer contains it."""
    show(webhook, row or webhook_row_for([webhook]), output)
    for warning in ((webhook.get("properties") or {}).get("portcall") or {}).get("warnings") or ():
        note(paint(f"Warning: {clean(str(warning))}", "yellow", sys.stderr))
    secret = value(webhook, *_EXTRAS, "secret")
    if secret and chosen(output) is Output.TABLE:
        note(f"Its secret, shown only once: {secret}")
