"""`portcall console`: the console's address, and a link that signs in once."""

import typer

from portcall.cli.client import Management
from portcall.cli.examples import examples
from portcall.cli.options import Format, Url
from portcall.cli.output import note, show
from portcall.cli.tables import Document, Row, seconds, value

PATH = "/portcall/consoleLinks"

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(
    epilog=examples(
        "portcall console",
        "portcall console -o json",
        "PORTCALL_TOKEN=... portcall console --url https://portcall.example.com",
    )
)
def console(*, url: Url = None, output: Format = None) -> None:
    """Print a link that signs in to the console once.

    The link works for ten minutes, and starts one administrator session of up to twelve hours. Open
    it in a browser, or paste its code, portcall_link_..., where the console asks for a token.
    """
    show(link_of(Management.at(url)), link_row, output)
    note("The link signs in once, within ten minutes. Keep it to yourself.")


def link_of(management: Management) -> Document:
    """A new link."""
    return management.ask("POST", PATH)


def link_row(link: Document) -> Row:
    """A link."""
    return {"LINK": value(link, "url"), "WORKS UNTIL": seconds(value(link, "expiresAt"))}
