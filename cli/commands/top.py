"""`portcall top`: the state of the installation and of failing endpoints, at a glance."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from portcall.cli import completion
from portcall.cli.client import Document, Management
from portcall.cli.commands.top_page import page, rows_of
from portcall.cli.errors import NotRunningError, ServiceError
from portcall.cli.options import Format, Url
from portcall.cli.output import Output, pretty, say
from portcall.cli.tables import clean, table

PATH = "/portcall/overview"
EVERY_S = 1.0


def top(
    *,
    registry: Annotated[
        str | None,
        typer.Option(
            "--registry",
            "-r",
            help="Only this registry, with its webhooks.",
            show_default=False,
            autocompletion=completion.registries,
        ),
    ] = None,
    span: Annotated[
        str, typer.Option("--span", metavar="TIME", help="The time span to show, 1m to 31d.")
    ] = "1h",
    url: Url = None,
    output: Format = None,
) -> None:
    """Watch rates, queues, retries and failing endpoints, live.

    With a registry, also show its webhooks, those with the most failures first. Ctrl-C ends it. If
    the output is not a terminal, print one table and end; with -o json, print one snapshot.
    """
    management = Management.at(url)
    query = {"span": span, **({"registry": registry.partition(".")[0]} if registry else {})}

    def ask() -> Document:
        return management.ask("GET", PATH, query=query)

    first = ask()
    if output is Output.JSON:
        say(pretty(first))
    elif sys.stdout.isatty():
        with suppress(KeyboardInterrupt):
            watch(ask, first, Console(highlight=False), span)
    else:
        say(table(rows_of(first)))


def watch(
    ask: Callable[[], Document],
    shown: Document,
    console: Console,
    span: str,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Refresh the page until Ctrl-C; if the server is away, say so and ask again.

    Args:
        ask: Gets an overview.
        shown: The first one.
        console: The terminal.
        span: The time span, as given.
        pause: Waits for so many seconds; an exception from it ends the loop.
    """
    with Live(page(shown, span), console=console, screen=True, auto_refresh=False) as live:
        while True:
            pause(EVERY_S)
            problem = ""
            try:
                shown = ask()
            except (NotRunningError, ServiceError) as error:
                problem = clean(str(error))
            picture: RenderableType = page(shown, span)
            told = Group(Text(problem, "red"), picture) if problem else picture
            live.update(told, refresh=True)
