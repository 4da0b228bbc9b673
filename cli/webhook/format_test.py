"""`portcall webhook test-format`: what a registry's last events look like in a format."""

from typing import Annotated

import typer

from portcall.cli import options
from portcall.cli.client import Document, Management
from portcall.cli.formats import read_format
from portcall.cli.options import Format, Group, Registry, Url
from portcall.cli.output import Output, chosen, note, pretty, say
from portcall.cli.tables import clean, value
from portcall.cli.webhook.naming import options_named
from portcall.cli.webhook.scope_test import image

LAST = 1
MAX_LAST = 50


def try_format(
    *,
    registry: Registry,
    format_words: Annotated[list[str], options.FORMAT],
    last: Annotated[
        int,
        typer.Option(
            "--last", metavar="N", min=0, max=MAX_LAST, help="The number of events; 0: an example."
        ),
    ] = LAST,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Test a format: show a registry's last events as they would be sent.

    Only events that were sent to a webhook are shown; an example, if there is none.
    """
    body: Document = {"format": read_format(format_words), "last": last}
    management = Management.at(url)
    path = value(management.find_registry(registry, group), "id")
    with options_named():
        found = management.ask("POST", f"{path}/testFormat", body)
    if chosen(output) is Output.JSON:
        say(pretty(found))
        return
    for each in found.get("value") or []:
        _show(each)


def _show(formed: Document) -> None:
    kind = "An example" if formed.get("isExample") else value(formed, "id")
    note(f"{kind}: {value(formed, 'action')} {clean(image(formed))}")
    if reason := value(formed, "reason"):
        note(f"Nothing would be sent: {clean(reason)}.")
        return
    headers = {"Content-Type": value(formed, "contentType"), **(formed.get("headers") or {})}
    say("\n".join(f"{name}: {clean(str(text))}" for name, text in headers.items()))
    say(f"\n{clean(value(formed, 'body'))}\n")
