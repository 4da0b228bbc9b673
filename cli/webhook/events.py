"""`portcall webhook list-events`: a webhook's records, stored ones or live."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Annotated

import typer

from portcall.cli.client import Document, Management, webhook_path
from portcall.cli.errors import NotRunningError, ServiceError
from portcall.cli.options import Format, Group, Name, Registry, Url
from portcall.cli.output import Output, chosen, compact, note, say, show_all
from portcall.cli.tables import (
    RECORD_WIDTHS,
    clean,
    heading,
    line_of,
    record_row,
    whole_record_row,
)

PAGE = 500
RECONNECT_S = 1.0
"""How long `--follow` waits before it reconnects."""


def list_events(
    *,
    registry: Registry,
    name: Name,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Print records as they arrive, until Ctrl-C."),
    ] = False,
    max_items: Annotated[
        int | None,
        typer.Option(
            "--max-items",
            metavar="N",
            min=1,
            help="Print the newest N records; with --follow, the first N that arrive.",
            show_default=False,
        ),
    ] = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """List the requests to a webhook and its responses, newest first."""
    management = Management.at(url)
    path = webhook_path(management.find_registry(registry, group), name)
    if follow:
        with suppress(KeyboardInterrupt):
            printed = printer(output)
            for record in islice(follow_events(management, path), max_items):
                printed(record)
    else:
        found = list(newest(management, path, max_items))
        show_all(found, whole_record_row, output)
        if chosen(output) is Output.TABLE and any(map(_unanswered, found)):
            note("No HTTP STATUS: there was no answer; REASON says why.")


def _unanswered(record: Document) -> bool:
    return not record_row(record)["HTTP STATUS"]


def newest(management: Management, path: str, count: int | None) -> Iterator[Document]:
    """Return the newest *count* records of a webhook, or all of them; newest first."""
    query = {"$top": str(min(count or PAGE, PAGE))}
    return islice(management.pages("POST", f"{path}/listEvents", query=query), count)


def follow_events(
    management: Management, path: str, *, wait: Callable[[float], None] = time.sleep
) -> Iterator[Document]:
    """Yield the records of a webhook as they arrive; endless, with reconnects.

    Args:
        management: The API.
        path: The webhook's path.
        wait: Waits for so many seconds before the next try.

    Raises:
        NotRunningError: The first connection failed.
        ServiceError: The first connection failed, or the webhook was deleted.
    """
    following = False
    while True:
        try:
            for line in management.lines(f"{path}/followEvents", "text/event-stream"):
                if line.startswith(b": following"):
                    note("Following; Ctrl-C ends it." if not following else "Following again.")
                    following = True
                elif line.startswith(b"data:"):
                    yield json.loads(line[len(b"data:") :])
            problem = "the server ended the connection"
        except (NotRunningError, ServiceError) as error:
            if not following or _final(error):
                raise
            problem = str(error)
        note(
            f"{clean(problem)}; reconnecting. list-events without --follow shows the records"
            " missed meanwhile."
        )
        wait(RECONNECT_S)


def _final(error: NotRunningError | ServiceError) -> bool:
    """Whether a retry is pointless: the webhook or the token is gone."""
    return isinstance(error, ServiceError) and error.status < 500


def printer(output: Output | None) -> Callable[[Document], None]:
    """Return the printer for records that arrive one by one: table rows, or a line of JSON each."""
    if chosen(output) is Output.JSON:
        return lambda record: say(compact(record))
    headed = False

    def row(record: Document) -> None:
        nonlocal headed
        cells = whole_record_row(record)
        if not headed:
            say("\n".join(heading(list(cells), RECORD_WIDTHS)))
            headed = True
        say(line_of([clean(cell) for cell in cells.values()], RECORD_WIDTHS))

    return row
